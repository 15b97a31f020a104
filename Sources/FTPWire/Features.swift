import Remote

/// What a server says it can do: its reply to FEAT (RFC 2389 section 3), read tolerantly.
package struct Features: Hashable, Sendable {
    /// A fact that MLST and MLSD can state.
    package struct Fact: Hashable, Sendable {
        /// The fact's name in small letters.
        package let name: String
        /// Whether the server sends the fact without being asked by OPTS MLST.
        package let isDefault: Bool
    }

    /// An algorithm of HASH.
    package struct HashAlgorithm: Hashable, Sendable {
        /// The algorithm's name as the server writes it.
        package let name: String
        /// Whether HASH uses it without OPTS HASH.
        package let isSelected: Bool
    }

    /// Each line of the reply without the spaces around it, printable; empty when there was no answer.
    package private(set) var lines: [String] = []
    /// The first word of each line in capitals.
    package private(set) var names: Set<String> = []
    /// The facts of the MLST line, in its order.
    package private(set) var facts: [Fact] = []
    /// The names MFF can set, in small letters.
    package private(set) var settableFacts: Set<String> = []
    /// The algorithms of the HASH line.
    package private(set) var hashAlgorithms: [HashAlgorithm] = []
    /// The SITE commands that are listed, in capitals.
    package private(set) var siteCommands: Set<String> = []
    /// The mechanisms of AUTH lines, in capitals.
    package private(set) var authentications: Set<String> = []
    /// The levels of the PROT line, in capitals; empty when the line names none.
    package private(set) var protections: Set<String> = []
    /// Whether transfers can begin at an offset (`REST STREAM`).
    package private(set) var restartsStreams = false
    /// Whether the MDTM line shows that MDTM can set times too (Serv-U).
    package private(set) var setsTimesByMDTM = false

    /// No features: for servers that do not know FEAT.
    package init() {}

    /// Reads a reply to FEAT; anything but 211 or 200 has no features in it.
    package init(_ reply: Reply) {
        guard reply.code == 211 || reply.code == 200, reply.lines.count > 1 else { return }
        for line in reply.lines.dropFirst().dropLast() { take(line) }
    }

    /// Whether a feature is listed under this name, in capitals.
    package func has(_ name: String) -> Bool { names.contains(name) }

    /// Whether MLST and MLSD work.
    ///
    /// RFC 3659 lists both as `MLST`; some servers list `MLSD` beside it or alone.
    package var hasMachineListing: Bool { has("MLST") || has("MLSD") }
    /// Whether SIZE works (RFC 3659 section 4).
    package var hasSize: Bool { has("SIZE") }
    /// Whether MDTM works (RFC 3659 section 3).
    package var hasMDTM: Bool { has("MDTM") }
    /// Whether MFMT sets times.
    package var hasMFMT: Bool { has("MFMT") }
    /// Whether names are UTF-8 (RFC 2640).
    package var hasUTF8: Bool { has("UTF8") || has("UTF-8") }
    /// Whether paths are Unix-like (RFC 3659 section 6).
    package var hasTVFS: Bool { has("TVFS") }
    /// Whether EPSV is listed; servers that know it often do not list it.
    package var hasEPSV: Bool { has("EPSV") }
    /// Whether CLNT is known.
    package var hasCLNT: Bool { has("CLNT") }
    /// Whether CSID is known.
    package var hasCSID: Bool { has("CSID") }
    /// Whether HOST is known (RFC 7151).
    package var hasHOST: Bool { has("HOST") }
    /// Whether AVBL tells the free space.
    package var hasAVBL: Bool { has("AVBL") }
    /// Whether RANG limits transfers.
    package var hasRANG: Bool { has("RANG") }
    /// Whether COMB joins files.
    package var hasCOMB: Bool { has("COMB") }
    /// Whether PRET is known.
    ///
    /// Only drftpd needs it; Pure-FTPd 1.0.50 lists it and works without.
    package var hasPRET: Bool { has("PRET") }
    /// Whether HASH gives checksums.
    package var hasHASH: Bool { has("HASH") }
    /// Whether PBSZ is listed.
    package var hasPBSZ: Bool { has("PBSZ") }
    /// Whether PROT is listed.
    package var hasPROT: Bool { has("PROT") }
    /// Whether AUTH TLS is listed.
    package var hasAuthTLS: Bool { authentications.contains("TLS") || authentications.contains("TLS-C") }
    /// The checksum commands that are listed.
    package var checksums: [Command.Checksum] { Command.Checksum.allCases.filter { has($0.rawValue) } }
    /// Whether `MFF modify=` sets times.
    package var setsTimesByMFF: Bool { settableFacts.contains("modify") }
    /// Whether `MFF UNIX.mode=` sets modes.
    package var setsModesByMFF: Bool { settableFacts.contains("unix.mode") }

    /// Whether MLST can state a fact, its name in small letters.
    package func states(_ fact: String) -> Bool { facts.contains { $0.name == fact } }

    /// Whether facts this module reads are sent only after OPTS MLST (pyftpdlib 2.2.0: the `unix.` facts).
    package var needsOptsMLST: Bool {
        let wanted = [
            "type", "size", "modify", "perm", "unix.mode", "unix.uid", "unix.gid", "unix.owner", "unix.group",
        ]
        return facts.contains { !$0.isDefault && wanted.contains($0.name) }
    }

    private mutating func take(_ line: [UInt8]) {
        let text = Array(line[line.span.trimmed(line.indices)])
        guard !text.isEmpty else { return }
        lines.append(excerpt(text))
        let words = text.split(whereSeparator: isBlank).map { String(decoding: $0, as: UTF8.self) }
        guard let name = words.first?.uppercased() else { return }
        names.insert(name)
        let rest = words.dropFirst()
        switch name {
        case "MLST":
            facts = Self.marked(rest).map { Fact(name: $0.name.lowercased(), isDefault: $0.isMarked) }
        case "HASH":
            hashAlgorithms = Self.marked(rest).map { HashAlgorithm(name: $0.name, isSelected: $0.isMarked) }
        case "MFF": settableFacts.formUnion(Self.parts(rest).map { $0.lowercased() })
        case "SITE": siteCommands.formUnion(Self.parts(rest).map { $0.uppercased() })
        case "AUTH": authentications.formUnion(Self.parts(rest).map { $0.uppercased() })
        case "PROT": protections.formUnion(Self.parts(rest).map { $0.uppercased() })
        case "REST": restartsStreams = restartsStreams || rest.contains { $0.uppercased() == "STREAM" }
        case "MDTM": setsTimesByMDTM = rest.contains { $0.uppercased().hasPrefix("YYYYMMDD") }
        default: break
        }
    }

    /// Splits `a;b*;c` into its parts; `isMarked` tells those with an asterisk.
    private static func marked(_ words: ArraySlice<String>) -> [(name: String, isMarked: Bool)] {
        parts(words).compactMap { part in
            let name = part.filter { $0 != "*" }
            return name.isEmpty ? nil : (name, part.contains("*"))
        }
    }

    private static func parts(_ words: ArraySlice<String>) -> [String] {
        words.flatMap { $0.split { $0 == ";" || $0 == "," }.map(String.init) }
    }
}
