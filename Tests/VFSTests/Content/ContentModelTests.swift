import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite("File content against a model")
struct ContentModelTests {
    /// Runs random operations on a content and on an array of bytes; the server holds the old or a new content at any time.
    private func run(seed: UInt64, failing: Bool, appends: Bool) throws {
        var dice = Dice(seed: seed)
        let fixture = try ContentFixture { settings in
            settings.blockSize = 64 << 10
            settings.wholeFileLimit = 40_000
            settings.gapLimit = 8192
        }
        fixture.server.configure {
            $0.appends = appends; $0.chunk = 5000
        }
        let isNew = Bool.random(using: &dice)
        var model: [UInt8] =
            isNew
            ? [] : pattern(Int.random(in: 0..<150_000, using: &dice), seed: UInt8(truncatingIfNeeded: seed))
        if !isNew { fixture.server.put("/f", model) }
        var content = isNew ? fixture.create("/f") : try fixture.open("/f")
        var acceptable: [[UInt8]?] = [isNew ? nil : model]
        if failing {
            let calls = Monitor(Dice(seed: seed &+ 99))
            fixture.store.failWhen { call, moment in
                calls.withLock { dice in
                    guard Int.random(in: 0..<6, using: &dice) == 0 else { return nil }
                    if moment == .after, call.operation == .openReader { return nil }
                    return [.unreachable, .timedOut, .protocolBroken].randomElement(using: &dice)
                }
            }
        }
        for step in 0..<120 {
            let offset = Int.random(in: 0...max(1, model.count + model.count / 8), using: &dice)
            let count = [1, 100, 5000, 70_000].randomElement(using: &dice) ?? 1
            switch Int.random(in: 0..<12, using: &dice) {
            case 0...3:
                let end = min(model.count, offset + count)
                let expected = offset < end ? Array(model[offset..<end]) : []
                let got = Result { try content.bytes(offset, count, path: "/f") }
                if try isDone(got, failing) {
                    #expect(try got.get() == expected, "seed \(seed), step \(step)")
                }
            case 4...6:
                let bytes = pattern(count % 9000, seed: UInt8.random(in: .min ... .max, using: &dice))
                let place = Bool.random(using: &dice) ? offset : model.count
                let appends = place == model.count && Bool.random(using: &dice)
                try content.put(bytes, at: appends ? 3 : place, appends: appends)
                guard !bytes.isEmpty else { continue }
                if model.count < place + bytes.count {
                    model += [UInt8](repeating: 0, count: place + bytes.count - model.count)
                }
                model.replaceSubrange(place..<(place + bytes.count), with: bytes)
            case 7:
                try content.truncate(to: UInt64(offset), for: Request())
                if offset < model.count { model.removeLast(model.count - offset) }
                model += [UInt8](repeating: 0, count: offset - model.count)
            case 8:
                let keeps = Bool.random(using: &dice)
                let zeroes = Bool.random(using: &dice)
                try content.allocate(
                    at: UInt64(offset), count: UInt64(count), keepsSize: keeps, zeroes: zeroes, for: Request()
                )
                if zeroes {
                    for index in offset..<max(offset, min(model.count, offset + count)) { model[index] = 0 }
                }
                if !keeps, offset + count > model.count {
                    model += [UInt8](repeating: 0, count: offset + count - model.count)
                }
            case 9, 10:
                fixture.server.advance(seconds: 2)
                acceptable.append(model)
                let outcome = Result { try content.upload(to: "/f".remote, for: Request()) }
                if try isDone(outcome, failing) {
                    #expect(try outcome.get().map { $0.size == UInt64(model.count) } ?? true)
                    #expect(!content.isDirty)
                    acceptable = [model]
                } else {
                    #expect(content.isDirty)
                }
            default:
                _ = content.dropClean()
                if !content.isDirty, Bool.random(using: &dice) {
                    content.close(path: "/f".remote)
                    fixture.store.heal()
                    content = try fixture.open("/f")
                }
            }
            #expect(content.size == UInt64(model.count))
            let there = fixture.server.content("/f")
            #expect(
                acceptable.contains { $0 == there },
                "seed \(seed), step \(step): something else is on the server")
        }
        fixture.store.heal()
        #expect(try content.bytes(0, model.count + 10, path: "/f") == model)
        _ = try content.upload(to: "/f".remote, for: Request())
        #expect(fixture.server.content("/f") == model)
        content.close(path: "/f".remote)
        #expect(fixture.rescued == [])
        #expect(fixture.spooled == [])
        #expect(fixture.environment.waitForStreams(until: .after(.seconds(30))))
    }

    // Whether a call succeeded; throws unless it failed for the store's failure.
    private func isDone<Value>(_ result: Result<Value, any Error>, _ failing: Bool) throws -> Bool {
        guard case .failure(let error) = result else { return true }
        guard failing, case .remote(let cause)? = error as? VolumeError, cause.isTransient else {
            throw error
        }
        return false
    }

    @Test("reads give what was written, and the server gets it", arguments: 1...30)
    func random(seed: UInt64) throws {
        try run(seed: seed, failing: false, appends: seed % 2 == 0)
    }

    @Test("with failures the server has the old content or a new one, nothing else", arguments: 1...30)
    func failing(seed: UInt64) throws {
        try run(seed: seed, failing: true, appends: seed % 2 == 0)
    }
}
