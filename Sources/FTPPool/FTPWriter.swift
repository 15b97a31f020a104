import FTPClient
import Posix
import Remote
import Synchronization

/// An upload that holds its lease until it is finished or closed.
///
/// Used by one thread at a time, as `RemoteWriter` says.
final class FTPWriter: RemoteWriter {
    private let store: FTPStore
    private let path: RemotePath
    private let isHidden: Bool
    private let begun: BegunUpload
    private let isOver = Atomic(false)

    /// Takes over a transfer that has begun, and the lease it runs on.
    init(store: FTPStore, path: RemotePath, isHidden: Bool, _ begun: BegunUpload) {
        self.store = store
        self.path = path
        self.isHidden = isHidden
        self.begun = begun
    }

    deinit {
        close()
    }

    func write(_ bytes: RawSpan, for request: Request) throws(RemoteError) {
        guard !isOver.load(ordering: .acquiring) else { throw ended }
        begun.lease.session.bind(to: request)
        defer { begun.lease.session.unbind() }
        do throws(FTPError) {
            try begun.upload.value.write(bytes)
            begun.lease.noteProgress(bytes.byteCount)
        } catch {
            throw RemoteError(error, operation: "STOR", path: path)
        }
    }

    func finish(
        as path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes {
        guard end() else { throw ended }
        var work = FTPStore.Replacement(path: path, source: source, order: order, isHidden: isHidden)
        work.names = [begun.temporary]
        work.begun = begun
        return try store.replace(work, for: request)
    }

    func close() {
        guard end() else { return }
        store.giveUp(begun)
    }

    func onReclaim(_ action: @escaping @Sendable () -> Void) {
        begun.lease.onReclaim(action)
    }

    private func end() -> Bool {
        isOver.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }

    private var ended: RemoteError {
        RemoteError(.unreachable, operation: "STOR", path: path, words: "the transfer was given up")
    }
}
