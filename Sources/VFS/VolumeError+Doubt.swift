import Remote

extension VolumeError {
    /// Whether the operation may have been carried out although it failed.
    var leavesDoubt: Bool {
        switch self {
        case .remote(let error): error.leavesDoubt
        case .interrupted, .local, .stale: true
        case .notFound, .exists, .notDirectory, .isDirectory, .notEmpty, .denied, .notPermitted, .invalid,
            .unsupported, .readOnly, .badHandle, .nameTooLong, .tooLarge, .noSpace, .tooManyFiles,
            .noAttribute, .noSuchPlace, .bufferTooSmall:
            false
        }
    }
}
