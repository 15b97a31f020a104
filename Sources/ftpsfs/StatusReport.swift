import Posix

/// What `ftpsfs status` shows: the attributes `user.ftps.*` of a mount's root.
///
/// In JSON, which is a part of the program's interface (ftpsfs(1), STATUS), each has its own name, numbers are numbers, and what may be
/// several lines is a list.
struct StatusReport: Encodable {
    private struct Row {
        /// The attribute below `user.ftps.`.
        let name: String
        /// What stands before it in the text; nil where it is for programs alone.
        var label: String?
        /// Whether it is a list, of a line for each member.
        var isList = false
        /// Whether it is a number.
        var isNumber = false
    }

    private static let rows = [
        Row(name: "state", label: "state"), Row(name: "server", label: "server"),
        Row(name: "user", label: "user"), Row(name: "tls", label: "TLS"),
        Row(name: "commands", label: "commands"), Row(name: "tls_resumed", label: "data resumes TLS"),
        Row(name: "certificate", label: "certificate"), Row(name: "certificate_sha256", label: "SHA-256"),
        Row(name: "connections", label: "connections"), Row(name: "connections_open", isNumber: true),
        Row(name: "connections_idle", isNumber: true), Row(name: "connections_limit", isNumber: true),
        Row(name: "login_seconds", label: "logged in for", isNumber: true),
        Row(name: "files", label: "files"), Row(name: "cache", label: "cache"),
        Row(name: "transfers", label: "transfers", isList: true),
        Row(name: "pending", label: "pending uploads", isList: true),
        Row(name: "incidents", label: "last errors", isList: true),
    ]

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private let values: [String: [UInt8]]

    /// Takes the attributes that were read.
    init(_ values: [String: [UInt8]]) {
        self.values = values
    }

    /// The attributes to be read.
    static var names: [String] { rows.map(\.name) }

    /// The text for people: a line for each attribute that is there, and one more for each member of a list.
    var text: String {
        let width = Self.rows.map { $0.label?.count ?? 0 }.max() ?? 0
        var lines: [String] = []
        for row in Self.rows {
            guard let label = row.label, let value = value(row) else { continue }
            let margin = String(repeating: " ", count: width - label.count + 2)
            guard row.isList else {
                let shown = row.name == "login_seconds" ? Int(value).map(Self.duration) ?? value : value
                lines.append("\(label):\(margin)\(LogText.escaped(shown))")
                continue
            }
            let members = Self.members(value)
            lines.append("\(label):\(margin)\(members.isEmpty ? "none" : String(members.count))")
            lines += members.map { "  " + LogText.escaped($0) }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Writes the attributes that are there.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for row in Self.rows {
            guard let value = value(row) else { continue }
            let key = Key(stringValue: row.name)
            if row.isList {
                try container.encode(Self.members(value), forKey: key)
            } else if row.isNumber, let number = Int(value) {
                try container.encode(number, forKey: key)
            } else {
                try container.encode(value, forKey: key)
            }
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

    private func value(_ row: Row) -> String? {
        values[row.name].map { String(decoding: $0, as: UTF8.self) }
    }

    private static func members(_ value: String) -> [String] {
        value.split(separator: "\n").map(String.init)
    }
}
