import CFUSE
import Glibc
import Remote
import VFS

extension Callbacks {
    /// Adds the operations on open directories.
    static func addDirectories(to table: inout fuse_lowlevel_ops) {
        unsafe table.opendir = { raw, node, info in
            // As opendir(3) and its like open it; df(1), or who wants fsync(2) of it, do without.
            let listsNow = unsafe Arguments.flags(info) & O_DIRECTORY != 0
            unsafe Adapter.serve(raw, "opendir", node) { adapter, call throws(VolumeError) in
                .directoryOpened(
                    try adapter.volume.openDirectory(
                        NodeID(rawValue: node), listsNow: listsNow, for: call))
            }
        }
        unsafe table.readdir = { raw, node, size, place, info in
            unsafe Adapter.serve(raw, "readdir", node) { adapter, call throws(VolumeError) in
                try Callbacks.rows(
                    adapter, unsafe Arguments.needed(info), from: place, size: size, plus: false, for: call)
            }
        }
        unsafe table.readdirplus = { raw, node, size, place, info in
            unsafe Adapter.serve(raw, "readdirplus", node) { adapter, call throws(VolumeError) in
                try Callbacks.rows(
                    adapter, unsafe Arguments.needed(info), from: place, size: size, plus: true, for: call)
            }
        }
        unsafe table.releasedir = { raw, _, info in
            unsafe Adapter.serveQuietly(raw) { adapter in
                if let handle = unsafe Arguments.handle(info) { adapter.volume.releaseDirectory(handle) }
                return .done
            }
        }
        unsafe table.fsyncdir = { raw, _, _, _ in
            // Names are made, renamed and removed on the server before the operation returns; there is nothing left to do.
            unsafe Adapter.serveQuietly(raw) { _ in .done }
        }
    }

    private static func rows(
        _ adapter: Adapter, _ handle: HandleID, from place: off_t, size: Int, plus: Bool, for call: Request
    ) throws(VolumeError) -> Answer {
        let buffer = DirectoryBuffer(
            size: size, plus: plus, attributeTimeout: adapter.timeouts.attributes,
            entryTimeout: adapter.timeouts.entry)
        do throws(VolumeError) {
            // A place is any number of the volume's; only its bits pass through the kernel.
            try adapter.volume.readDirectory(
                handle, from: UInt64(bitPattern: Int64(place)), plus: plus, for: call, buffer.add)
        } catch {
            for node in buffer.counted { adapter.volume.forget(node, count: 1) }
            throw error
        }
        // Nothing would mean the end of the directory.
        guard buffer.count > 0 || !buffer.isFull else { throw .invalid }
        return .rows(buffer)
    }
}
