import CFUSE

/// What the kernel is told without having asked.
///
/// To be used while the session runs, by the threads that answer its requests.
@safe
struct KernelNotice: @unchecked Sendable {
    // Unchecked: libfuse sends notices from any thread.
    private let session: OpaquePointer

    /// Takes libfuse's session, which must outlive the notices.
    init(_ session: OpaquePointer) {
        unsafe self.session = unsafe session
    }

    /// Has the kernel ask for a node's attributes before it next relies on them, and take no answer that is on its way.
    ///
    /// Its pages stay (a negative offset, fuse_lowlevel.h), so it locks none of them: this may come before the answer to a request about the
    /// node. A kernel that does not know the node has nothing to forget.
    func forgetAttributes(of node: fuse_ino_t) {
        _ = unsafe fuse_lowlevel_notify_inval_inode(session, node, -1, 0)
    }
}
