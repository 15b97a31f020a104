package import Remote
import Posix

extension MemoryStore {
    package func openWriter(
        _ path: RemotePath, isNew: Bool, for request: Request
    ) throws(RemoteError) -> any RemoteWriter {
        try perform(.openWriter, path, request) { tree, configuration, now throws(RemoteError) in
            guard configuration.writes else { throw RemoteError(.busy, operation: "") }
            let temporary = path.parent.appending(MemoryWriter.makeName())
            let record = MemoryTree.Record(
                kind: .file, modified: now, mode: configuration.fileMode)
            try tree.put(record, at: temporary)
            return MemoryWriter(store: self, path: path, temporary: temporary)
        }
    }
}

/// A content that grows under a name of its own, as on a server.
final class MemoryWriter: RemoteWriter {
    private struct State {
        var count: UInt64 = 0
        var isOver = false
    }

    private let store: MemoryStore
    private let path: RemotePath
    private let temporary: RemotePath
    private let state = Monitor(State())

    init(store: MemoryStore, path: RemotePath, temporary: RemotePath) {
        self.store = store
        self.path = path
        self.temporary = temporary
    }

    deinit { close() }

    static func makeName() -> FileName {
        let digits = String(UInt64.random(in: .min ... .max), radix: 36)
        guard let name = FileName(".\(digits).part") else { preconditionFailure("no name") }
        return name
    }

    func write(_ bytes: RawSpan, for request: Request) throws(RemoteError) {
        guard !state.withLock({ $0.isOver }) else {
            throw RemoteError(.local, operation: "write", path: path, words: "it is over")
        }
        let piece = bytes.byteOffsets.map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        try store.perform(.write, path, request) { tree, _, now throws(RemoteError) in
            try tree.change(temporary) { record in
                record.content += piece
                record.modified = now
            }
        }
        state.withLock { $0.count += UInt64(piece.count) }
        store.countBytes(sent: piece.count)
    }

    func finish(
        as path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes {
        let place = state.withLock { $0.count }
        defer { close() }
        let sent = store.tree.record(temporary)?.content ?? []
        guard UInt64(sent.count) == place else {
            throw RemoteError(.protocolBroken, operation: "finish", path: path, words: "\(place) were sent")
        }
        return try store.replace(path, with: source, order, sent, for: request)
    }

    func close() {
        let isFirst = state.withLock { state in
            defer { state.isOver = true }
            return !state.isOver
        }
        if isFirst { store.asOther { tree, _ in try? tree.remove(temporary) } }
    }

    func onReclaim(_ action: @escaping @Sendable () -> Void) { store.add(reclaim: action) }
}
