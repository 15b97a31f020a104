package import Logging
package import Posix
import Remote

/// The names that uploads have on the server, kept on this machine, so that the next mount sees to those of one that was killed.
///
/// A name on the server tells neither a dead upload from a live one of another client, nor a partial file from an old one that was moved
/// aside. What stands here was made by a mount that does not run any more, as the file's lock shows.
/// Calls block on the local disk for a short write each; they may come from any thread. Nothing is synchronised: a power loss may leave a
/// name on the server.
package final class UploadLedger: Sendable {
    private struct Entry {
        let slot: Int
        let errand: Leftovers.Errand
    }

    private struct State {
        var entries: [RemotePath: Entry] = [:]
        var free: [Int] = []
        var slotCount = 0
    }

    private let file: FileDescriptor
    private let state = Monitor(State())
    private let logger: Logger

    private static let folderName = "uploads"
    /// The most mounts of one source at a time.
    private static let mountLimit = 256
    /// The bytes of a slot: each name has one to itself, which begins with a zero while it is free.
    private static let slotSize = 8192
    /// The most names at a time; further ones are not noted.
    private static let slotLimit = 512

    /// Opens the ledger of a mount in its cache directory, and takes over those of ended mounts of the same `name`.
    package init(cacheDirectory path: String, name: String, logger: Logger) throws(Errno) {
        self.logger = logger
        let cache = try Directory.open(path)
        _ = try cache.makeDirectory(Self.folderName)
        let folder = try cache.openDirectory(Self.folderName)
        let status = try folder.status()
        guard status.owner == effectiveUser, status.mode & 0o077 == 0 else { throw .notPermitted }
        var number = 0
        while true {
            guard number < Self.mountLimit else { throw .busy }
            let candidate = try folder.openFile("\(name).\(number)", .createOrOpen)
            number += 1
            guard try candidate.tryLock() else { continue }
            file = candidate
            break
        }
        for (slot, text) in try Self.texts(in: file) {
            let parsed = Self.parse(text)
            state.withLock { state in
                state.slotCount = max(state.slotCount, slot + 1)
                if let (name, errand) = parsed { state.entries[name] = Entry(slot: slot, errand: errand) }
            }
        }
        state.withLock { state in
            let used = Set(state.entries.values.map(\.slot))
            state.free = (0..<state.slotCount).filter { !used.contains($0) }
        }
        let others = try folder.names().filter { $0.hasPrefix("\(name).") && $0 != "\(name).\(number - 1)" }
        for other in others {
            let file = try folder.openFile(other, .createOrOpen)
            guard try file.tryLock() else { continue }
            for (_, text) in try Self.texts(in: file) {
                if let (name, errand) = Self.parse(text) { note(name, errand) }
            }
            try folder.removeFile(other)
        }
    }

    /// The names that are noted, with what is to be done about them.
    var names: [(name: RemotePath, errand: Leftovers.Errand)] {
        state.withLock { state in state.entries.map { ($0.key, $0.value.errand) } }
    }

    /// Notes a name, before anything is made under it; a name that is there already keeps its slot.
    func note(_ name: RemotePath, _ errand: Leftovers.Errand) {
        let slot = state.withLock { state -> Int? in
            let slot: Int
            if let known = state.entries[name]?.slot ?? state.free.popLast() {
                slot = known
            } else {
                guard state.slotCount < Self.slotLimit else { return nil }
                slot = state.slotCount
                state.slotCount += 1
            }
            state.entries[name] = Entry(slot: slot, errand: errand)
            return slot
        }
        if let slot { write(Self.text(name, errand), to: slot) }
    }

    /// Strikes out a name under which nothing is any more; does nothing for others.
    func settle(_ name: RemotePath) {
        guard let slot = state.withLock({ $0.entries.removeValue(forKey: name)?.slot }) else { return }
        write([0], to: slot)
        state.withLock { $0.free.append(slot) }
    }

    private func write(_ bytes: [UInt8], to slot: Int) {
        guard bytes.count <= Self.slotSize else { return }
        do throws(Errno) {
            try bytes.withRawSpan { (span) throws(Errno) in
                try file.writeAll(span, at: UInt64(slot * Self.slotSize))
            }
        } catch {
            logger.warning("a temporary name is not noted: \(error)")
        }
    }

    private static let newline = UInt8(ascii: "\n")

    // No path has a line feed in it.
    private static func text(_ name: RemotePath, _ errand: Leftovers.Errand) -> [UInt8] {
        switch errand {
        case .remove: [UInt8(ascii: "-")] + name.bytes + [newline]
        case .restore(let target): [UInt8(ascii: "<")] + name.bytes + [newline] + target.bytes + [newline]
        }
    }

    private static func parse(_ text: ArraySlice<UInt8>) -> (RemotePath, Leftovers.Errand)? {
        let lines = text.dropFirst().split(
            separator: newline, maxSplits: 2, omittingEmptySubsequences: false)
        guard lines.count > 1, let name = path(lines[0]) else { return nil }
        switch text.first {
        case UInt8(ascii: "-"): return (name, .remove)
        case UInt8(ascii: "<"):
            guard lines.count > 2, let target = path(lines[1]) else { return nil }
            return (name, .restore(target))
        default: return nil
        }
    }

    // What another hand has written is no name of ours.
    private static func path(_ bytes: ArraySlice<UInt8>) -> RemotePath? {
        bytes.first == UInt8(ascii: "/") ? RemotePath(bytes) : nil
    }

    private static func texts(
        in file: borrowing FileDescriptor
    ) throws(Errno) -> [(slot: Int, text: ArraySlice<UInt8>)] {
        let size = min(Int(clamping: try file.status().size), slotSize * slotLimit)
        guard size > 0 else { return [] }
        let bytes = try file.contents(limit: size)
        return stride(from: 0, to: bytes.count, by: slotSize).map { start in
            (start / slotSize, bytes[start..<min(bytes.count, start + slotSize)])
        }
    }
}

/// What a mount that was killed has left on the server.
extension FTPStore {
    /// Keeps the names of uploads in a ledger from now on, and sees to those that stand there.
    ///
    /// To be called once, before anything is uploaded.
    package func keep(_ ledger: UploadLedger) {
        let names = ledger.names
        self.ledger.withLock { $0 = ledger }
        leftovers.withLock { leftovers in
            for (name, errand) in names { leftovers.add(name, errand) }
        }
        guard !names.isEmpty else { return }
        logger.notice("an earlier mount has left \(names.count) temporary files, which are seen to")
    }

    /// Notes a temporary name of an upload before it is used, and keeps it out of listings.
    func noteName(_ name: RemotePath) {
        ledger.withLock { $0 }?.note(name, .remove)
        activeNames.withLock { _ = $0.insert(name) }
    }

    /// Forgets a temporary name that is not used any more; what is left to be done about it stays noted.
    func forgetName(_ name: RemotePath) {
        activeNames.withLock { _ = $0.remove(name) }
        guard !leftovers.withLock({ $0.contains(name) }) else { return }
        ledger.withLock { $0 }?.settle(name)
    }

    /// Forgets a name that has been seen to.
    func settleLeftover(_ name: RemotePath) {
        leftovers.withLock { $0.settle(name) }
        ledger.withLock { $0 }?.settle(name)
    }

    /// Says what is to be done about a name.
    func addLeftover(_ name: RemotePath, _ errand: Leftovers.Errand, isHeld: Bool = false) {
        ledger.withLock { $0 }?.note(name, errand)
        leftovers.withLock { $0.add(name, errand, isHeld: isHeld) }
    }
}
