import CFUSE
import Glibc
import Remote
import VFS

extension Callbacks {
    /// Adds the operations on files and their contents.
    static func addFiles(to table: inout fuse_lowlevel_ops) {
        addOpening(to: &table)
        addContent(to: &table)
        addEnding(to: &table)
        addRanges(to: &table)
    }

    private static func addOpening(to table: inout fuse_lowlevel_ops) {
        unsafe table.open = { raw, node, info in
            unsafe Adapter.serve(raw, "open", node) { adapter, call throws(VolumeError) in
                guard let flags = unsafe info?.pointee.flags else { throw .invalid }
                let node = NodeID(rawValue: node)
                return .opened(try adapter.volume.open(node, OpenMode(flags: flags), for: call), node)
            }
        }
        unsafe table.create = { raw, parent, name, mode, info in
            unsafe Adapter.serve(raw, "create", parent) { adapter, call throws(VolumeError) in
                guard let flags = unsafe info?.pointee.flags else { throw .invalid }
                let (node, file) = try adapter.volume.create(
                    unsafe Arguments.bytes(name), in: NodeID(rawValue: parent), mode: UInt16(mode & 0o7777),
                    OpenMode(flags: flags), for: call)
                return .created(node, file)
            }
        }
    }

    private static func addContent(to table: inout fuse_lowlevel_ops) {
        unsafe table.read = { raw, node, count, place, info in
            unsafe Adapter.serve(raw, "read", node) { adapter, call throws(VolumeError) in
                let content = try adapter.volume.read(
                    unsafe Arguments.needed(info), at: try Arguments.offset(place), count: count, for: call)
                return .content(content, limit: count)
            }
        }
        unsafe table.write = { raw, node, start, count, place, info in
            unsafe Adapter.serve(raw, "write", node) { adapter, call throws(VolumeError) in
                // SAFETY: libfuse's buffer is valid during the callback, and the volume keeps nothing of the span.
                let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: count))
                let written = try adapter.volume.write(
                    unsafe Arguments.needed(info), bytes, at: try Arguments.offset(place),
                    appends: unsafe Arguments.appends(info), for: call)
                return .written(written)
            }
        }
    }

    private static func addEnding(to table: inout fuse_lowlevel_ops) {
        unsafe table.flush = { raw, node, info in
            unsafe Adapter.serve(raw, "flush", node) { adapter, call throws(VolumeError) in
                try adapter.volume.flush(unsafe Arguments.needed(info), for: call)
                return .done
            }
        }
        unsafe table.fsync = { raw, node, _, info in
            unsafe Adapter.serve(raw, "fsync", node) { adapter, call throws(VolumeError) in
                try adapter.volume.synchronize(unsafe Arguments.needed(info), for: call)
                return .done
            }
        }
        unsafe table.release = { raw, _, info in
            unsafe Adapter.serveQuietly(raw) { adapter in
                if let handle = unsafe Arguments.handle(info) { adapter.volume.release(handle) }
                return .done
            }
        }
    }

    private static func addRanges(to table: inout fuse_lowlevel_ops) {
        unsafe table.fallocate = { raw, node, mode, place, length, info in
            unsafe Adapter.serve(raw, "fallocate", node) { adapter, call throws(VolumeError) in
                let order = try Arguments.allocation(mode)
                try adapter.volume.allocate(
                    unsafe Arguments.needed(info), at: try Arguments.offset(place),
                    count: try Arguments.offset(length),
                    keepsSize: order.keepsSize, zeroes: order.zeroes, for: call)
                return .done
            }
        }
        unsafe table.lseek = { raw, node, place, whence, info in
            unsafe Adapter.serve(raw, "lseek", node) { adapter, call throws(VolumeError) in
                // The kernel answers the other kinds itself (SEEK_DATA is 3, SEEK_HOLE 4: lseek(2)).
                guard whence == 3 || whence == 4 else { throw .invalid }
                return .place(
                    try adapter.volume.seek(
                        unsafe Arguments.needed(info), from: try Arguments.offset(place), toHole: whence == 4,
                        for: call))
            }
        }
        unsafe table.copy_file_range = {
            raw, node, sourcePlace, sourceInfo, _, targetPlace, targetInfo, count, flags in
            unsafe Adapter.serve(raw, "copy_file_range", node) { adapter, call throws(VolumeError) in
                guard flags == 0 else { throw .invalid }
                return .written(
                    try adapter.volume.copyRange(
                        from: unsafe Arguments.needed(sourceInfo), at: try Arguments.offset(sourcePlace),
                        to: unsafe Arguments.needed(targetInfo), at: try Arguments.offset(targetPlace),
                        count: Int(clamping: count), for: call))
            }
        }
    }
}
