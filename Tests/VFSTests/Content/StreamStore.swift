import Foundation
import Posix
import Remote
import TestSupport

/// A server with one file of made-up bytes, whose transfers can break, wait, end early, run on, or be reclaimed.
final class StreamStore: RemoteStore {
    struct State {
        var size: UInt64
        var modified = Timestamp(seconds: 1_700_000_000)
        /// What transfers deliver in fact.
        var delivered: UInt64
        var seed = 0
        var chunk = 16 << 10
        /// Transfers that reach one of these offsets break there, so many times.
        var breaks: [UInt64: Int] = [:]
        /// Transfers wait here before they deliver the byte at the offset.
        var gates: [UInt64: Gate] = [:]
        var openError: RemoteError.Kind?
        var opens: [UInt64] = []
        var openReaders = 0
        var checks = 0
        var received: UInt64 = 0
        var endsSeen = 0
        var reclaims: [Int: @Sendable () -> Void] = [:]
        /// Transfers wait here before they are closed.
        var closing: Gate?
        /// The offsets of transfers on spare connections, how many of them may run, and how many do.
        var spareOpens: [UInt64] = []
        var spareLimit = Int.max
        var openSpares = 0
        /// What the link costs: each opening, and each chunk.
        var openDelay: Duration = .zero
        var chunkDelay: Duration = .zero
    }

    let state: Monitor<State>
    private static let period = 1_000_003
    private static let bytes = {
        let once = pattern(period, seed: 7); return once + once
    }()

    init(size: UInt64) {
        state = Monitor(State(size: size, delivered: size))
    }

    /// The bytes of a range, as the version with this seed has them.
    static func expected(_ range: Range<UInt64>, seed: Int = 0) -> [UInt8] {
        var result: [UInt8] = []
        var place = range.lowerBound
        while place < range.upperBound {
            let start = (Int(place % UInt64(period)) + seed) % period
            let count = min(Int(range.upperBound - place), period)
            result += bytes[start..<(start + count)]
            place += UInt64(count)
        }
        return result
    }

    var opens: [UInt64] { state.withLock { $0.opens } }
    var checks: Int { state.withLock { $0.checks } }
    var received: UInt64 { state.withLock { $0.received } }

    func change(_ body: (inout State) -> Void) { state.update { body(&$0) } }

    /// Waits until a condition holds; false when it does not within a minute.
    func waits(for condition: (State) -> Bool) -> Bool {
        state.wait(until: .after(.seconds(60))) { condition($0) ? true : nil } ?? false
    }

    /// Asks all transfers to give their connections up.
    func reclaimAll() {
        for action in state.withLock({ Array($0.reclaims.values) }) { action() }
    }

    var traits: StoreTraits { StoreTraits() }

    func attributes(of path: RemotePath, for request: Request) throws(RemoteError) -> Attributes {
        let (size, modified) = state.update { state in
            state.checks += 1
            return (state.size, state.modified)
        }
        return Attributes(kind: .file, size: size, modified: modified)
    }

    func openReader(_ path: RemotePath, at offset: UInt64, length: UInt64?, for request: Request)
        throws(RemoteError) -> any RemoteReader
    {
        if request.isCancelled { throw RemoteError(.interrupted, operation: "open") }
        let isSpare = request.urgency == .spare
        let (number, seed, error) = state.update { state -> (Int, Int, RemoteError.Kind?) in
            if isSpare, state.openSpares >= state.spareLimit { return (0, 0, .busy) }
            state.opens.append(offset)
            state.openReaders += 1
            if isSpare {
                state.spareOpens.append(offset)
                state.openSpares += 1
            }
            return (state.opens.count, state.seed, state.openError)
        }
        if number == 0 { throw RemoteError(.busy, operation: "open") }
        pause(state.withLock { $0.openDelay })
        if let error {
            state.update { state in
                state.openReaders -= 1
                if isSpare { state.openSpares -= 1 }
            }
            throw RemoteError(error, operation: "open")
        }
        return StreamReader(store: self, number: number, offset: offset, seed: seed, isSpare: isSpare)
    }

    fileprivate func pause(_ time: Duration) {
        guard time > .zero else { return }
        Foundation.Thread.sleep(forTimeInterval: Double(time.components.attoseconds) / 1e18)
    }

