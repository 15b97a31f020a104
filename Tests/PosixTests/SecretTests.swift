import Foundation
import Posix
import Testing

/// Secrets in memory and in files.
@Suite struct SecretTests {
    private func text(_ secret: SecretBytes) -> String {
        secret.withBytes { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) }
    }

    @Test("a secret keeps its bytes, hands out parts, and shows none of them")
    func bytes() {
        let secret = SecretBytes(text: "hunter2")
        #expect(text(secret) == "hunter2" && secret.count == 7 && !secret.isEmpty)
        #expect(text(secret.part(0..<6)) == "hunter" && text(secret.part(3..<99)) == "ter2")
        #expect(secret.contains(UInt8(ascii: "2")) && !secret.contains(0))
        #expect("\(secret)" == "(secret)" && String(reflecting: secret) == "(secret)")
        #expect(Mirror(reflecting: secret).children.isEmpty)
        #expect(SecretBytes(text: "").isEmpty)
        #expect(text(SecretBytes(length: 3) { append in "abcdef".utf8.forEach(append) }) == "abc")
    }

    @Test("secrets longer than a page are whole")
    func long() {
        let bytes = (0..<20_000).map { UInt8(truncatingIfNeeded: $0) }
        let secret = SecretBytes(copying: bytes.span)
        #expect(secret.withBytes { span in span.indices.allSatisfy { span[$0] == bytes[$0] } })
    }

    @Test("an initialiser that fails passes its error on")
    func failure() {
        #expect(throws: Errno(EIO)) {
            try SecretBytes(capacity: 8) { _ throws(Errno) in throw Errno(EIO) }
        }
    }

    @Test(
        "a child process can lock what it has inherited",
        .disabled(
            if: ProcessInfo.processInfo.environment["FTPSFS_SANITIZER"] != nil,
            "the sanitizers make nothing of mlock(2)"))
    func locksInChild() async {
        await #expect(processExitsWith: .exitCode(0)) {
            func lockedKilobytes() -> Int {
                let lines = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
                let line = lines.split(separator: "\n").first { $0.hasPrefix("VmLck:") }
                return line?.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first ?? -1
            }
            let secret = SecretBytes(text: "hunter2")
            let before = lockedKilobytes()
            _ = try Daemon.start(background: true)
            let inherited = lockedKilobytes()
            secret.lock()
            _exit(before > 0 && inherited == 0 && lockedKilobytes() == before ? 0 : 1)
        }
    }

    @Test("a private file is read whole; one that others can get at is not")
    func files() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "ftpsfs-\(UUID().uuidString)").path
        defer { unlink(path) }
        try Data("line\nother".utf8).write(to: URL(filePath: path))
        chmod(path, 0o644)
        #expect(throws: PrivateFileError.exposed(mode: 0o644)) { try PrivateFile.read(path, guarded: true) }
        #expect(text(try PrivateFile.read(path, guarded: false)) == "line\nother")
        chmod(path, 0o600)
        #expect(text(try PrivateFile.read(path, guarded: true)) == "line\nother")
        #expect(throws: PrivateFileError.failed(Errno(ENOENT))) {
            try PrivateFile.read(path + "x", guarded: true)
        }
        #expect(throws: PrivateFileError.notRegular) { try PrivateFile.read("/dev/null", guarded: false) }
    }

    @Test("accounts are found by name and number")
    func accounts() throws {
        let root = try #require(Account.named("root"))
        #expect(root.userID == 0 && root.home == "/root")
        #expect(Account.with(userID: 0)?.name == "root")
        #expect(Account.named("no such user here") == nil && Account.groupID(named: "no such group") == nil)
        #expect(Account.groupID(named: "root") == 0)
    }
}
