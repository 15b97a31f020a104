import Foundation
import Testing

/// A Swift file of the package, for the rules of the house.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// Relative to the package's directory: "Sources/VFS/Volume.swift".
    let path: String
    let lines: [Substring]
    let isASCII: Bool

    var testDescription: String { path }

    /// The target's name: "VFS".
    var target: String { String(path.split(separator: "/")[1]) }

    /// Lines with their numbers, without what follows `//` and without the content of string literals of one line.
    var code: [(number: Int, text: String)] {
        var result: [(number: Int, text: String)] = []
        var inLiteral = false
        for (index, line) in lines.enumerated() {
            if line.contains("\"\"\"") {
                // A multi-line literal opens or closes; one line never does both here.
                inLiteral.toggle()
                continue
            }
            if !inLiteral { result.append((index + 1, Self.withoutText(line))) }
        }
        return result
    }

    private static func withoutText(_ line: Substring) -> String {
        var result = ""
        var inString = false
        var previous: Character = " "
        for character in line {
            if character == "\"", previous != "\\" { inString.toggle() }
            if !inString {
                if character == "/", previous == "/" { return String(result.dropLast()) }
                result.append(character)
            }
            previous = character == "\\" && previous == "\\" ? " " : character
        }
        return result
    }

    static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    static let sources = all(below: "Sources")
    static let tests = all(below: "Tests")

    private static func all(below folder: String) -> [SourceFile] {
        let names =
            FileManager.default.enumerator(atPath: "\(root)/\(folder)")?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
            let data = FileManager.default.contents(atPath: "\(root)/\(folder)/\(name)") ?? Data()
            let text = String(decoding: data, as: UTF8.self)
            return SourceFile(
                path: "\(folder)/\(name)",
                lines: text.split(separator: "\n", omittingEmptySubsequences: false),
                isASCII: data.allSatisfy { $0 < 0x80 })
        }
    }
}

/// A breach of a rule, printed as FILE:LINE: what.
struct Breach: CustomStringConvertible, Equatable {
    let description: String

    init(_ file: SourceFile, _ number: Int, _ what: String) {
        description = "\(file.path):\(number): \(what)"
    }
}
