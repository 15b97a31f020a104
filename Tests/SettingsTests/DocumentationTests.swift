import Foundation
import Settings
import Testing

/// The manual and the help name what the program knows.
@Suite struct DocumentationTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    @Test("the help names every option and alias, in 80 columns")
    func help() {
        let words = Set(
            HelpText.text.split { " ,;()\n".contains($0) }.map { String($0.prefix { !"=[".contains($0) }) })
        #expect(OptionTable.names.filter { !words.contains($0) } == [])
        #expect(HelpText.text.split(separator: "\n").filter { $0.count > 80 } == [])
    }

    @Test("the manual has an entry for every option, and names every alias")
    func manual() throws {
        let page = try Self.text("man/ftpsfs.1")
        let lines = page.split(separator: "\n")
        let entries = Set(
            lines.filter { $0.hasPrefix(".It Cm ") }.flatMap { $0.split(separator: " ").map(String.init) })
        let options = OptionTable.groups.flatMap(\.options)
        #expect(options.map(\.name).filter { !entries.contains($0) } == [])
        let named = Set(
            lines.filter { $0.hasPrefix(".") }.flatMap { $0.split(separator: " ").map(String.init) })
        #expect(OptionTable.names.filter { !named.contains($0) } == [])
        #expect(OptionTable.refused.map(\.name).filter { !named.contains($0) } == [])
    }

    @Test("the manual has every exit status with its number and its meaning")
    func statuses() throws {
        let lines = try Self.text("man/ftpsfs.1").split(separator: "\n")
        for status in ExitStatus.allCases {
            let index = try #require(lines.firstIndex(of: ".It \(status.rawValue)"))
            #expect(lines[index + 1].lowercased().hasPrefix(status.summary.lowercased()))
        }
        #expect(Set(ExitStatus.allCases.map(\.summary)).count == ExitStatus.allCases.count)
        // Numbers from 32 up have mount(8)'s bit for a mount failure set.
        #expect(ExitStatus.allCases.filter { $0.rawValue > 8 && $0.rawValue & 32 == 0 } == [])
    }

    @Test("the manual names the servers of all known gaps of the tests")
    func servers() throws {
        let page = try Self.text("man/ftpsfs-semantics.7")
        let start = try #require(page.range(of: ".Sh SERVERS\n"))
        let end = try #require(page.range(of: "\n.Sh ", range: start.upperBound..<page.endIndex))
        let section = page[start.upperBound..<end.lowerBound]
        let described = section.split(separator: "\n").filter { $0.hasPrefix(".It Sy ") }
            .map { String($0.dropFirst(".It Sy ".count)) }
        #expect(described == ["vsftpd", "ProFTPD", "Pure-FTPd", "pyftpdlib"])
        let folder = Self.root.appending(path: "Tests/MountTests")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        var gaps: [String] = []
        for file in files where file.pathExtension == "swift" {
            let words = try String(contentsOf: file, encoding: .utf8).split(separator: "withKnownIssue(")
            // Its text is the first thing in quotation marks behind each.
            gaps += words.dropFirst().map { String($0.drop { $0 != "\"" }.dropFirst().prefix { $0 != "\"" }) }
        }
        #expect(gaps.count >= 5)
        for gap in gaps {
            #expect(described.contains { gap.contains($0) }, "\(gap): of which server?")
        }
    }

    @Test("the table of the page on TLS names options and test suites that exist")
    func sections() throws {
        let page = try Self.text("man/ftpsfs-tls.7")
        let table = try #require(page.split(separator: ".TS\n").last?.split(separator: "\n.TE").first)
        let rows = table.split(separator: "T{\n").dropFirst()
            .map { String($0.split(separator: "\nT}", omittingEmptySubsequences: false)[0]) }
        func words(_ column: Int) -> Set<String> {
            let cells = rows.indices.filter { $0 % 4 == column }.map { rows[$0] }
            return Set(cells.flatMap { $0.split { ", \n".contains($0) }.map(String.init) })
        }
        #expect(rows.count >= 100 && rows.count % 4 == 0)
        // What ends in an equals sign is a line of the credentials file.
        #expect(words(2).filter { !$0.hasSuffix("=") && !OptionTable.names.contains($0) } == [])
        var suites = words(3)
        let tests = Self.root.appending(path: "Tests")
        let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let text = try String(contentsOf: file, encoding: .utf8)
            suites = suites.filter { !text.contains("struct \($0) {") }
        }
        #expect(suites == [])
    }

    @Test("the README names no option the program does not know")
    func readme() throws {
        let text = try Self.text("README.md")
        let section = text.components(separatedBy: "\n## ").first { $0.hasPrefix("Options") } ?? ""
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let cells = rows.compactMap { $0.split(separator: "|").first }
        let names = cells.flatMap { $0.split(separator: "`").map(String.init) }
            .filter { $0.contains { $0.isLetter } }
            .map { String($0.prefix { !"=[ ".contains($0) }) }
        #expect(!names.isEmpty)
        #expect(names.filter { !OptionTable.names.contains($0) } == [])
    }
}
