package import Remote

extension MemoryStore {
    package func list(_ directory: RemotePath, for request: Request) throws(RemoteError) -> Listing {
        try perform(.list, directory, request) { tree, configuration, _ throws(RemoteError) in
            let hides = configuration.hidesDotNames
            let rows = try tree.entries(of: directory).filter { !hides || !$0.name.isHidden }
            let limit = configuration.listingLimit ?? Int.max
            let entries = rows.prefix(limit).map { row in
                Entry(name: row.name, attributes: Self.shown(row.record, configuration))
            }
            return Listing(
                entries: EntryList(entries), isComplete: rows.count <= limit, mayLackDotNames: hides)
        }
    }

    package func attributes(of path: RemotePath, for request: Request) throws(RemoteError) -> Attributes {
        try perform(.attributes, path, request) { tree, configuration, _ throws(RemoteError) in
            Self.shown(try tree.existing(path), configuration)
        }
    }

    package func resolvedAttributes(
        of path: RemotePath, for request: Request
    ) throws(RemoteError) -> Attributes {
        try perform(.resolvedAttributes, path, request) { tree, configuration, _ throws(RemoteError) in
            Self.shown(try tree.existing(path, followsLast: true), configuration)
        }
    }

    package func exactTimes(
        of paths: [RemotePath], for request: Request
    ) throws(RemoteError) -> [Timestamp?] {
        try perform(.exactTimes, paths.first ?? .root, request) { tree, _, _ throws(RemoteError) in
            paths.map { path in
                tree.record(path).flatMap { $0.kind == .file ? Self.cut($0.modified, to: .second) : nil }
            }
        }
    }

    package func makeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try perform(.makeDirectory, path, request) { tree, _, now throws(RemoteError) in
            guard tree.record(path) == nil else { throw RemoteError(.exists, operation: "") }
            try tree.put(MemoryTree.Record(kind: .directory, modified: now, mode: 0o755), at: path)
        }
    }

    package func removeFile(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try perform(.removeFile, path, request) { tree, _, _ throws(RemoteError) in
            guard try tree.existing(path).kind != .directory else {
                throw RemoteError(.isDirectory, operation: "")
            }
            try tree.remove(path)
        }
    }

    package func removeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try perform(.removeDirectory, path, request) { tree, _, _ throws(RemoteError) in
            let record = try tree.existing(path)
            guard record.kind == .directory else { throw RemoteError(.notDirectory, operation: "") }
            guard record.children.isEmpty else { throw RemoteError(.notEmpty, operation: "") }
            try tree.remove(path)
        }
    }

    package func rename(
        _ old: RemotePath, to new: RemotePath, replacing: Bool, for request: Request
    ) throws(RemoteError) {
        try perform(.rename, old, request) { tree, _, _ throws(RemoteError) in
            let source = try tree.existing(old)
            if let target = tree.record(new), old != new {
                guard replacing else { throw RemoteError(.exists, operation: "") }
                switch (source.kind == .directory, target.kind == .directory) {
                case (false, true): throw RemoteError(.isDirectory, operation: "")
                case (true, false): throw RemoteError(.notDirectory, operation: "")
                case (true, true) where !target.children.isEmpty:
                    throw RemoteError(.notEmpty, operation: "")
                default: break
                }
            }
            try tree.move(old, to: new)
        }
    }

    @discardableResult
    package func setModified(
        _ path: RemotePath, kind: FileKind, to time: Timestamp, for request: Request
    ) throws(RemoteError) -> Attributes? {
        try perform(.setModified, path, request) { tree, configuration, _ throws(RemoteError) in
            let can =
                kind == .directory
                ? configuration.traits.setsDirectoryTimes : configuration.traits.setsFileTimes
            guard can ?? true else { throw RemoteError(.unsupported, operation: "") }
            // A server keeps seconds even where its listings show less.
            let kept = Self.cut(time, to: min(configuration.traits.granularity, .second))
            let former = tree.record(path).map { Self.shown($0, configuration) }
            try tree.change(path, followsLast: true) { $0.modified = kept }
            return former?.kind == .file ? former : nil
        }
    }

    package func setMode(_ path: RemotePath, to mode: UInt16, for request: Request) throws(RemoteError) {
        try perform(.setMode, path, request) { tree, configuration, _ throws(RemoteError) in
            guard configuration.traits.setsModes ?? true else {
                throw RemoteError(.unsupported, operation: "")
            }
            try tree.change(path, followsLast: true) { $0.mode = mode }
        }
    }

    package func makeSymlink(
        _ path: RemotePath, target: [UInt8], for request: Request
    ) throws(RemoteError) {
        try perform(.makeSymlink, path, request) { tree, configuration, now throws(RemoteError) in
            guard configuration.makesSymlinks else { throw RemoteError(.unsupported, operation: "") }
            guard tree.record(path) == nil else { throw RemoteError(.exists, operation: "") }
            var record = MemoryTree.Record(kind: .symlink, modified: now, mode: 0o777)
            record.target = target
            try tree.put(record, at: path)
        }
    }

    /// What the server states of a record.
    static func shown(_ record: MemoryTree.Record, _ configuration: Configuration) -> Attributes {
        Attributes(
            kind: record.kind, size: record.kind == .file ? UInt64(record.content.count) : nil,
            modified: cut(record.modified, to: configuration.traits.granularity),
            granularity: configuration.traits.granularity,
            mode: configuration.showsModes ? record.mode : nil,
            rights: record.kind == .directory ? configuration.directoryRights : configuration.fileRights,
            linkTarget: record.kind == .symlink ? record.target : nil)
    }

    /// A time as far as the server keeps it.
    static func cut(_ time: Timestamp, to granularity: TimeGranularity) -> Timestamp {
        switch granularity {
        case .fraction: time
        case .second: Timestamp(seconds: time.seconds)
        case .minute: Timestamp(seconds: time.seconds - time.seconds % 60)
        case .day: Timestamp(seconds: time.seconds - time.seconds % 86_400)
        }
    }
}
