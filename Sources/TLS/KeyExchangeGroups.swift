/// Lists of key exchange groups in OpenSSL's notation.
enum KeyExchangeGroups {
    /// The list with one group moved to, or put at, its front; OpenSSL refuses lists that name a group twice.
    static func list(_ list: String, startingWith group: String) -> String {
        let rest = list.split(separator: ":").filter { canonical($0) != canonical(group[...]) }
        return ([group[...]] + rest).joined(separator: ":")
    }

    /// One name for each group: OpenSSL knows the NIST curves under three.
    private static func canonical(_ name: Substring) -> String {
        switch name.lowercased() {
        case "p-256", "prime256v1", "secp256r1": "secp256r1"
        case "p-384", "secp384r1": "secp384r1"
        case "p-521", "secp521r1": "secp521r1"
        case let other: other
        }
    }
}
