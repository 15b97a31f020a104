import Posix
package import Remote

/// What is below a cache directory and not on a server: unsent contents of all mounts, living and ended, and rescued files.
///
/// Directories of living mounts are looked into, never touched. Blocks on the local disk.
package struct SpoolInventory: ~Copyable {
    /// One content.
    package struct Entry: Sendable {
        /// Whose it is.
        package enum State: String, Sendable {
            /// A living mount's, which sees to it itself.
            case live
            /// A mount's that has ended; the next mount of its source goes on with it.
            case pending
            /// A mount's that has ended, and the next one will move it to the rescue folder.
            case doubtful
            /// In the rescue folder, for its user to look at.
            case rescued
        }

        /// What it is called here: its directory, a slash and its file's name.
        package let name: String
        /// Whose it is.
        package let state: State
        /// Where it was to be stored; nil when that is not known.
        package let path: RemotePath?
        /// Its size in bytes.
        package let size: UInt64
        /// The bytes of it that are only on the server.
        package let missing: [Range<UInt64>]
        /// Why it is not on the server, as far as known.
        package let reason: String?
        /// When it was begun, in seconds since 1970; nil when that is not known.
        package let time: Int64?
    }

    private let cache: Directory
    private let path: String
    private static let rescueName = "rescue"

    /// Opens a cache directory; throws when there is none.
    package init(cacheDirectory path: String) throws(SpoolError) {
        self.path = path
        do throws(Errno) {
            cache = try Directory.open(path)
        } catch {
            throw SpoolError(description: "cannot open the cache directory \(path): \(error)")
        }
    }

    /// All contents, by name.
    package borrowing func entries() throws(SpoolError) -> [Entry] {
        let names: [String]
        do throws(Errno) { names = try cache.names().sorted() } catch { throw failure(error) }
        var entries: [Entry] = []
        for name in names {
            // What vanishes while it is looked at belongs to somebody.
            let found = name == Self.rescueName ? try? rescued() : try? contents(of: name)
            entries += found ?? []
        }
        return entries
    }

    /// Copies the bytes of a content that no living mount has to a new file; returns the ranges that are only on the server, which the
    /// file has as holes.
    package borrowing func export(_ name: String, to target: String) throws(SpoolError) -> [Range<UInt64>] {
        let entry = try entry(name)
        do throws(Errno) {
            let place = try place(name)
            let directory = try cache.openDirectory(place.directory)
            let source = try directory.openFile(place.file, .readOnly)
            let copy = try FileDescriptor.create(target)
            let block = Block(capacity: 1 << 20)
            var offset: UInt64 = 0
            while offset < entry.size {
                let wanted = Int(min(UInt64(block.capacity), entry.size - offset))
                let count = try block.withRoom(from: 0) { room throws(Errno) in
                    try source.read(into: &room, at: offset)
                }
                guard count > 0 else { break }
                let written = min(count, wanted)
                let failure = block.withBytes(0..<written) { copy.writeSome($0, at: offset).failure }
                if let failure { throw failure }
                offset += UInt64(written)
            }
            try copy.truncate(to: entry.size)
            try copy.synchronizeData()
            return entry.missing
        } catch {
            throw SpoolError(description: "cannot copy \(name) to \(target): \(error)")
        }
    }

    /// Removes a content that no living mount has, for good.
    package borrowing func discard(_ name: String) throws(SpoolError) {
        let entry = try entry(name)
        do throws(Errno) {
            let place = try place(name)
            if entry.state == .rescued {
                let directory = try cache.openDirectory(place.directory)
                try directory.removeFile(place.file)
                try? directory.removeFile(place.file + RescueFolder.noteSuffix)
                return
            }
            guard let directory = try SpoolDirectory.lock(place.directory, in: cache) else { throw .busy }
            try directory.directory.removeFile(place.file + SpoolRecord.suffix)
            try directory.directory.removeFile(place.file)
        } catch {
            throw SpoolError(description: "cannot discard \(name): \(error)")
        }
    }

    // MARK: Parts

    private borrowing func entry(_ name: String) throws(SpoolError) -> Entry {
        guard let entry = try entries().first(where: { $0.name == name }) else {
            throw SpoolError(description: "there is no entry \(name) in \(path); 'list' names them")
        }
        guard entry.state != .live else {
            throw SpoolError(description: "\(name) belongs to a living mount, which sees to it itself")
        }
        return entry
    }

    private func place(_ name: String) throws(Errno) -> (directory: String, file: String) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw .noEntry }
        return (String(parts[0]), String(parts[1]))
    }

    private func failure(_ error: Errno) -> SpoolError {
        SpoolError(description: "cannot read the cache directory \(path): \(error)")
    }

    private borrowing func contents(of name: String) throws(Errno) -> [Entry] {
        let directory = try cache.openDirectory(name)
        let isLive = try SpoolDirectory.isLocked(directory)
        var entries: [Entry] = []
        for record in try directory.names().sorted() where record.hasSuffix(SpoolRecord.suffix) {
            let file = String(record.dropLast(SpoolRecord.suffix.count))
            guard let length = try? directory.openFile(file, .readOnly).status().size,
                let bytes = try? Self.bytes(record, in: directory)
            else { continue }
            entries.append(entry("\(name)/\(file)", isLive, bytes, length))
        }
        return entries
    }

    private func entry(_ name: String, _ isLive: Bool, _ bytes: [UInt8], _ length: UInt64) -> Entry {
        let record = SpoolRecord(bytes)
        var state = Entry.State.live
        var reason = record?.reason
        if !isLive {
            switch Leftover.fate(of: bytes, length: length) {
            case .drop, .resume: state = .pending
            case .rescue(let why): (state, reason) = (.doubtful, why)
            }
        }
        return Entry(
            name: name, state: state,
            path: record?.path ?? SpoolRecord.path(in: String(decoding: bytes, as: UTF8.self)),
            size: record?.size ?? length, missing: record?.missing ?? [], reason: reason, time: record?.time)
    }

    private borrowing func rescued() throws(Errno) -> [Entry] {
        let directory = try cache.openDirectory(Self.rescueName)
        let names = try directory.names().sorted()
        return names.filter { !$0.hasSuffix(RescueFolder.noteSuffix) }.compactMap { name in
            guard let size = try? directory.openFile(name, .readOnly).status().size else { return nil }
            let bytes = (try? Self.bytes(name + RescueFolder.noteSuffix, in: directory)) ?? []
            let note = SpoolRecord.note(bytes)
            return Entry(
                name: "\(Self.rescueName)/\(name)", state: .rescued, path: note.path, size: size,
                missing: note.missing, reason: note.reason, time: note.time)
        }
    }

    private static func bytes(_ name: String, in directory: borrowing Directory) throws(Errno) -> [UInt8] {
        let file = try directory.openFile(name, .readOnly)
        return try file.contents(limit: Int(min(try file.status().size, SpoolRecord.sizeLimit)))
    }
}
