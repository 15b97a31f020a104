import VFS

/// What a callback answers; `Adapter.send` puts it on the wire and takes back what it gave away when nobody hears it.
enum Answer {
    /// Success without a value.
    case done
    /// An error number.
    case failed(CInt)
    /// A node; one reference was counted for the kernel.
    case entry(NodeReply)
    /// The name does not exist, as the server said.
    case absent
    /// Attributes.
    case attributes(NodeAttributes)
    /// An open file, and its node.
    case opened(OpenReply, NodeID)
    /// An open file and its node; one reference was counted.
    case created(NodeReply, OpenReply)
    /// An open directory.
    case directoryOpened(HandleID)
    /// Bytes.
    case bytes([UInt8])
    /// The bytes of a read, and how many were asked for.
    case content(ReadReply, limit: Int)
    /// Rows of a directory; references were counted for those that carry a node.
    case rows(DirectoryBuffer)
    /// The number of bytes written or copied.
    case written(Int)
    /// The number of bytes that a buffer must hold.
    case size(Int)
    /// An offset in bytes.
    case place(UInt64)
    /// The file system's sizes.
    case statistics(VolumeStatistics)
}
