import Foundation
import Testing

/// Every numbered sentence of man/ftpsfs-semantics.7 has a test, and every number of a test has its sentence.
@Suite struct PromisesTests {
    // A number in the page stands in brackets: "[S12]", or as the label of an example.
    private static func promised() throws -> [String] {
        let page = try text("man/ftpsfs-semantics.7")
        return page.matches(of: /\[(S[0-9]+)\]|\.It Bq (S[0-9]+)/).map {
            String($0.output.1 ?? $0.output.2 ?? "")
        }
    }

    // Numbers and the names of the tests that stand for them.
    private static func listed() throws -> [(number: String, test: String)] {
        try text("Tests/promises.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
            return (String(parts[0]), parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : "")
        }
    }

    // The names that tests are shown with: the first literal behind `@Test(`, on its line or the next.
    private static let names: Set<String> = Set(
        SourceFile.tests.flatMap { file in
            file.lines.indices.compactMap { index -> String? in
                let line = file.lines[index].drop { $0 == " " }
                guard line.hasPrefix("@Test(") else { return nil }
                return literal(in: line) ?? literal(in: file.lines[min(index + 1, file.lines.count - 1)])
            }
        })

    private static func literal(in line: Substring) -> String? {
        guard let start = line.firstIndex(of: "\"") else { return nil }
        var name = ""
        var isEscaped = false
        for character in line[line.index(after: start)...] {
            if !isEscaped, character == "\"" { return name }
            isEscaped = !isEscaped && character == "\\"
            if !isEscaped { name.append(character) }
        }
        return nil
    }

    // The numbers in front of a test's name: "S12, S13: what it shows".
    private static func numbers(_ name: String) -> [String] {
        guard let head = name.prefixMatch(of: /(S[0-9]+(?:, S[0-9]+)*):/) else { return [] }
        return head.output.1.split(separator: ", ").map(String.init)
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(SourceFile.root)/\(path)", encoding: .utf8)
    }

    @Test("every number of the page on semantics has a test, and the other way round")
    func numbers() throws {
        let promised = try Self.promised()
        let proven = Set(try Self.listed().map(\.number) + Self.names.flatMap(Self.numbers))
        #expect(promised.count >= 100)
        #expect(promised.filter { !proven.contains($0) } == [])
        #expect(proven.subtracting(promised) == [])
    }

    @Test("a number stands for one sentence")
    func once() throws {
        let promised = try Self.promised()
        #expect(Dictionary(grouping: promised) { $0 }.filter { $0.value.count > 1 }.keys.sorted() == [])
    }

    @Test("the list of proofs names tests that exist")
    func tests() throws {
        #expect(try Self.listed().map(\.test).filter { !Self.names.contains($0) } == [])
    }
}
