import FTPClient
import Posix
import Remote
import Synchronization

/// A download that holds its lease until it ends.
///
/// Used by one thread at a time, as `RemoteReader` says.
final class FTPReader: RemoteReader {
    private let lease: Lease
    private let path: RemotePath
    private let download: Confined<Download>
    private let isClosed = Atomic(false)

    /// Takes over a download that has begun, and the lease it runs on.
    ///
    /// `length` is how many bytes are to come, where that is known.
    init(download: Confined<Download>, lease: Lease, path: RemotePath, length: UInt64?) {
        self.download = download
        self.lease = lease
        self.path = path
        lease.begins("RETR", path, size: length)
    }

    deinit {
        close()
    }

    func read(into bytes: inout MutableRawSpan, for request: Request) throws(RemoteError) -> Int {
        guard !isClosed.load(ordering: .acquiring) else {
            throw RemoteError(.unreachable, operation: "RETR", path: path, words: "the transfer was given up")
        }
        lease.session.bind(to: request)
        defer { lease.session.unbind() }
        do throws(FTPError) {
            let count = try download.value.read(into: &bytes)
            lease.noteProgress(count)
            return count
        } catch {
            throw RemoteError(error, operation: "RETR", path: path)
        }
    }

    func close() {
        guard
            isClosed.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing)
                .exchanged
        else { return }
        download.value.abort()
        lease.release()
    }

    func onReclaim(_ action: @escaping @Sendable () -> Void) {
        lease.onReclaim(action)
    }
}
