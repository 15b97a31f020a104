import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite("Uploads that follow a writer against a model")
struct FollowingModelTests {
    /// Writes mostly one after the other, with a rewrite, a truncation or a rename now and then; under the name is nothing but whole contents.
    private func run(seed: UInt64, failing: Bool) throws {
        var dice = Dice(seed: seed)
        let fixture = try ContentFixture { settings in
            settings.followLimit = 20_000
            settings.followPiece = 7000
            settings.followPause = .milliseconds(seed % 3 == 0 ? 1 : 5000)
        }
        var path = "/d/f"
        fixture.server.makeDirectories("/d")
        let isNew = Bool.random(using: &dice)
        if !isNew { fixture.server.put(path, pattern(5000)) }
        var content = isNew ? fixture.create(path) : try fixture.open(path)
        if !isNew { try content.truncate(to: 0, for: Request()) }
        var model: [UInt8] = []
        var acceptable: [[UInt8]?] = [isNew ? nil : pattern(5000)]
        if failing {
            let calls = Monitor(Dice(seed: seed &+ 99))
            fixture.store.failWhen { call, moment in
                calls.withLock { dice in
                    let odds = call.operation == .write ? 30 : 6
                    guard Int.random(in: 0..<odds, using: &dice) == 0 else { return nil }
                    if moment == .after, [.openReader, .openWriter].contains(call.operation) { return nil }
                    return [.unreachable, .timedOut, .protocolBroken, .busy].randomElement(using: &dice)
                }
            }
        }
        for step in 0..<150 {
            let spot = Int.random(in: 0...model.count, using: &dice)
            switch Int.random(in: 0..<40, using: &dice) {
            case 0...29:
                let bytes = pattern(
                    Int.random(in: 1..<9000, using: &dice),
                    seed: UInt8.random(in: .min ... .max, using: &dice))
                try content.put(bytes, at: model.count, appends: Bool.random(using: &dice))
                model += bytes
                content.followSimply(path)
            case 30:
                let bytes = pattern(300, seed: UInt8.random(in: .min ... .max, using: &dice))
                let place = Bool.random(using: &dice) ? spot : max(0, model.count - 400)
                try content.put(bytes, at: place)
                if model.count < place + 300 {
                    model += [UInt8](repeating: 0, count: place + 300 - model.count)
                }
                model.replaceSubrange(place..<(place + 300), with: bytes)
                content.followSimply(path)
            case 31:
                let size = Bool.random(using: &dice) ? spot : model.count + 1000
                try content.truncate(to: UInt64(size), for: Request())
                if size < model.count { model.removeLast(model.count - size) }
                model += [UInt8](repeating: 0, count: size - model.count)
            case 32:
                // As when a program opens it anew for writing.
                try content.truncate(to: 0, for: Request())
                model = []
            case 33:
                guard fixture.server.content(path) == nil else { continue }
                content.willMove()
                #expect(fixture.server.names(in: "/d") == [])
                path = path == "/d/f" ? "/d/g" : "/d/f"
                content.moved(to: path.remote)
            case 34, 35:
                fixture.server.advance(seconds: 2)
                acceptable.append(model)
                do {
                    if try content.upload(to: path.remote, for: Request()) != nil { acceptable = [model] }
                    #expect(!content.isDirty)
                } catch {
                    guard failing, case .remote(let cause) = error, cause.isTransient else { throw error }
                    #expect(content.isDirty)
                }
            default:
                let end = min(model.count, spot + 20_000)
                let got = Result { try content.bytes(spot, 20_000, path: path) }
                guard !failing || (try? got.get()) != nil else { continue }
                #expect(try got.get() == Array(model[spot..<end]), "seed \(seed), step \(step)")
            }
            let there = fixture.server.content(path)
            #expect(acceptable.contains { $0 == there }, "seed \(seed), step \(step): a part is visible")
        }
        fixture.store.heal()
        _ = try content.upload(to: path.remote, for: Request())
        #expect(fixture.server.content(path) == model)
        content.close(path: path.remote)
        #expect(fixture.environment.waitForStreams(until: .after(.seconds(30))))
        #expect(fixture.server.names(in: "/d") == [String(path.dropFirst(3))])
        #expect(fixture.rescued == [] && fixture.spooled == [])
        content = try fixture.open(path)
        #expect(try content.bytes(0, model.count + 1, path: path) == model)
        content.close(path: path.remote)
    }

    @Test("the server gets what was written, and shows nothing else before", arguments: 1...20)
    func random(seed: UInt64) throws {
        try run(seed: seed, failing: false)
    }

    @Test("with failures too", arguments: 1...20)
    func failing(seed: UInt64) throws {
        try run(seed: seed, failing: true)
    }
}
