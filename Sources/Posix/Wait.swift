import Glibc

/// Why a wait ended without what was waited for.
package enum WaitError: Error, Hashable, Sendable {
    /// The deadline passed.
    case timedOut
    /// The wakeup was raised: the program that asked has given up, or the owner wants the thread back.
    case interrupted
    /// A system call failed.
    case failed(Errno)
}

/// What a descriptor is, or is to become, ready for.
package struct Readiness: OptionSet, Sendable {
    /// One bit a condition.
    package let rawValue: UInt8
    /// Takes the bits as they are.
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Bytes, the end of the stream or an error can be read.
    package static let readable = Readiness(rawValue: 1)
    /// Bytes can be written.
    package static let writable = Readiness(rawValue: 2)
    /// The descriptor has hung up or failed; reported without being asked for.
    package static let failed = Readiness(rawValue: 4)

    fileprivate var pollEvents: Int16 {
        (contains(.readable) ? Int16(POLLIN) : 0) | (contains(.writable) ? Int16(POLLOUT) : 0)
    }

    fileprivate init(returned events: Int16) {
        var result: Readiness = []
        if events & Int16(POLLIN | POLLHUP | POLLERR) != 0 { result.insert(.readable) }
        if events & Int16(POLLOUT | POLLERR) != 0 { result.insert(.writable) }
        if events & Int16(POLLERR | POLLNVAL | POLLHUP) != 0 { result.insert(.failed) }
        self = result
    }
}

/// Waits until one of up to two descriptors is ready, the deadline passes, or the wakeup is raised.
///
/// Returns the readiness of both (the second is empty when there is none). A negative descriptor is passed over.
/// Blocks at most until the deadline. A raised wakeup wins over readiness.
package func wait(
    for first: Readiness, on firstDescriptor: CInt, and second: Readiness = [],
    on secondDescriptor: CInt = -1,
    until deadline: Deadline, wakeup: Wakeup? = nil
) throws(WaitError) -> (first: Readiness, second: Readiness) {
    var slots = [
        pollfd(fd: firstDescriptor, events: first.pollEvents, revents: 0),
        pollfd(fd: second.isEmpty ? -1 : secondDescriptor, events: second.pollEvents, revents: 0),
        pollfd(fd: wakeup?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    while true {
        let count = unsafe poll(&slots, nfds_t(slots.count), deadline.pollTimeout)
        if count < 0 {
            let error = Errno.current
            guard error.rawValue == EINTR else { throw .failed(error) }
            continue
        }
        if slots[2].revents != 0 { throw .interrupted }
        if count > 0 { return (Readiness(returned: slots[0].revents), Readiness(returned: slots[1].revents)) }
        if deadline.hasPassed { throw .timedOut }
    }
}

/// Waits until one of the descriptors can be read from, the deadline passes (false), or the wakeup is raised, which is lowered then (true).
///
/// Blocks at most until the deadline. Negative descriptors are passed over.
package func waitForReadable(_ descriptors: [CInt], until deadline: Deadline, wakeup: Wakeup) -> Bool {
    var slots = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    slots.append(pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0))
    while true {
        let count = unsafe poll(&slots, nfds_t(slots.count), deadline.pollTimeout)
        if count < 0, Errno.current.rawValue == EINTR { continue }
        if slots.last?.revents != 0 { wakeup.lower() }
        if count != 0 { return true }
        if deadline.hasPassed { return false }
    }
}
