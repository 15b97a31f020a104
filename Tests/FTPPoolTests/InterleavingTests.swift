import FTPClient
import Glibc
import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

/// The dialogue stays in step however replies and data connections are timed: many operations on servers of each kind, with replies that come
/// late, in pieces and behind one another, refusals and transfers that are given up among them.
@Suite struct InterleavingTests {
    /// Numbers without regularity, the same for the same seed.
    private struct Dice {
        private var state: UInt64

        init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

        mutating func roll(_ count: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(count))
        }
    }

    private static let servers: [ServerLikeness] = [.vsftpd, .proftpd, .pureftpd, .pyftpdlib]

    @Test(
        "every answer goes to its question, whatever the timing",
        arguments: [Shortcuts.all, .pipelining, .arming, []])
    func steps(_ shortcuts: Shortcuts) throws {
        for (number, likeness) in Self.servers.enumerated() {
            try ScriptedStore.run(likeness, limit: 2, shortcuts: shortcuts) { fixture in
                for (index, verb) in ["EPSV", "RETR", "STOR", "MLSD", "LIST", "SIZE", "MLST", "*"]
                    .enumerated()
                {
                    fixture.server.at(
                        .reply(verb, nil), skip: index * 3, times: 40, .pieces(3 + index),
                        .run { sched_yield() })
                }
                try play(fixture, Dice(UInt64(number * 16) + UInt64(shortcuts.rawValue) + 1))
            }
        }
    }

    private func play(_ fixture: ScriptedStore, _ dice: Dice) throws {
        var dice = dice
        var files: [String: [UInt8]] = [:]
        let (store, request) = (fixture.store, Request())
        for step in 0..<60 {
            let name = "/f\(dice.roll(5))"
            switch dice.roll(7) {
            case 0:
                let content = [UInt8](repeating: UInt8(step), count: dice.roll(3) * 40_000 + dice.roll(9))
                try fixture.replace(name, content)
                files[name] = content
            case 1, 2:
                guard let content = files[name] else {
                    #expect(
                        kind { _ = try store.openReader(path(name), at: 0, length: nil, for: request) }
                            == .notFound)
                    continue
                }
                let from = content.isEmpty ? 0 : dice.roll(content.count)
                let reader = try store.openReader(
                    path(name), at: UInt64(from), length: UInt64(content.count - from), for: request)
                defer { reader.close() }
                // Some are given up in the middle.
                let wanted = dice.roll(3) == 0 ? min(1000, content.count - from) : content.count - from
                var bytes: [UInt8] = []
                var room = [UInt8](repeating: 0, count: 16_384)
                while bytes.count < wanted {
                    let count = try room.withMutableRawSpan { try reader.read(into: &$0, for: request) }
                    guard count > 0 else { break }
                    bytes += room[..<count]
                }
                #expect(bytes[...] == content[from...].prefix(bytes.count) && bytes.count >= wanted)
            case 3:
                let found = kind { _ = try store.attributes(of: path(name), for: request) }
                #expect(found == (files[name] == nil ? .notFound : nil))
                if let content = files[name] {
                    #expect(try store.attributes(of: path(name), for: request).size == UInt64(content.count))
                }
            case 4:
                let names = try store.list(.root, for: request).entries.map(\.name.description)
                #expect(Set(names) == Set(files.keys.map { String($0.dropFirst()) }))
            case 5:
                let removed = kind { try store.removeFile(path(name), for: request) }
                #expect(removed == (files.removeValue(forKey: name) == nil ? .notFound : nil))
            default:
                guard let content = files[name] else { continue }
                let (attributes, reader) = try store.open(path(name), at: 0, for: request)
                reader.close()
                #expect(attributes.size == UInt64(content.count))
            }
        }
        // Nothing of this has cost a session.
        #expect(fixture.server.counts.logins <= 2)
        for (name, content) in files { #expect(fixture.tree.content(name) == content) }
    }
}
