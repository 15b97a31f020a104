import Remote

@testable import FTPWire

/// What comes from servers.
enum WireTargets {
    /// Bytes of a control connection: read whole, byte by byte and in halves, they give the same replies.
    static let replies: @Sendable ([UInt8]) -> Void = { input in
        let whole = read([input[...]])
        let half = input.count / 2
        promise(read([input[..<half], input[half...]]) == whole, "halves give other replies")
        // Handing over single bytes has a price of its own, which is no matter at length.
        if input.count < 1 << 16 {
            promise(read(input.indices.map { input[$0...$0] }) == whole, "single bytes give other replies")
        }
        for reply in whole.replies.prefix(100) { check(reply) }
    }

    private struct Reading: Equatable {
        var replies: [Reply] = []
        var error: ReplyError?
    }

    private static func read(_ pieces: [ArraySlice<UInt8>]) -> Reading {
        var reader = ReplyReader()
        var reading = Reading()
        do throws(ReplyError) {
            for piece in pieces {
                reader.append(piece)
                while let reply = try reader.next() { reading.replies.append(reply) }
            }
        } catch {
            reading.error = error
        }
        return reading
    }

    /// One reply: a code chosen by the first byte, and lines.
    static let answers: @Sendable ([UInt8]) -> Void = { input in
        guard let first = input.first else { return }
        let codes = [211, 213, 227, 229, 250, 257, 200, 421, 450, 550]
        let lines = input.dropFirst().split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
        check(Reply(code: codes[Int(first) % codes.count], lines: lines))
    }

    private static func check(_ reply: Reply) {
        promise(100..<600 ~= reply.code && !reply.lines.isEmpty, "a reply has a code and a line")
        promise(isPrintable(reply.description), "a reply's text is printable")
        promise(reply.text.utf8.count <= 4 * Reply.textLimit + 3, "a reply's text is short")
        if let address = PassiveAddress(extended: reply) { promise(address.port > 0, "a port") }
        if let address = PassiveAddress(passive: reply) {
            promise(address.port > 0 && address.address?.count == 4, "a port and an address")
        }
        if let path = PathReply(reply)?.path { check(path) }
        let features = Features(reply)
        promise(features.lines.allSatisfy(isPrintable), "features are printable")
        _ = ServerSoftware(greeting: reply, features: features)
        if let stated = StatedTime(reply) { check(stated) }
        if let attributes = try? MachineListing.attributes(in: reply) { check(attributes) }
        if let listing = try? ListingFormat.parseListing(status: reply, now: now) { check(listing) }
        for verb in ["RETR", "RNTO", "STOR", "EPSV", "PASS"] { _ = ReplyMeaning(reply, to: verb) }
        _ = reply.isTooManyConnections || reply.isSessionReuseDemanded || reply.refusesRestart
        _ = reply.isEmptyListing || reply.isAboutDataConnection || reply.saysNotRegularFile
    }

    private static func check(_ path: RemotePath) {
        promise(path.bytes.first == UInt8(ascii: "/"), "a path is absolute")
        promise(!path.bytes.contains { [0, 10, 13].contains($0) }, "a path can be sent")
        promise(RemotePath(path.bytes) == path, "a path is in its normal form")
    }

    private static func check(_ stated: StatedTime) {
        promise(stated.time.nanoseconds < 1_000_000_000, "nanoseconds")
        guard let bytes = stated.time.compact(fractionDigits: 9) else { return }
        promise(StatedTime(compact: bytes.span)?.time == stated.time, "a time is read as it is written")
    }

    private static func check(_ attributes: Attributes) {
        promise(attributes.mode ?? 0 <= 0o7777, "a mode has twelve bits")
        promise(attributes.modified?.nanoseconds ?? 0 < 1_000_000_000, "nanoseconds")
        promise(attributes.linkTarget?.contains(0) != true, "a target without NUL")
    }

    private static func check(_ listing: ParsedListing) {
        promise(Set(listing.entries.map(\.name)).count == listing.entries.count, "no name occurs twice")
        promise(listing.entries.count <= listing.rowCount, "an entry has a row")
        promise(listing.dropped.count <= ParsedListing.droppedLimit, "few dropped rows are kept")
        for entry in listing.entries {
            promise(FileName(entry.name.bytes) == entry.name, "a name is valid")
            promise(!entry.name.bytes.contains { [0, 10, 13, 0x2f].contains($0) }, "a name can be sent")
            promise(entry.name.bytes != [0x2e] && entry.name.bytes != [0x2e, 0x2e], "dots are no names")
            check(entry.attributes)
        }
    }

    private static let now = Timestamp(seconds: 1_795_000_000)

    /// The body of an MLSD transfer.
    static let machineListing: @Sendable ([UInt8]) -> Void = { input in
        for isProvenWhole in [false, true] {
            if let listing = try? MachineListing.parse(input.span, isProvenWhole: isProvenWhole) {
                check(listing)
            }
        }
    }

    /// The body of a LIST transfer.
    static let listing: @Sendable ([UInt8]) -> Void = { input in
        for (offset, isProvenWhole) in [(0, false), (19_800, true), (.min, true)] {
            let listing = try? ListingFormat.parseListing(
                input.span, now: now, offset: offset, isProvenWhole: isProvenWhole)
            if let listing { check(listing) }
        }
    }

    /// Commands that users write, and paths that become part of commands: nothing makes two of one.
    static let commands: @Sendable ([UInt8]) -> Void = { input in
        var commands: [Command] = []
        if let raw = try? Command.raw(input) { commands.append(raw) }
        if let user = try? Command.user(input) { commands.append(user) }
        if let path = RemotePath(input) {
            check(path)
            commands += [.retr(path), .mlst(path), .list(showingHidden: true, path)]
            if let command = try? Command.siteChmod(0o644, path) { commands.append(command) }
            if let command = try? Command.checksum(.sha256, path, quoted: true) { commands.append(command) }
            if let command = try? Command.siteSymlink(target: input, path) { commands.append(command) }
        }
        for command in commands {
            for doublesIAC in [false, true] {
                let dialect = WireDialect(doubleIAC: doublesIAC, maxLength: .max, splitsSiteArguments: false)
                guard let bytes = try? command.encoded(dialect) else { continue }
                promise(bytes.count { $0 == 10 || $0 == 13 || $0 == 0 } == 2, "a command is one line")
                promise(bytes.suffix(2) == [13, 10], "a command ends with its line")
            }
            promise(isPrintable(command.logText), "a command's text is printable")
        }
    }
}
