import FoundationEssentials
import Settings

/// Answers for programs.
enum JSONText {
    /// A value as JSON, with its keys in order, and a line end.
    static func of(_ value: some Encodable) throws(Failure) -> String {
        // The argument parser has brought this encoder into the program already.
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
        } catch {
            throw Failure(.system, "the answer cannot be put into JSON: \(error)")
        }
    }
}
