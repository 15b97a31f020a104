import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

/// Uploads whose control connection is lost at each of their commands, before the server has carried it out and behind that.
@Suite("Uploads that are cut at every step")
struct UploadCutTests {
    /// A way to bring bytes to a file.
    enum Way: String, CaseIterable {
        case create, replace, overwrite, append, patch
    }

    /// What is cut.
    enum Cut: String, CaseIterable {
        /// The server has read the command and does nothing of it.
        case command
        /// The server has done what it was told, and its reply is lost.
        case reply
    }

    private static let old = pattern(40_000, seed: 2)
    private static let new = pattern(30_000)
    /// So large that a broken transfer is not begun anew.
    private static let large = pattern(3 << 19)

    private static func target(_ way: Way) -> [UInt8] {
        switch way {
        case .create, .overwrite: new
        case .replace: large
        case .append: old + new.prefix(5000)
        case .patch: Array(old.prefix(1000)) + new.prefix(500) + old.dropFirst(1500)
        }
    }

    private static func carryOut(_ way: Way, _ fixture: ScriptedStore, _ order: UploadOrder) throws {
        let wanted = target(way)
        switch way {
        case .create, .replace: try fixture.replace("/file", wanted, order)
        case .overwrite:
            var order = order
            order.writesThrough = true
            try fixture.replace("/file", wanted, order)
        case .append: try fixture.append("/file", at: old.count, wanted, order)
        case .patch:
            _ = try fixture.store.patch(
                path("/file"), [1000..<1500], from: BytesSource(wanted), order, began: {}, for: Request())
        }
    }

    private static func run(_ way: Way, _ body: (ScriptedStore, UploadOrder) throws -> Void) throws {
        try ScriptedStore.run { fixture in
            var order = UploadOrder(expectation: .nothing, mode: 0o640)
            if way != .create {
                fixture.tree.addFile("/file", old, modified: 1_500_000_000)
                order.expectation = .version(try fixture.version("/file"))
            } else {
                _ = try fixture.store.list(.root, for: Request())
            }
            // Whatever is found out once for a mount is known then.
            if way == .patch { fixture.store.learned.withLock { $0.patches = true } }
            try body(fixture, order)
        }
    }

    @Test("the new content is there in the end, and nothing else", arguments: Way.allCases, Cut.allCases)
    func cutAtEachStep(way: Way, cut: Cut) throws {
        var steps = 0
        try Self.run(way) { fixture, order in
            let before = fixture.server.dialogue.verbs().count
            try Self.carryOut(way, fixture, order)
            steps = fixture.server.dialogue.verbs().count - before
        }
        #expect(steps >= 3)
        for step in 0..<steps {
            try Self.run(way) { fixture, order in
                switch cut {
                case .command:
                    fixture.server.at(.command("*"), skip: step, times: 1, .closeControl(.reset))
                case .reply:
                    fixture.server.at(.reply("*", nil), skip: step, times: 1, .closeControl(.reset))
                }
                let error = kind { try Self.carryOut(way, fixture, order) }
                let said = fixture.server.dialogue.verbs().suffix(12)
                #expect(error == nil, "step \(step): \(said)")
                #expect(fixture.tree.content("/file") == Self.target(way), "step \(step): \(said)")
                #expect(
                    waitUntil(within: .seconds(30)) { fixture.tree.names(in: "/") == ["file"] },
                    "step \(step): \(fixture.tree.names(in: "/"))")
            }
        }
    }
}
