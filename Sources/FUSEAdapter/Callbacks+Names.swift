import CFUSE
import Glibc
import Remote
import VFS

extension Callbacks {
    /// Adds the operations that look for, make, rename and remove names.
    static func addNames(to table: inout fuse_lowlevel_ops) {
        addReferences(to: &table)
        addMakers(to: &table)
        addRemovers(to: &table)
    }

    private static func addReferences(to table: inout fuse_lowlevel_ops) {
        unsafe table.lookup = { raw, parent, name in
            unsafe Adapter.serve(raw, "lookup", parent) { adapter, call throws(VolumeError) in
                do throws(VolumeError) {
                    return .entry(
                        try adapter.volume.lookup(
                            unsafe Arguments.bytes(name), in: NodeID(rawValue: parent), for: call))
                } catch {
                    // Only what the server said does not exist; anything else must not be kept by the kernel as absent.
                    guard ErrnoMapping.number(for: error) == ENOENT else { throw error }
                    return .absent
                }
            }
        }
        unsafe table.forget = { raw, node, count in
            unsafe Adapter.serveQuietly(raw) { adapter in
                adapter.volume.forget(NodeID(rawValue: node), count: count)
                return nil
            }
        }
        unsafe table.forget_multi = { raw, count, list in
            unsafe Adapter.serveQuietly(raw) { adapter in
                guard let list = unsafe list else { return nil }
                for index in 0..<count {
                    let item = unsafe list[index]
                    adapter.volume.forget(NodeID(rawValue: item.ino), count: item.nlookup)
                }
                return nil
            }
        }
        unsafe table.readlink = { raw, node in
            unsafe Adapter.serve(raw, "readlink", node) { adapter, call throws(VolumeError) in
                let target = try adapter.volume.readLink(NodeID(rawValue: node), for: call)
                // The kernel's room is a page less the final NUL.
                guard target.count < PATH_MAX else { throw .nameTooLong }
                return .bytes(target)
            }
        }
    }

    private static func addMakers(to table: inout fuse_lowlevel_ops) {
        unsafe table.mknod = { raw, parent, name, mode, _ in
            unsafe Adapter.serve(raw, "mknod", parent) { adapter, call throws(VolumeError) in
                // mknod(2): EPERM where the file system has no such kind of node.
                let kind = mode & S_IFMT
                guard kind == S_IFREG || kind == 0 else { throw .notPermitted }
                return .entry(
                    try adapter.volume.makeFile(
                        unsafe Arguments.bytes(name), in: NodeID(rawValue: parent),
                        mode: UInt16(mode & 0o7777), for: call))
            }
        }
        unsafe table.mkdir = { raw, parent, name, mode in
            unsafe Adapter.serve(raw, "mkdir", parent) { adapter, call throws(VolumeError) in
                .entry(
                    try adapter.volume.makeDirectory(
                        unsafe Arguments.bytes(name), in: NodeID(rawValue: parent),
                        mode: UInt16(mode & 0o7777), for: call))
            }
        }
        unsafe table.symlink = { raw, target, parent, name in
            unsafe Adapter.serve(raw, "symlink", parent) { adapter, call throws(VolumeError) in
                do throws(VolumeError) {
                    return .entry(
                        try adapter.volume.makeSymlink(
                            unsafe Arguments.bytes(name), in: NodeID(rawValue: parent),
                            target: unsafe Arguments.bytes(target), for: call))
                } catch {
                    // symlink(2): EPERM where the file system has no symbolic links.
                    throw ErrnoMapping.number(for: error) == EOPNOTSUPP ? .notPermitted : error
                }
            }
        }
        unsafe table.link = { raw, node, _, _ in
            // link(2): EPERM where the file system has no hard links. FTP has none.
            unsafe Adapter.serve(raw, "link", node) { _, _ throws(VolumeError) in throw .notPermitted }
        }
    }

    private static func addRemovers(to table: inout fuse_lowlevel_ops) {
        unsafe table.unlink = { raw, parent, name in
            unsafe Adapter.serve(raw, "unlink", parent) { adapter, call throws(VolumeError) in
                try adapter.volume.removeFile(
                    unsafe Arguments.bytes(name), in: NodeID(rawValue: parent), for: call)
                return .done
            }
        }
        unsafe table.rmdir = { raw, parent, name in
            unsafe Adapter.serve(raw, "rmdir", parent) { adapter, call throws(VolumeError) in
                try adapter.volume.removeDirectory(
                    unsafe Arguments.bytes(name), in: NodeID(rawValue: parent), for: call)
                return .done
            }
        }
        unsafe table.rename = { raw, parent, name, newParent, newName, flags in
            unsafe Adapter.serve(raw, "rename", parent) { adapter, call throws(VolumeError) in
                // renameat2(2): EINVAL where the file system does not support a flag (RENAME_EXCHANGE, RENAME_WHITEOUT).
                guard flags & ~ftpsfs_rename_noreplace_flag == 0 else { throw .invalid }
                try adapter.volume.rename(
                    unsafe Arguments.bytes(name), in: NodeID(rawValue: parent),
                    to: unsafe Arguments.bytes(newName),
                    in: NodeID(rawValue: newParent), replacing: flags & ftpsfs_rename_noreplace_flag == 0,
                    for: call)
                return .done
            }
        }
    }
}
