/// What only some nodes need, in one reference; guarded by the tree lock.
enum NodePart {
    /// Nothing yet.
    case none
    /// The target of a symbolic link.
    case link([UInt8])
    /// A file, or a link, that was opened or changed.
    case file(FileState)
    /// A directory.
    case directory(DirectoryState)

    /// The part of directories.
    var directory: DirectoryState? {
        guard case .directory(let state) = self else { return nil }
        return state
    }

    /// The part of what was opened or changed, directories included.
    var file: FileState? {
        switch self {
        case .none, .link: nil
        case .file(let state): state
        case .directory(let state): state.file
        }
    }

    /// The part of what was opened or changed, made when it is not there yet.
    mutating func makeFile() -> FileState {
        if let file { return file }
        let state = FileState()
        if case .directory(let directory) = self {
            directory.file = state
        } else {
            state.linkTarget = linkTarget
            self = .file(state)
        }
        return state
    }

    /// The target of a symbolic link; directories have none.
    var linkTarget: [UInt8]? {
        get {
            switch self {
            case .none, .directory: nil
            case .link(let target): target
            case .file(let state): state.linkTarget
            }
        }
        set {
            switch self {
            case .none, .link: self = newValue.map(NodePart.link) ?? .none
            case .file(let state): state.linkTarget = newValue
            case .directory: break
            }
        }
    }
}
