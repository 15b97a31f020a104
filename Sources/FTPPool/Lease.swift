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

    /// Tells those who wait for a session that this one is at work: bytes have moved.
    func noteProgress() { pool.noteProgress() }

    /// Says what to do when somebody waits for a session while this one is held; see `RemoteReader.onReclaim`.
    package func onReclaim(_ action: @escaping @Sendable () -> Void) {
        pool.addReclaim(action, for: ObjectIdentifier(self))
    }
}
