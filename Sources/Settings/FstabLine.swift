/// A line of fstab(5) that mounts at boot or on first use what was typed on a command line.
package struct FstabLine: Sendable, Hashable {
    /// The line without its end.
    package let text: String
    /// The credentials file that the line names and that has yet to be written; nil where the command line named a source of the
    /// password that is there at boot as well.
    package let missingCredentials: String?

    /// Options of this program that mean something on a terminal alone.
    private static let passing: Set<String> = ["debug", "password_stdin"]

    /// Puts the line together; `user` is the name that was used on the server, `learned` what else the server needs.
    ///
    /// What depends on who mounts and from where is spelt out, for at boot it is root: relative paths, the user's name, the owner
    /// of the files. Throws what is wrong with the options.
    package init(
        _ request: MountRequest, _ settings: MountSettings, user: [UInt8], learned: [OptionElement],
        _ surroundings: Surroundings
    ) throws(SettingsError) {
        var elements = ["noauto", "nofail", "_netdev", "x-systemd.automount"].map { OptionElement($0) }
        var named: Set<String> = []
        for list in request.optionLists {
            for element in try OptionElement.list(list) {
                guard let option = OptionTable.find(element.name), !Self.passing.contains(option.name),
                    option.name != "log" || element.value != "stderr"
                else { continue }
                named.insert(option.name)
                let lasting = try Self.lasting(element, option, surroundings)
                if !elements.contains(lasting) { elements.append(lasting) }
            }
        }
        if let port = request.port, !named.contains("port") { elements.append(OptionElement("port", port)) }
        if settings.credentials.userName == nil {
            elements.append(OptionElement("username", ArgumentText.text(user)))
        }
        let isKnown = !named.isDisjoint(with: ["credentials", "netrc", "cert"])
        missingCredentials = isKnown ? nil : "/etc/ftpsfs/\(settings.server.host).cred"
        if let missingCredentials { elements.append(OptionElement("credentials", missingCredentials)) }
        if surroundings.userID != 0, named.isDisjoint(with: ["uid", "gid", "allow_other", "allow_root"]) {
            elements += [
                OptionElement("uid", String(surroundings.userID)),
                OptionElement("gid", String(surroundings.groupID)), OptionElement("allow_other"),
            ]
        }
        elements += learned.filter { !named.contains($0.name) }
        let fields = [
            request.source, "/mnt/" + settings.server.host, "ftpsfs",
            elements.map(\.text).joined(separator: ","), "0", "0",
        ]
        text = fields.map(Self.field).joined(separator: "  ")
    }

    /// An option without what its value owes to the place and the user it was typed by.
    private static func lasting(
        _ element: OptionElement, _ option: MountOption, _ surroundings: Surroundings
    ) throws(SettingsError) -> OptionElement {
        let isFile =
            switch option.kind {
            case .value("FILE"), .value("DIR"), .optionalValue("FILE"): true
            default: option.name == "log" && element.value != "syslog"
            }
        guard isFile else { return element }
        let value = element.value.flatMap { $0.isEmpty ? nil : $0 } ?? "~/.netrc"
        let path = OptionValue(option: element.name, text: value, surroundings: surroundings)
        return OptionElement(element.name, try path.path())
    }

    /// A field as fstab(5) has it: blanks and backslashes as three octal digits, and so bytes that are no text.
    private static func field(_ text: String) -> String {
        var field = ""
        for scalar in text.unicodeScalars {
            let bytes = ArgumentText.bytes(String(scalar))
            let isPlain = ArgumentText.isPlain(String(scalar)) && scalar != "\\" && scalar.value > 0x20
            if isPlain, scalar.value != 0x7F {
                field.unicodeScalars.append(scalar)
            } else {
                for byte in bytes {
                    let digits = String(byte, radix: 8)
                    field += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                }
            }
        }
        return field
    }
}
