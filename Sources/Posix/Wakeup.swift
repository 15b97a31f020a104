import CLinux
import Glibc

/// A flag that a thread inside poll(2) notices: an eventfd(2).
///
/// May be raised and lowered from any thread; stays raised until it is lowered.
package final class Wakeup: Sendable {
    /// The descriptor to poll for reading; owned by this object.
    package let descriptor: CInt

    /// Makes a lowered flag; throws when the process has no descriptors left.
    package init() throws(Errno) {
        let raw = ftpsfs_eventfd()
        guard raw >= 0 else { throw Errno.current }
        descriptor = raw
    }

    deinit {
        _ = close(descriptor)
    }

    /// Raises the flag; does not block.
    package func raise() {
        _ = eventfd_write(descriptor, 1)
    }

    /// Lowers the flag; does not block.
    package func lower() {
        var count: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor, &count)
    }
}
