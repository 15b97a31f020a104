package import FTPClient
import Posix
import Remote
import Synchronization

/// The right to use a session until it is given back.
///
/// Used by one thread at a time. Released exactly once; when forgotten, the end of the object releases it.
package final class Lease: Sendable {
    /// The session that is lent.
    package var session: Session { member.value }

    /// Whether the session had been silent for so long before that its connection may be gone without a word.
    let hasRested: Bool

    private let member: Confined<Session>
    private let purpose: Purpose
    private let urgency: Request.Urgency
    private let pool: Pool
    private let isReleased = Atomic(false)
    private let activity = Monitor<Activity?>(nil)

    init(
        _ member: Confined<Session>, hasRested: Bool = false, purpose: Purpose, urgency: Request.Urgency,
        pool: Pool
    ) {
        self.member = member
        self.hasRested = hasRested
        self.purpose = purpose
        self.urgency = urgency
        self.pool = pool
    }

    deinit {
        release()
    }

    /// Gives the session back; one that is out of step or disconnected is thrown away.
    ///
    /// Does not block for long.
    package func release() {
        guard
            isReleased.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing)
                .exchanged
        else { return }
        session.unbind()
        session.arm()
        pool.takeBack(member, from: purpose, urgency, lease: ObjectIdentifier(self))
    }

    /// Says what the session is used for, for as long as the lease lasts; `size` is how many bytes are to be moved, where that is known.
    func begins(_ operation: String, _ path: RemotePath, size: UInt64?) {
        let new = Activity(operation, path, size: size)
        activity.withLock { $0 = new }
        pool.note(new, of: ObjectIdentifier(self))
    }

    /// Tells those who wait for a session that this one is at work: bytes have moved.
    func noteProgress(_ bytes: Int) {
        activity.withLock { $0 }?.advance(by: bytes)
        pool.noteProgress()
    }

    /// Says what to do when somebody waits for a session while this one is held; see `RemoteReader.onReclaim`.
    package func onReclaim(_ action: @escaping @Sendable () -> Void) {
        pool.addReclaim(action, for: ObjectIdentifier(self))
    }
}
