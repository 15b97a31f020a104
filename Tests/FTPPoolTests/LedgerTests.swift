import Logging
import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("The names of uploads, kept for the next mount")
struct LedgerTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func open(_ place: TemporaryDirectory, _ name: String = "mount") throws -> UploadLedger {
        try UploadLedger(cacheDirectory: place.path, name: name, logger: logger)
    }

    private func names(_ ledger: UploadLedger) -> [String: Leftovers.Errand] {
        Dictionary(uniqueKeysWithValues: ledger.names.map { ("\($0.name)", $0.errand) })
    }

    @Test("what is noted and not settled is there for the next one, and for it alone")
    func passesOn() throws {
        let place = try TemporaryDirectory("ledger")
        do {
            let first = try open(place)
            let second = try open(place)
            first.note(path("/a"), .remove)
            first.note(path("/b"), .restore(path("/target with space")))
            for number in 0..<600 { first.note(path("/many/\(number)"), .remove) }
            for number in 0..<600 { first.settle(path("/many/\(number)")) }
            first.note(path("/a-much-longer-name-than-before"), .remove)
            first.note(path("/b2"), .remove)
            first.settle(path("/b2"))
            second.note(path("/c"), .remove)
            #expect(names(second) == ["/c": .remove])
            let other = try open(place, "another")
            #expect(names(other).isEmpty)
        }
        let expected: [String: Leftovers.Errand] = [
            "/a": .remove, "/b": .restore(path("/target with space")),
            "/a-much-longer-name-than-before": .remove, "/c": .remove,
        ]
        for _ in 0..<2 {
            let next = try open(place)
            #expect(names(next) == expected)
        }
        let last = try open(place)
        for name in last.names { last.settle(name.name) }
        #expect(names(last).isEmpty)
    }

    @Test("what a killed mount has left is removed or gets its name back, and is never seen")
    func tidiesUp() throws {
        let place = try TemporaryDirectory("ledger")
        do {
            let killed = try open(place)
            killed.note(path("/.ftpsfs-1.part"), .remove)
            killed.note(path("/.ftpsfs-2.part"), .restore(path("/file")))
            killed.note(path("/.ftpsfs-3.part"), .restore(path("/other")))
            killed.note(path("/.ftpsfs-4.part"), .remove)
        }
        try ScriptedStore.run { fixture in
            for number in 1...3 { fixture.tree.addFile("/.ftpsfs-\(number).part", [UInt8(number)]) }
            fixture.tree.addFile("/other", [9])
            fixture.tree.addFile("/.ftpsfs-5.part", [5])
            fixture.store.keep(try open(place))
            let listed = try fixture.store.list(.root, for: Request()).entries.map { "\($0.name)" }
            #expect(!listed.contains(".ftpsfs-1.part"))
            // The one of another client stays.
            let wanted = [".ftpsfs-5.part", "file", "other"]
            #expect(waitUntil(within: .seconds(30)) { fixture.tree.names(in: "/") == wanted })
            #expect(fixture.tree.content("/file") == [2])
            #expect(fixture.tree.content("/other") == [9])
        }
        #expect(waitUntil(within: .seconds(10)) { (try? open(place).names.isEmpty) == true })
    }

    @Test(
        "what a broken upload has left in a directory does not keep it from being removed, even after it was renamed"
    )
    func leftInDirectory() throws {
        let place = try TemporaryDirectory("ledger")
        try ScriptedStore.run { fixture in
            let (store, tree) = (fixture.store, fixture.tree)
            store.keep(try open(place))
            tree.addDirectory("/old")
            for name in ["/old/.ftpsfs-1.part", "/old/.ftpsfs-2.part"] {
                tree.addFile(name, [1])
                // Somebody is at it, so that the keeper is not.
                store.addLeftover(path(name), .remove, isHeld: true)
            }
            try store.rename(path("/old"), to: path("/new"), replacing: false, for: Request())
            try store.removeDirectory(path("/new"), for: Request())
            #expect(tree.names(in: "/").isEmpty)
            #expect(store.leftovers.withLock { $0.isEmpty })
        }
        #expect(try open(place).names.isEmpty)
    }

    @Test("an upload leaves nothing in the ledger, whether it succeeds or not")
    func leavesNothing() throws {
        let place = try TemporaryDirectory("ledger")
        try ScriptedStore.run { fixture in
            let ledger = try open(place)
            fixture.store.keep(ledger)
            let noted = Monitor(0)
            try fixture.replace("/file", pattern(1000)) { _ in
                noted.withLock { $0 = ledger.names.count }
            }
            #expect(noted.withLock { $0 } == 1)
            #expect(ledger.names.isEmpty)
            fixture.server.at(.transfer("STOR"), .fail(after: 100, "452 Disk full"))
            #expect(kind { try fixture.replace("/file", pattern(1000)) } == .noSpace)
            #expect(waitUntil(within: .seconds(30)) { ledger.names.isEmpty })
            #expect(fixture.tree.names(in: "/") == ["file"])
        }
    }
}
