import Posix

/// The text of `ftpsfs status`.
enum StatusText {
    /// What is shown, in this order: the attribute below `user.ftps.`, and its label.
    private static let rows = [
        ("server", "server"), ("user", "user"), ("tls", "TLS"), ("commands", "commands"),
        ("tls_resumed", "data resumes TLS"), ("certificate", "certificate"),
        ("certificate_sha256", "SHA-256"),
        ("connections", "connections"), ("login_seconds", "logged in for"),
    ]

    /// The attributes to be read.
    static var names: [String] { rows.map(\.0) }

    /// One line for each attribute that is there.
    static func lines(_ report: [String: [UInt8]]) -> [String] {
        let width = rows.map(\.1.count).max() ?? 0
        return rows.compactMap { name, label in
            guard let bytes = report[name] else { return nil }
            let text = String(decoding: bytes, as: UTF8.self)
            let shown = name == "login_seconds" ? Int(text).map(duration) ?? text : text
            let margin = String(repeating: " ", count: width - label.count + 2)
            // A user's name and a certificate hold what others have put there.
            return "\(label):\(margin)\(LogText.escaped(shown))"
        }
    }

    /// Days, hours, minutes and seconds, from the first that is not zero on, two of them.
    static func duration(_ seconds: Int) -> String {
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"),
            (seconds % 60, "s"),
        ]
        let first = parts.firstIndex { $0.0 > 0 } ?? parts.endIndex - 1
        return parts[first...].prefix(2).map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }
}
