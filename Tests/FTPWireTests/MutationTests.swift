import Remote
import Testing

@testable import FTPWire

/// Bytes as a hostile or broken server might send them: nothing here may trap, and what is accepted keeps its promises.
@Suite struct MutationTests {
    private func check(_ listing: ParsedListing) {
        #expect(Set(listing.entries.map(\.name)).count == listing.entries.count)
        for entry in listing.entries {
            #expect(FileName(entry.name.bytes) != nil)
            #expect((entry.attributes.mode ?? 0) <= 0o7777)
            #expect(entry.attributes.linkTarget?.contains(0) != true)
            #expect((entry.attributes.modified?.nanoseconds ?? 0) < 1_000_000_000)
        }
    }

    @Test("no change to a listing traps", arguments: 0..<8)
    func listings(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<60 {
            for body in Transcripts.machine + Transcripts.lists {
                let changed = body.mutated(using: &random)
                let isProvenWhole = Bool.random(using: &random)
                if let listing = try? machineListing(changed, isProvenWhole: isProvenWhole) { check(listing) }
                if let listing = try? list(changed, offset: 3600, isProvenWhole: isProvenWhole) {
                    check(listing)
                }
            }
        }
    }

    @Test("no random bytes trap", arguments: 0..<4)
    func noise(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let noise = (0..<Int.random(in: 0...120, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = try? machineListing(noise, isProvenWhole: true)
            _ = try? list(noise, isProvenWhole: true)
            _ = StatedTime(compact: noise.span)
            readAll(noise)
        }
    }

    @Test("no change to a reply traps, and cutting it into pieces changes nothing", arguments: 0..<4)
    func replies(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<60 {
            for reply in Transcripts.replies {
                readAll(Array(reply.utf8).mutated(using: &random))
            }
        }
    }

    private func readAll(_ bytes: [UInt8]) {
        var whole = ReplyReader()
        whole.append(bytes)
        var piecewise = ReplyReader()
        let fromWhole = drain(&whole)
        var fromPieces: [Reply] = []
        var failed = false
        for byte in bytes {
            piecewise.append(CollectionOfOne(byte))
            let (replies, error) = drain(&piecewise)
            fromPieces += replies
            failed = failed || error
        }
        #expect(fromWhole.replies == fromPieces)
        #expect(fromWhole.failed == failed)
        for reply in fromWhole.replies { use(reply) }
    }

    private func drain(_ reader: inout ReplyReader) -> (replies: [Reply], failed: Bool) {
        var replies: [Reply] = []
        do {
            while let reply = try reader.next() { replies.append(reply) }
            return (replies, false)
        } catch {
            return (replies, true)
        }
    }

    private func use(_ reply: Reply) {
        #expect(100..<600 ~= reply.code)
        #expect(!reply.text.unicodeScalars.contains { $0.value < 32 })
        _ = PassiveAddress(extended: reply)
        _ = PassiveAddress(passive: reply)
        _ = PathReply(reply)?.path
        _ = Features(reply)
        _ = StatedTime(reply)
        _ = try? MachineListing.attributes(in: reply)
        _ = try? ListingFormat.parseListing(status: reply, now: Timestamp(seconds: 0))
        for verb in ["RETR", "RNTO", "STOR", "EPSV"] { _ = ReplyMeaning(reply, to: verb) }
        _ = reply.isTooManyConnections || reply.isSessionReuseDemanded || reply.refusesRestart
        _ = ServerSoftware(greeting: reply)
    }
}