    func exactTimes(of paths: [RemotePath], for request: Request) throws(RemoteError) -> [Timestamp?] {
        paths.map { _ in nil }
    }
    func resolvedAttributes(of path: RemotePath, for request: Request) throws(RemoteError) -> Attributes {
        try attributes(of: path, for: request)
    }

    private func unused() -> RemoteError { RemoteError(.unsupported, operation: "test") }
    func list(_ directory: RemotePath, for request: Request) throws(RemoteError) -> Listing { throw unused() }
    func replace(
        _ path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes { throw unused() }
    func append(
        to path: RemotePath, at offset: UInt64, from source: any UploadSource, _ order: UploadOrder,
        for request: Request
    ) throws(RemoteError) -> Attributes { throw unused() }
    func makeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) { throw unused() }
    func removeFile(_ path: RemotePath, for request: Request) throws(RemoteError) { throw unused() }
    func removeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) { throw unused() }
    func rename(_ old: RemotePath, to new: RemotePath, replacing: Bool, for request: Request)
        throws(RemoteError)
    { throw unused() }
    func setModified(_ path: RemotePath, kind: FileKind, to time: Timestamp, for request: Request)
        throws(RemoteError) -> Attributes?
    { throw unused() }
    func setMode(_ path: RemotePath, to mode: UInt16, for request: Request) throws(RemoteError) {
        throw unused()
    }
    func makeSymlink(_ path: RemotePath, target: [UInt8], for request: Request) throws(RemoteError) {
        throw unused()
    }
}

private final class StreamReader: RemoteReader {
    private struct Place {
        var offset: UInt64
        var isClosed = false
        var sawEnd = false
    }

    private let store: StreamStore
    private let number: Int
    private let seed: Int
    private let isSpare: Bool
    private let place: Monitor<Place>

    init(store: StreamStore, number: Int, offset: UInt64, seed: Int, isSpare: Bool) {
        self.store = store
        self.number = number
        self.seed = seed
        self.isSpare = isSpare
        place = Monitor(Place(offset: offset))
    }

    func read(into bytes: inout MutableRawSpan, for request: Request) throws(RemoteError) -> Int {
        let (offset, isClosed) = place.withLock { ($0.offset, $0.isClosed) }
        if isClosed { throw RemoteError(.local, operation: "read", words: "closed") }
        if let gate = store.state.withLock({ $0.gates[offset] }) {
            let token = request.onCancel { gate.wake() }
            defer { request.remove(token) }
            gate.pass(isGivenUp: { request.isCancelled })
        }
        if request.isCancelled { throw RemoteError(.interrupted, operation: "read") }
        store.pause(store.state.withLock { $0.chunkDelay })
        let room = bytes.byteCount
        let count = try store.state.update { state throws(RemoteError) -> Int in
            if let left = state.breaks[offset] {
                state.breaks[offset] = left > 1 ? left - 1 : nil
                throw RemoteError(.unreachable, operation: "read", words: "broken at \(offset)")
            }
            guard offset < state.delivered else {
                state.endsSeen += 1
                return 0
            }
            var count = min(room, state.chunk, Int(state.delivered - offset))
            // Stop at the next place where something happens.
            for stop in Array(state.breaks.keys) + Array(state.gates.keys) where stop > offset {
                count = min(count, Int(clamping: stop - offset))
            }
            state.received += UInt64(count)
            return count
        }
        if count > 0 {
            let part = StreamStore.expected(offset..<(offset + UInt64(count)), seed: seed)
            bytes.withUnsafeMutableBytes { $0.copyBytes(from: part) }
            place.withLock { $0.offset += UInt64(count) }
        }
        return count
    }

    func close() {
        let isFirst = place.withLock { place in
            defer { place.isClosed = true }
            return !place.isClosed
        }
        guard isFirst else { return }
        store.state.withLock { $0.closing }?.pass()
        let number = self.number
        store.state.update { state in
            state.openReaders -= 1
            if isSpare { state.openSpares -= 1 }
            state.reclaims[number] = nil
        }
    }

    func onReclaim(_ action: @escaping @Sendable () -> Void) {
        let number = self.number
        store.state.update { $0.reclaims[number] = action }
    }
}
