import Remote

// What a failed upload says about the next try.
extension VolumeError {
    /// Whether the server has another version than the one that changes were made to: trying again is of no use.
    var isLostUpdate: Bool {
        switch self {
        case .stale: true
        case .remote(let error): error.kind == .changed
        default: false
        }
    }

    /// Whether the server has not refused the upload: it is away or lets nobody in, or this machine lacks something.
    ///
    /// What waits for that goes on to wait, however long it takes.
    var isOutage: Bool {
        switch self {
        case .interrupted, .local, .noSpace, .tooManyFiles: true
        case .remote(let error):
            [.unreachable, .timedOut, .busy, .interrupted, .authentication, .untrusted, .local].contains(
                error.kind)
        default: false
        }
    }

    /// Whether an upload that failed so may succeed in a later mount, which is then to try it.
    var mayPass: Bool {
        if case .remote(let error) = self,
            [.noSpace, .quotaExceeded, .protocolBroken].contains(error.kind)
        {
            return true
        }
        return isOutage
    }
}
