import Posix
package import Remote

extension Volume {
    /// The facts about a file that extended attributes tell; all begin with `user.ftps.`.
    private enum Fact: String {
        /// The path on the server.
        case path
        /// The server's own time of modification, in UTC as `YYYYMMDDhhmmss` (RFC 3659 section 2.3).
        case modified
        /// The size on the server in bytes.
        case size
        /// The server's permission bits, octal.
        case mode
        /// The `perm` fact (RFC 3659 section 7.5.5).
        case rights

        static let prefix = "user.ftps."
    }

    /// Reads an extended attribute; `.unsupported` for all that tell no fact, `.noAttribute` for a fact that is not known.
    ///
    /// The root has besides what `report` has.
    ///
    /// Never blocks.
    package func extendedAttribute(_ name: [UInt8], of id: NodeID, for request: Request) throws(VolumeError)
        -> [UInt8]
    {
        let name = String(decoding: name, as: UTF8.self)
        guard name.hasPrefix(Fact.prefix) else { throw .unsupported }
        let rest = String(name.dropFirst(Fact.prefix.count))
        guard let fact = Fact(rawValue: rest) else {
            guard id == .root, let value = report[rest] else { throw .unsupported }
            return Array(value.utf8)
        }
        return try tree.withLock { tree throws(VolumeError) in
            let node = try tree.node(id)
            _ = refreshFromCache(node, &tree)
            guard let value = value(of: fact, node, tree) else { throw .noAttribute }
            return value
        }
    }

    private func value(of fact: Fact, _ node: Node, _ tree: borrowing Tree) -> [UInt8]? {
        let attributes = node.attributes
        switch fact {
        case .path:
            return tree.path(of: node)?.bytes
        case .modified:
            guard !node.isLocal, let time = attributes.modified else { return nil }
            return Array(Self.digits(time.seconds).utf8)
        case .size:
            guard !node.isLocal, node.kind == .file else { return nil }
            return attributes.size.map { Array(String($0).utf8) }
        case .mode:
            guard !node.isLocal else { return nil }
            return attributes.mode.map { Array(("0" + String($0, radix: 8)).utf8) }
        case .rights:
            return attributes.rights.map { rights in
                let letters = zip("acdeflmprw".utf8, 0..<10)
                return letters.filter { rights.contains(Rights(rawValue: 1 << $0.1)) }.map(\.0)
            }
        }
    }

    // The civil date of days since 1970, by counting years from March on, so that leap days come last.
    private static func digits(_ seconds: Int64) -> String {
        let seconds = min(max(seconds, -62_135_596_800), 253_402_300_799)
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let time = seconds - day * 86_400
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let parts: [(Int64, Int)] = [
            (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), 4), (month, 2),
            (dayOfYear - (153 * monthFromMarch + 2) / 5 + 1, 2), (time / 3600, 2), (time / 60 % 60, 2),
            (time % 60, 2),
        ]
        return parts.map { value, width in
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }.joined()
    }
}
