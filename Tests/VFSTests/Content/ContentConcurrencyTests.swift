import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite("File content used by many threads")
struct ContentConcurrencyTests {
    private static let blockSize = 4096

    /// Each writer owns every n-th block of the file and fills it with one number after the other.
    private func work(seed: UInt64, initial: Int, appends: Bool) throws {
        let fixture = try ContentFixture { settings in
            settings.blockSize = 32 << 10
            settings.wholeFileLimit = 64 << 10
            settings.memoryLimit = 1 << 20
        }
        fixture.server.configure { $0.appends = appends }
        let size = Self.blockSize
        fixture.server.put("/f", [UInt8](repeating: 200, count: initial))
        let content = try fixture.open("/f")
        let writers = 3
        let latest = Monitor<[Int: UInt8]>([:])
        let failures = Monitor<[String]>([])
        let isDone = Monitor(false)
        var threads: [Posix.Thread] = []
        for number in 0..<writers {
            threads.append(
                try Posix.Thread(named: "writer") {
                    var dice = Dice(seed: seed &* 31 &+ UInt64(number))
                    for round in 1...40 as ClosedRange<UInt8> {
                        let block = Int.random(in: 0..<40, using: &dice) * writers + number
                        do {
                            try content.put([UInt8](repeating: round, count: size), at: block * size)
                            latest.withLock { $0[block] = round }
                        } catch {
                            failures.withLock { $0.append("write: \(error)") }
                        }
                    }
                })
        }
        var others = [
            try Posix.Thread(named: "uploader") {
                while !isDone.withLock({ $0 }) {
                    fixture.server.advance(seconds: 2)
                    do { _ = try content.upload(to: "/f".remote, for: Request()) } catch {
                        failures.withLock { $0.append("upload: \(error)") }
                    }
                    _ = content.dropClean()
                }
            }
        ]
        for number in 0..<3 as Range<UInt64> {
            others.append(
                try Posix.Thread(named: "reader") {
                    var dice = Dice(seed: seed &* 77 &+ number)
                    while !isDone.withLock({ $0 }) {
                        let block = Int.random(in: 0..<(40 * writers), using: &dice)
                        let before = latest.withLock { $0[block] } ?? 0
                        do {
                            let bytes = try content.bytes(block * size, size, path: "/f")
                            // Numbers grow; a block may be in the middle of being written, but never older than known before.
                            let oldest = bytes.filter { $0 != 200 }.min() ?? 0
                            if oldest < before || before > 0 && bytes.contains(200) {
                                failures.withLock { $0.append("block \(block): \(oldest) after \(before)") }
                            }
                        } catch {
                            failures.withLock { $0.append("read: \(error)") }
                        }
                    }
                })
        }
        for thread in threads { thread.join() }
        isDone.withLock { $0 = true }
        for thread in others { thread.join() }
        #expect(failures.withLock { $0 } == [])
        _ = try content.upload(to: "/f".remote, for: Request())
        let end = try content.bytes(0, Int(content.size), path: "/f")
        #expect(fixture.server.content("/f") == end)
        for (block, number) in latest.withLock({ $0 }) {
            #expect(end[block * size] == number && end[block * size + size - 1] == number)
        }
        content.close(path: "/f".remote)
        #expect(fixture.rescued == [])
        #expect(fixture.environment.waitForStreams(until: .after(.seconds(30))))
        #expect(fixture.environment.budget.usedBytes == 0)
    }

    @Test("writers, readers and uploads at once lose nothing", arguments: 1...4)
    func together(seed: UInt64) throws {
        try work(seed: seed, initial: seed % 2 == 0 ? 300_000 : 0, appends: seed < 3)
    }
}
