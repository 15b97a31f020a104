package import Remote
import Posix

extension MemoryStore {
    package func openReader(
        _ path: RemotePath, at offset: UInt64, length: UInt64?, for request: Request
    ) throws(RemoteError) -> any RemoteReader {
        let content = try perform(.openReader, path, request) { tree, _, _ throws(RemoteError) in
            let record = try tree.existing(path, followsLast: true)
            guard record.kind == .file else { throw RemoteError(.isDirectory, operation: "") }
            return record.content
        }
        return MemoryReader(store: self, path: path, content: content, offset: offset)
    }

    package func replace(
        _ path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes {
        try replace(path, with: source, order, [], for: request)
    }

    /// The same with the source's first bytes sent before.
    func replace(
        _ path: RemotePath, with source: any UploadSource, _ order: UploadOrder, _ sent: [UInt8],
        for request: Request
    ) throws(RemoteError) -> Attributes {
        let bytes = sent + (try collect(source, from: UInt64(sent.count), path, request))
        return try perform(.replace, path, request) { tree, configuration, now throws(RemoteError) in
            try Self.check(order.expectation, tree.record(path, followsLast: true), configuration)
            let old = tree.record(path, followsLast: order.writesThrough)
            guard old?.kind != .directory else { throw RemoteError(.isDirectory, operation: "") }
            var record = MemoryTree.Record(
                kind: .file, content: bytes, modified: now, mode: old?.mode ?? configuration.fileMode)
            try Self.checkRoom(tree, for: bytes.count - (old?.content.count ?? 0), configuration)
            Self.apply(order, to: &record, configuration)
            if order.writesThrough, old != nil {
                try tree.change(path, followsLast: true) { $0 = record }
            } else {
                try tree.put(record, at: path)
            }
            return Self.shown(record, configuration)
        }
    }

    package func append(
        to path: RemotePath, at offset: UInt64, from source: any UploadSource, _ order: UploadOrder,
        for request: Request
    ) throws(RemoteError) -> Attributes {
        guard canAppend else { throw RemoteError(.unsupported, operation: "append", path: path) }
        let bytes = try collect(source, from: offset, path, request)
        return try perform(.append, path, request) { tree, configuration, now throws(RemoteError) in
            var record = try tree.existing(path, followsLast: true)
            try Self.check(order.expectation, record, configuration)
            guard UInt64(record.content.count) == offset else { throw RemoteError(.changed, operation: "") }
            try Self.checkRoom(tree, for: bytes.count, configuration)
            record.content += bytes
            record.modified = now
            Self.apply(order, to: &record, configuration)
            try tree.change(path, followsLast: true) { $0 = record }
            return Self.shown(record, configuration)
        }
    }

    package func patch(
        _ path: RemotePath, _ ranges: [Range<UInt64>], from source: any UploadSource, _ order: UploadOrder,
        began: () -> Void, for request: Request
    ) throws(RemoteError) -> Attributes {
        var can = false
        configure { can = $0.patches }
        guard can else { throw RemoteError(.unsupported, operation: "patch", path: path) }
        var pieces: [(Int, [UInt8])] = []
        for range in ranges {
            var bytes = [UInt8](repeating: 0, count: range.count)
            var span = bytes.mutableSpan
            var room = span.mutableBytes
            let count = try source.read(into: &room, at: range.lowerBound)
            guard count == range.count else { throw RemoteError(.local, operation: "patch", path: path) }
            pieces.append((Int(range.lowerBound), bytes))
            countBytes(sent: count)
        }
        return try perform(.patch, path, request) { [pieces] tree, configuration, now throws(RemoteError) in
            var record = try tree.existing(path, followsLast: true)
            try Self.check(order.expectation, record, configuration)
            began()
            guard UInt64(record.content.count) == source.size else {
                throw RemoteError(.changed, operation: "")
            }
            for (place, bytes) in pieces {
                record.content.replaceSubrange(place..<(place + bytes.count), with: bytes)
            }
            record.modified = now
            Self.apply(order, to: &record, configuration)
            try tree.change(path, followsLast: true) { $0 = record }
            return Self.shown(record, configuration)
        }
    }

    private var canAppend: Bool {
        var can = true
        configure { can = $0.appends }
        return can
    }

    private func collect(
        _ source: any UploadSource, from start: UInt64, _ path: RemotePath, _ request: Request
    ) throws(RemoteError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            guard !request.isCancelled else {
                throw RemoteError(.interrupted, operation: "upload", path: path)
            }
            var span = buffer.mutableSpan
            var room = span.mutableBytes
            let count = try source.read(into: &room, at: start + UInt64(bytes.count))
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        guard start + UInt64(bytes.count) == source.size else {
            throw RemoteError(.protocolBroken, operation: "upload", path: path, words: "size sent differs")
        }
        countBytes(sent: bytes.count)
        return bytes
    }

    private static func check(
        _ expectation: UploadOrder.Expectation, _ record: MemoryTree.Record?, _ configuration: Configuration
    ) throws(RemoteError) {
        let isMet =
            switch expectation {
            case .anything: true
            case .nothing: record == nil
            case .version(let version):
                record.map { $0.kind == .file && shown($0, configuration).version.matches(version) } ?? false
            }
        guard isMet else { throw RemoteError(.changed, operation: "") }
    }

    private static func checkRoom(
        _ tree: MemoryTree, for growth: Int, _ configuration: Configuration
    ) throws(RemoteError) {
        guard let capacity = configuration.capacity, growth > 0 else { return }
        guard tree.totalSize + growth <= capacity else { throw RemoteError(.noSpace, operation: "") }
    }

    private static func apply(
        _ order: UploadOrder, to record: inout MemoryTree.Record, _ configuration: Configuration
    ) {
        if let mode = order.mode, configuration.traits.setsModes ?? true { record.mode = mode }
        if let time = order.modified, configuration.traits.setsFileTimes ?? true { record.modified = time }
    }
}

/// A reader over the content a file had when it was opened, as a server's open descriptor gives after a replace by rename.
final class MemoryReader: RemoteReader {
    private struct State {
        var offset: UInt64
        var isClosed = false
    }

    private let store: MemoryStore
    private let path: RemotePath
    private let content: [UInt8]
    private let state: Monitor<State>

    init(store: MemoryStore, path: RemotePath, content: [UInt8], offset: UInt64) {
        self.store = store
        self.path = path
        self.content = content
        state = Monitor(State(offset: offset))
    }

    func read(into bytes: inout MutableRawSpan, for request: Request) throws(RemoteError) -> Int {
        guard !request.isCancelled else { throw RemoteError(.interrupted, operation: "read", path: path) }
        let limit = min(store.countRead(path), bytes.byteCount)
        let start = try state.withLock { state throws(RemoteError) in
            guard !state.isClosed else { throw RemoteError(.local, operation: "read", path: path) }
            return Int(clamping: state.offset)
        }
        guard start < content.count else { return 0 }
        let count = min(limit, content.count - start)
        for index in 0..<count {
            bytes.storeBytes(of: content[start + index], toByteOffset: index, as: UInt8.self)
        }
        state.withLock { $0.offset += UInt64(count) }
        store.countBytes(received: count)
        return count
    }

    func close() {
        state.withLock { $0.isClosed = true }
    }

    func onReclaim(_ action: @escaping @Sendable () -> Void) {}
}
