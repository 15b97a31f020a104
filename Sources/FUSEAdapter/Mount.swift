import CFUSE
import Glibc
package import Logging
import Posix
package import VFS

/// A volume mounted in this machine's tree.
///
/// In order: `mount()`, tell whoever waits that the mount is there, `run()`, or `end()` when that comes to nothing. `stop()` may come
/// from any thread at any time. The process must not fork between `mount()` and the end of `run()` other than to run another program.
///
/// Where autofs has asked for this mount, the process that calls `mount()` must still be in the process group of the one that was
/// started (no setsid(2) before): autofs lets only that group pass to the mountpoint, everybody else waits for the mount.
package final class Mount: Sendable {
    private struct State {
        var session: Session?
        var place: MountTable.Entry?
        /// The thread inside `run`.
        var loop: pthread_t?
        var isStopping = false
    }

    private let volume: Volume
    private let options: MountOptions
    private let logger: Logger
    private let adapter: Adapter
    private let state = Monitor(State())

    /// Says early what speaks against a mount point, before anybody is asked for a password; `mount()` looks again.
    package static func check(_ options: MountOptions) throws(MountError) {
        let silent = Logger(label: "") { _ in SwiftLogNoOpLogHandler() }
        _ = try Mountpoint.resolve(options, logger: silent)
    }

    /// Prepares a mount; nothing happens yet.
    package init(_ volume: Volume, _ options: MountOptions, logger: Logger) {
        self.volume = volume
        self.options = options
        self.logger = logger
        adapter = Adapter(volume: volume, options: options, logger: logger)
    }

    deinit {
        end()
    }

    /// Mounts and settles the connection with the kernel; programs that come to the mount wait until `run` runs.
    ///
    /// Starts no thread. What the volume's root is must be known already. On failure nothing is left mounted, and none is made
    /// once `stop` was called.
    package func mount() throws(MountError) {
        LibraryLog.install(logger)
        let path = try Mountpoint.resolve(options, logger: logger)
        let attempt = LibraryLog.collecting { () -> Session? in
            guard let session = Session(words: options.words, adapter: adapter) else { return nil }
            return session.mount(on: path) ? session : nil
        }
        guard let session = attempt.result else { throw .refused(path, words: attempt.words) }
        let place = try? MountTable.current().top(at: Array(path.utf8))
        state.withLock { state in
            state.session = session
            state.place = place
        }
        let greeting = LibraryLog.collecting { Result { () throws(Errno) in try session.greet() } }
        if case .failure(let error) = greeting.result {
            end()
            throw .refused(path, words: greeting.words + ["the kernel and libfuse do not agree: \(error)"])
        }
        // A stop that came before there was a place to detach has left that to this thread.
        if state.withLock({ $0.isStopping }) {
            end()
            throw .stopped(path)
        }
        if let place { raiseReadAhead(of: place) }
    }

    /// Serves the mount on this thread and others until it is unmounted or `stop` ends it; the mount is gone then.
    ///
    /// Returns 0, or an error number below zero. Blocks all that time. To be called once, after `mount`.
    package func run() -> CInt {
        guard let session = state.withLock({ $0.session }) else { return -EINVAL }
        let watcher = startWatching()
        Self.admitWakingSignal()
        // A stop that came before the loop has nothing to wake.
        let begins = state.update { state in
            state.loop = pthread_self()
            return !state.isStopping
        }
        var result: CInt = 0
        if begins {
            result =
                options.singleThreaded ? session.run() : session.run(maximumThreads: options.maximumThreads)
        }
        state.update { $0.loop = nil }
        if result < 0 { logger.error("the connection with the kernel has failed: \(Errno(-result))") }
        adapter.inFlight.stopWatching()
        watcher?.join()
        end()
        return result
    }

    /// Ends the mount: takes it out of the tree, lets requests in progress finish for the time of grace, then cancels them.
    ///
    /// Before `mount` or `run` it makes these return soon, and the mount does not come about or goes.
    ///
    /// Blocks until `run` is about to return, or until twice the time of grace has passed. Programs that still have files open get
    /// errors from then on. A second call does nothing.
    package func stop(grace: Duration = .seconds(10)) {
        let (session, place, isFirst) = state.withLock { state in
            defer { state.isStopping = true }
            return (state.session, state.place, !state.isStopping)
        }
        guard isFirst else { return }
        if session?.isConnected ?? false, let place { Unmounting.detach(place, logger: logger) }
        // Without open files the kernel has ended the connection by now, and the loop ends by itself.
        guard !waitForEnd(.milliseconds(300)) else { return }
        state.withLock { $0.session }?.exit()
        guard !wakeUntilEnd(grace) else { return }
        logger.warning("requests are still in progress after \(grace); they are cancelled")
        adapter.inFlight.cancelAll()
        volume.giveUpReleases()
        guard !wakeUntilEnd(grace) else { return }
        logger.error("the mount does not end")
    }

    /// Drops what is cached and can be had again.
    ///
    /// Does not block.
    package func dropCaches() {
        volume.dropCaches()
    }

    /// Closes the connection and takes the mount away where it still is: for a mount that is not going to be served.
    ///
    /// `run` does it itself. A second call does nothing.
    package func end() {
        let (session, place) = state.withLock { state in
            defer {
                state.session = nil
                state.place = nil
            }
            return (state.session, state.place)
        }
        // The numbers that tell a mount are given out again as soon as it is gone: somebody else's may have them by now.
        let stands = session?.isConnected ?? false
        session?.close()
        if stands, let place { Unmounting.detach(place, logger: logger) }
    }

    private func startWatching() -> Thread? {
        let inFlight = adapter.inFlight
        do {
            return try Thread(named: "fuse-signals") { inFlight.watch() }
        } catch {
            logger.warning("waiting programs cannot be interrupted: \(error)")
            return nil
        }
    }

    private func waitForEnd(_ duration: Duration) -> Bool {
        state.wait(until: .after(duration)) { $0.loop == nil ? true : nil } ?? false
    }

    /// libfuse's loop sleeps in sem_wait(3) and looks whether it is to end after a signal only; one that comes just before it falls
    /// asleep is lost, hence again and again.
    private func wakeUntilEnd(_ duration: Duration) -> Bool {
        let deadline = Deadline.after(duration)
        repeat {
            state.withLock { state in
                if let loop = state.loop { _ = pthread_kill(loop, SIGUSR1) }
            }
            if waitForEnd(.milliseconds(20)) { return true }
        } while !deadline.hasPassed
        return false
    }

    /// Lets SIGUSR1 interrupt system calls of this thread, without any other effect in the whole process.
    private static func admitWakingSignal() {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { _ in }
        unsafe sigaction(SIGUSR1, &action, nil)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGUSR1)
        unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Makes the kernel read further ahead than the 128 KiB that it grants every FUSE file system (sysfs: class/bdi, read_ahead_kb).
    ///
    /// Only root may, and only once the connection is settled; others keep what there is. Less was agreed on before (`Capabilities`).
    private func raiseReadAhead(of place: MountTable.Entry) {
        guard options.readAhead > 128 << 10 else { return }
        let text = Array("\(options.readAhead >> 10)\n".utf8)
        do throws(Errno) {
            let file = try FileDescriptor.open("/sys/class/bdi/\(place.device)/read_ahead_kb", O_WRONLY)
            _ = try unsafe file.write(text.span.bytes)
        } catch {
            logger.debug("the kernel's read-ahead stays as it is: \(error)")
        }
    }
}
