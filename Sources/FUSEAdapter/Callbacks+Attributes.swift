import CFUSE
import Glibc
import Remote
import VFS

extension Callbacks {
    /// Adds the operations on attributes, plain and extended.
    static func addAttributes(to table: inout fuse_lowlevel_ops) {
        unsafe table.getattr = { raw, node, info in
            unsafe Adapter.serve(raw, "getattr", node) { adapter, call throws(VolumeError) in
                .attributes(
                    try adapter.volume.attributes(
                        of: NodeID(rawValue: node), handle: unsafe Arguments.handle(info), for: call))
            }
        }
        unsafe table.setattr = { raw, node, status, mask, info in
            unsafe Adapter.serve(raw, "setattr", node) { adapter, call throws(VolumeError) in
                guard let status = unsafe status?.pointee else { throw .invalid }
                return .attributes(
                    try adapter.volume.setAttributes(
                        AttributeChanges(status, mask: mask), of: NodeID(rawValue: node),
                        handle: unsafe Arguments.handle(info),
                        for: call))
            }
        }
        unsafe table.access = { raw, node, mask in
            unsafe Adapter.serve(raw, "access", node) { adapter, call throws(VolumeError) in
                // The kernel asks only without `default_permissions`. Then the server decides, at the operation itself; what
                // it shows as mode bits of another user's file proves nothing. Only "may it be run?" is asked of the
                // mode, as the kernel does at execve(2), so that not every file looks like a program.
                guard mask & X_OK != 0 else { return .done }
                let attributes = try adapter.volume.attributes(
                    of: NodeID(rawValue: node), handle: nil, for: call)
                guard attributes.kind != .file || attributes.mode & 0o111 != 0 else { throw .denied }
                return .done
            }
        }
        addExtendedAttributes(to: &table)
    }

    private static func addExtendedAttributes(to table: inout fuse_lowlevel_ops) {
        unsafe table.getxattr = { raw, node, name, room in
            unsafe Adapter.serve(raw, "getxattr", node) { adapter, call throws(VolumeError) in
                let name = unsafe Arguments.bytes(name)
                // The kernel asks for security.capability before each write; that must cost next to nothing.
                guard name.starts(with: "user.".utf8) else { throw .unsupported }
                let value = try adapter.volume.extendedAttribute(
                    name, of: NodeID(rawValue: node), for: call)
                return try Callbacks.fitting(value, into: room)
            }
        }
        unsafe table.listxattr = { raw, node, room in
            unsafe Adapter.serve(raw, "listxattr", node) { _, _ throws(VolumeError) in
                // There are some, but they belong to the server: rsync -X would try to remove from a target what it
                // finds listed there, and to set in the next place what it has found here.
                try Callbacks.fitting([], into: room)
            }
        }
    }

    /// getxattr(2) and listxattr(2): with no room the size is asked for, with too little the answer is ERANGE.
    private static func fitting(_ value: [UInt8], into room: Int) throws(VolumeError) -> Answer {
        guard room > 0 else { return .size(value.count) }
        guard value.count <= room else { throw .bufferTooSmall }
        return .bytes(value)
    }
}
