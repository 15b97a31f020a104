import Posix
import Settings

/// Puts the layers together: the one place that knows all of them.
enum Assembly {
    /// Connects, mounts, tells `daemon` that the mount is usable, and serves it until it is unmounted.
    ///
    /// Threads, TLS contexts and connections may be made from here on: the program is where it stays. Throws what kept the mount from
    /// becoming usable.
    static func serve(
        _ settings: MountSettings, _ credentials: Credentials, _ daemon: Daemon
    ) throws(Failure) -> ExitStatus {
        throw Failure(.system, "the layers are not put together yet")
    }
}
