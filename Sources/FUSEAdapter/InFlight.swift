import CFUSE
import Glibc
import Logging
import Posix
import Remote

/// The requests of the kernel that are being worked on, and the thread that notices when a program has given one up.
///
/// The kernel says at most once per request that a signal has arrived, whatever the signal, and says nothing at all for
/// read-ahead. It also says it through the same threads that may all be busy. So the waiting programs are looked at
/// instead: whenever a request has taken longer than an interval, the signals of the thread that made it are read. A request whose
/// thread cannot be looked at is cancelled when the kernel reports an interruption.
///
/// Requests that are answered faster cost one short lock at each end.
final class InFlight: Sendable {
    /// Names a request between `begin` and `end`.
    struct Ticket: Sendable {
        fileprivate let slot: Int
    }

    private struct Entry {
        let call: Request
        /// libfuse's request as a number; valid while the entry is in its slot.
        let raw: UInt
        let thread: pid_t
        let round: UInt64
    }

    private struct State {
        var slots: [Entry?] = []
        var free: [Int] = []
        var round: UInt64 = 0
        /// The watching thread waits for a request to come.
        var isParked = false
        var isEnding = false

        var isIdle: Bool { free.count == slots.count }
    }

    private struct Suspect {
        let call: Request
        let thread: pid_t
        let isReported: Bool
    }

    private let state = Monitor(State())
    private let interval: Duration

    /// Makes an empty register; `interval` is the time after which a request counts as slow.
    init(interval: Duration = .milliseconds(100)) {
        self.interval = interval
    }

    /// Notes a request of the kernel; to be followed by `end` before the request is answered.
    func begin(_ call: Request, of raw: OpaquePointer?, thread: pid_t) -> Ticket {
        let number = UInt(bitPattern: raw)
        let (ticket, wakes) = state.withLock { state in
            let entry = Entry(call: call, raw: number, thread: thread, round: state.round)
            let slot: Int
            if let last = state.free.popLast() {
                slot = last
                state.slots[slot] = entry
            } else {
                slot = state.slots.count
                state.slots.append(entry)
            }
            defer { state.isParked = false }
            return (Ticket(slot: slot), state.isParked)
        }
        if wakes { state.wakeAll() }
        return ticket
    }

    /// Takes a request off the register; nobody looks at it afterwards.
    func end(_ ticket: Ticket) {
        state.withLock { state in
            state.slots[ticket.slot] = nil
            state.free.append(ticket.slot)
        }
    }

    /// Cancels all requests there are.
    func cancelAll() {
        let calls = state.withLock { state in state.slots.compactMap { $0?.call } }
        for call in calls { call.cancel() }
    }

    /// Watches until `stopWatching`; the body of a thread of its own.
    func watch() {
        while true {
            let goesOn = state.wait { state -> Bool? in
                if state.isEnding { return false }
                state.isParked = state.isIdle
                return state.isIdle ? nil : true
            }
            guard goesOn == true else { return }
            // Nothing wakes this wait but the end.
            _ = state.wait(until: .after(interval)) { $0.isEnding ? true : nil }
            cancelGivenUp()
        }
    }

    /// Ends `watch`.
    func stopWatching() {
        state.update { $0.isEnding = true }
    }

    private func cancelGivenUp() {
        let suspects = state.withLock { state in
            defer { state.round += 1 }
            return state.slots.compactMap { entry -> Suspect? in
                guard let entry, entry.round < state.round, !entry.call.isCancelled else { return nil }
                // SAFETY: a request is answered, and so freed, only after its entry has left the slot under this lock.
                let raw = unsafe OpaquePointer(bitPattern: entry.raw)
                let isReported = unsafe raw != nil && fuse_req_interrupted(raw) != 0
                return Suspect(call: entry.call, thread: entry.thread, isReported: isReported)
            }
        }
        for suspect in suspects {
            let asksToStop = SignalState.current(of: suspect.thread)?.asksToStop ?? suspect.isReported
            if asksToStop { suspect.call.cancel() }
        }
    }
}
