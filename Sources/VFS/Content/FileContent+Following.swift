import Logging
import Posix
import Remote

// Uploads that follow a sequential writer, so that close(2) waits for the tail only.
//
// Followed is a content that is written from its beginning on and owes nothing to a base: then the bytes there are, up to the first gap,
// are those that the file will begin with unless they are written once more.
extension FileContent {
    /// How long those who must not leave something on the server wait for it to be removed.
    private static let patience = Duration.seconds(5)

    /// Has an upload follow the writer if it is time.
    ///
    /// `placing` is called on the upload's own thread. Does not block. To be called after each write, without the turn.
    func follow(_ placing: @escaping Follower.Placing) {
        let follower = monitor.withLock { state -> Follower? in
            guard state.isWorthFollowing, let file = state.file else { return nil }
            let length = state.local.firstAbsent(from: 0)
            if state.follower?.isOver == true {
                // Whatever it was, it may be over by then; what is sent in vain is bounded so.
                state.formerFollower = state.follower.take()
                state.followsFrom = length * 2
            }
            guard state.follower == nil, let limit = state.followsFrom, length >= limit else { return nil }
            let follower = Follower(
                environment: environment, file: file, limit: length, isNew: state.base == nil,
                placing: placing)
            state.follower = follower
            return follower
        }
        follower?.start()
    }

    /// Keeps an upload off the bytes from an offset on, which are about to change; one that has sent some of them is of no use.
    ///
    /// The caller has the turn.
    func keepFollowerOff(from offset: UInt64) {
        guard let follower = monitor.withLock({ $0.follower }), !follower.keepOff(from: offset) else {
            return
        }
        // Whoever writes bytes twice may do so again.
        monitor.withLock { state in
            state.formerFollower = state.follower.take()
            state.followsFrom = nil
        }
        follower.abandon()
    }

    /// Lets an upload go on after a change; the caller has the turn.
    func letFollow() {
        monitor.withLock { state in
            state.follower?.go(upTo: state.local.firstAbsent(from: 0))
        }
    }

    /// Takes over the transfer that follows the writer; nil when there is none that is of use.
    ///
    /// The caller has the turn.
    func takeOverFollower(for request: Request) throws(VolumeError) -> (any RemoteWriter)? {
        let follower = monitor.withLock { state in
            let follower = state.follower.take()
            if let follower { state.formerFollower = follower }
            return follower
        }
        return try follower?.take(for: request)
    }

    /// Ends an upload that follows the writer, so that nothing of it is left on the server when this returns, unless the server is slow.
    ///
    /// Bounded in time.
    func endFollowing() {
        if let follower = monitor.withLock({ $0.follower.take() }) {
            follower.abandon()
            monitor.withLock { $0.formerFollower = follower }
        }
        awaitFormerFollower()
    }

    /// Waits until nothing is left on the server of an upload that was given up, unless the server is slow.
    ///
    /// Bounded in time.
    func awaitFormerFollower() {
        monitor.withLock { $0.formerFollower.take() }?.waitForEnd(until: .after(Self.patience))
    }
}

extension FileContent.State {
    /// Whether an upload could follow the writer; not while bytes are changing.
    fileprivate var isWorthFollowing: Bool {
        !isTurnTaken && followsFrom != nil && baseSize == 0 && !dirty.isEmpty && doubt == nil
            && halfPatch == nil && !isDetached
            && !isIndependent && !isClosed
    }
}
