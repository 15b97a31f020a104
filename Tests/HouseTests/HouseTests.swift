import Foundation
import Testing

/// Rules of the house that no compiler checks.
@Suite struct HouseTests {
    /// What each target may import, downward only; the C library and the standard library's modules are free to all
    /// but the pure ones.
    private static let imports: [String: Set<String>] = [
        "Posix": ["CLinux", "Glibc", "Synchronization", "Logging"],
        "Remote": ["Posix"],
        "TLS": ["COpenSSL", "Posix", "Glibc", "Synchronization"],
        "FTPWire": ["Remote"],
        "FTPClient": ["FTPWire", "TLS", "Posix", "Remote", "Logging", "Synchronization", "Glibc"],
        "FTPPool": [
            "FTPClient", "FTPWire", "Posix", "Remote", "Logging", "Collections", "Synchronization", "Glibc",
        ],
        "VFS": ["Remote", "Posix", "Logging", "Collections", "Synchronization", "Glibc"],
        "FUSEAdapter": ["CFUSE", "VFS", "Remote", "Posix", "Logging", "Synchronization", "Glibc"],
        "Settings": ["Posix", "Glibc", "Synchronization"],
        "ftpsfs": [
            "FUSEAdapter", "Settings", "VFS", "FTPPool", "FTPClient", "FTPWire", "TLS", "Remote", "Posix",
            "Logging",
            // Foundation itself would make the program several times as large; this part of it the argument parser has in it anyway.
            "ArgumentParser", "FoundationEssentials", "Glibc", "Synchronization",
        ],
    ]

    @Test("imports point downward, and the C libraries have one importer each")
    func importsPointDownward() {
        let breaches = SourceFile.sources.flatMap { file in
            file.code.compactMap { number, text -> Breach? in
                guard let module = Self.importedModule(text) else { return nil }
                guard let allowed = Self.imports[file.target] else {
                    return Breach(file, number, "\(file.target) is not in the list of targets")
                }
                return allowed.contains(module)
                    ? nil : Breach(file, number, "\(file.target) imports \(module)")
            }
        }
        #expect(breaches == [])
    }

    @Test("no file is longer than 400 lines")
    func filesAreShort() {
        let breaches = (SourceFile.sources + SourceFile.tests).filter { $0.lines.count > 401 }
            .map { Breach($0, $0.lines.count, "longer than 400 lines") }
        #expect(breaches == [])
    }

    @Test("sources are ASCII")
    func sourcesAreASCII() {
        #expect(SourceFile.sources.filter { !$0.isASCII }.map(\.path) == [])
    }

    @Test(
        "banned words stay out of the sources",
        arguments: [
            ("try!", "errors are handled"),
            ("as!", "casts are checked"),
            ("print", "the log and write(2) are for messages"),
            ("public", "`package` is the widest access here"),
            ("Mutex", "`Monitor` is the lock here, for the reason it gives"),
            ("async", "blocking calls with deadlines on own threads"),
            ("@preconcurrency", "the concurrency checks stay whole"),
        ])
    func bannedWords(word: String, reason: String) throws {
        // A whole word; of `print`, a statement, since closures may bear the name.
        let pattern = try Regex(word == "print" ? "^ *print\\(" : "(?:^|[^\\w.])\(word)(?!\\w)")
        let breaches = SourceFile.sources.flatMap { file in
            file.code.filter { $0.text.contains(pattern) }
                .map { Breach(file, $0.number, "\(word): \(reason)") }
        }
        #expect(breaches == [])
    }

    @Test("unsafe code is fenced in Posix, TLS and FUSEAdapter")
    func unsafeIsFenced() throws {
        let words = try Regex("\\bunsafe\\b|@unchecked Sendable|nonisolated\\(unsafe\\)")
        let breaches = SourceFile.sources.filter { !["Posix", "TLS", "FUSEAdapter"].contains($0.target) }
            .flatMap { file in
                file.code.filter { $0.text.contains(words) }.map { Breach(file, $0.number, "unsafe") }
            }
        #expect(breaches == [])
    }

    @Test("what the compiler cannot check about sharing carries a sentence on what guards it")
    func uncheckedSharingIsExplained() throws {
        let words = try Regex("@unchecked Sendable|nonisolated\\(unsafe\\)")
        let breaches = SourceFile.sources.flatMap { file in
            file.code.filter { $0.text.contains(words) && !file.hasComment(near: $0.number) }
                .map { Breach(file, $0.number, "no comment says what guards it") }
        }
        #expect(breaches == [])
    }

    @Test("every declaration with package access has a doc comment")
    func packageDeclarationsAreDocumented() throws {
        let modifiers =
            "static|final|mutating|consuming|borrowing|nonmutating|convenience|indirect|private\\(set\\)"
        let kinds = "func|var|let|struct|class|enum|protocol|init|typealias|subscript"
        let declaration = try Regex("^\\s*(?:@\\w+ )*package (?:(?:\(modifiers)) )*(?:\(kinds))\\b")
        let breaches = SourceFile.sources.flatMap { file in
            file.code.filter { $0.text.contains(declaration) && !file.hasDocComment(above: $0.number) }
                .map {
                    Breach(file, $0.number, "no doc comment: \($0.text.trimmingCharacters(in: .whitespaces))")
                }
        }
        #expect(breaches == [])
    }

    @Test("nothing is left to do later")
    func noLeftovers() {
        let breaches = (SourceFile.sources + SourceFile.tests.filter { $0.target != "HouseTests" }).flatMap {
            file in
            file.lines.enumerated().filter { line in
                ["TODO", "FIXME", "XXX", "HACK"].contains { line.element.contains($0) }
                    && !line.element.contains("XXXXXX")
            }.map { Breach(file, $0.offset + 1, "unfinished") }
        }
        #expect(breaches == [])
    }
    private static func importedModule(_ text: String) -> String? {
        let words = text.split(separator: " ")
        guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count,
            words[..<keyword].allSatisfy({
                $0.hasPrefix("@") || ["package", "internal", "private"].contains($0)
            })
        else { return nil }
        // `import struct Glibc.stat` names the module behind the kind.
        let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        let name = kinds.contains(String(words[keyword + 1])) ? words[keyword + 2] : words[keyword + 1]
        return String(name.split(separator: ".")[0])
    }
}

extension SourceFile {
    /// Whether a `///` line stands above a declaration, with nothing but attributes between.
    func hasDocComment(above number: Int) -> Bool {
        var index = number - 2
        while index >= 0 {
            let line = lines[index].drop { $0 == " " }
            if line.hasPrefix("///") { return true }
            // Attributes, conditions and plain comments may stand between.
            guard line.hasPrefix("@") || line.hasPrefix("//") || line.hasPrefix("#if") else { return false }
            index -= 1
        }
        return false
    }

    /// Whether a comment is on the line or one of the six above it.
    func hasComment(near number: Int) -> Bool {
        lines[max(0, number - 7)..<number].contains { $0.contains("//") }
    }
}
