import Posix

@testable import Settings

/// What comes from command lines and local files.
enum SettingsTargets {
    private static let surroundings = Surroundings(
        environment: ["HOME": "/home/me", "USER": "me"], userID: 1000, groupID: 1000)

    private static func text(_ input: [UInt8]) -> String {
        let text = ArgumentText.text(input)
        promise(ArgumentText.bytes(text) == input, "an argument comes back as the same bytes")
        promise(isPrintable(ArgumentText.printable(text)), "a text for messages is printable")
        return text
    }

    /// An `-o` list.
    static let options: @Sendable ([UInt8]) -> Void = { input in
        let text = text(input)
        guard let elements = try? OptionElement.list(text) else { return }
        let written = elements.map(\.text).joined(separator: ",")
        promise((try? OptionElement.list(written)) == elements, "a list is read as it is written")
        let request = MountRequest(source: "me@host:", mountPoint: "/mnt", optionLists: [text])
        do throws(SettingsError) {
            let settings = try MountSettings(request, surroundings)
            promise(1...64 ~= settings.server.maximumConnections, "a bounded number of connections")
            promise(
                settings.server.timeout > .zero && settings.server.connectTimeout > .zero, "bounded waits")
            promise(settings.tls.pins.allSatisfy { $0.count == 32 }, "a pin is a whole digest")
            let line = try FstabLine(request, settings, user: Array("me".utf8), learned: [], surroundings)
            let fields = line.text.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 9 || $0 == 10 })
            promise(fields.count == 6, "a line of fstab has six fields")
        } catch {
            check(error)
        }
    }

    private static func check(_ error: SettingsError) {
        promise(!error.message.isEmpty, "an error has words")
        promise(isPrintable(error.message), "an error is one line")
    }

    /// The SOURCE argument.
    static let source: @Sendable ([UInt8]) -> Void = { input in
        do throws(SettingsError) {
            let source = try MountSource(parsing: text(input))
            promise(!source.host.isEmpty && !source.host.hasPrefix("-"), "a host is no option")
            promise(source.host.utf8.allSatisfy { 0x21..<0x7f ~= $0 }, "a host is printable")
            promise(!source.host.contains { "[]/@\\".contains($0) }, "a host is nothing but a host")
            promise(source.port != 0, "a port")
            promise(!source.path.contains { [0, 10, 13].contains($0) }, "a path can be sent")
            let user = source.userName.map { ArgumentText.bytes($0) }
            promise(user?.isEmpty != true, "a user has a name")
            promise(user?.contains { [0, 10, 13].contains($0) } != true, "a user can be sent")
        } catch {
            check(error)
        }
    }

    /// A credentials file.
    static let credentials: @Sendable ([UInt8]) -> Void = { input in
        do throws(SettingsError) {
            let file = try CredentialsFile(SecretBytes(copying: input.span), path: "/cred")
            for secret in [file.password, file.account, file.keyPassphrase] {
                promise(secret?.contains(10) != true && secret?.count ?? 0 <= input.count, "a line's end")
            }
            promise(file.account?.contains(0) != true && file.account?.contains(13) != true, "an account")
            if let name = file.userName {
                promise(
                    !ArgumentText.bytes(name).contains { [0, 10, 13].contains($0) }, "a name can be sent")
            }
        } catch {
            check(error)
        }
    }

    /// A netrc file.
    static let netrc: @Sendable ([UInt8]) -> Void = { input in
        let content = SecretBytes(copying: input.span)
        for user in ["me", nil] {
            guard let found = Netrc.find(in: content, host: "host", user: user) else { continue }
            promise(found.password?.count ?? 0 <= input.count, "a password is part of the file")
            if let user, let name = found.userName { promise(name == user, "the entry is the user's") }
        }
    }
}
