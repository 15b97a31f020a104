import Posix
package import Remote

/// The mounted tree: names, attributes, directories and file contents over a remote store.
///
/// Every call may come from any thread, many at a time, and may block on the network unless it says otherwise.
package final class Volume: Sendable {
    /// Asks for a name in a directory; counts one reference to the node for the kernel.
    package func lookup(_ name: [UInt8], in parent: NodeID, for request: Request) throws(VolumeError)
        -> NodeReply
    { fatalError() }
    /// Gives back references that lookups, creations and readdirplus rows counted. Never blocks.
    package func forget(_ node: NodeID, count: UInt64) { fatalError() }
    /// Says what stat(2) shows.
    package func attributes(of node: NodeID, handle: HandleID?, for request: Request) throws(VolumeError)
        -> NodeAttributes
    { fatalError() }
    /// Changes size, mode, owner, times.
    package func setAttributes(
        _ changes: AttributeChanges, of node: NodeID, handle: HandleID?, for request: Request
    ) throws(VolumeError) -> NodeAttributes { fatalError() }
    /// Reads the target of a symbolic link.
    package func readLink(_ node: NodeID, for request: Request) throws(VolumeError) -> [UInt8] {
        fatalError()
    }
    /// Makes an empty regular file (mknod(2)).
    package func makeFile(_ name: [UInt8], in parent: NodeID, mode: UInt16, for request: Request)
        throws(VolumeError) -> NodeReply
    { fatalError() }
    /// Makes a directory.
    package func makeDirectory(_ name: [UInt8], in parent: NodeID, mode: UInt16, for request: Request)
        throws(VolumeError) -> NodeReply
    { fatalError() }
    /// Makes a symbolic link.
    package func makeSymlink(_ name: [UInt8], in parent: NodeID, target: [UInt8], for request: Request)
        throws(VolumeError) -> NodeReply
    { fatalError() }
    /// Removes a file.
    package func removeFile(_ name: [UInt8], in parent: NodeID, for request: Request) throws(VolumeError) {
        fatalError()
    }
    /// Removes an empty directory.
    package func removeDirectory(_ name: [UInt8], in parent: NodeID, for request: Request) throws(VolumeError)
    { fatalError() }
    /// Renames; with `replacing` false an existing target is an error (RENAME_NOREPLACE).
    package func rename(
        _ name: [UInt8], in parent: NodeID, to newName: [UInt8], in newParent: NodeID, replacing: Bool,
        for request: Request
    ) throws(VolumeError) { fatalError() }
    /// Opens a file.
    package func open(_ node: NodeID, _ mode: OpenMode, for request: Request) throws(VolumeError) -> OpenReply
    { fatalError() }
    /// Makes a file if it does not exist and opens it.
    package func create(
        _ name: [UInt8], in parent: NodeID, mode: UInt16, _ open: OpenMode, for request: Request
    ) throws(VolumeError) -> (NodeReply, OpenReply) { fatalError() }
    /// Reads up to `count` bytes.
    package func read(_ handle: HandleID, at offset: UInt64, count: Int, for request: Request)
        throws(VolumeError) -> ReadReply
    { fatalError() }
    /// Writes all the bytes into the spool.
    package func write(_ handle: HandleID, _ bytes: RawSpan, at offset: UInt64, for request: Request)
        throws(VolumeError)
    { fatalError() }
    /// Brings what was written through this handle to the server; called at each close(2).
    package func flush(_ handle: HandleID, for request: Request) throws(VolumeError) { fatalError() }
    /// Brings all that was written to the file to the server (fsync(2)).
    package func synchronize(_ handle: HandleID, for request: Request) throws(VolumeError) { fatalError() }
    /// Ends a handle; nobody sees an error of it any more, so it is logged and the bytes are kept.
    package func release(_ handle: HandleID) { fatalError() }
    /// Makes room (`keepsSize` false: the file grows), or zeroes a range (fallocate(2)).
    package func allocate(
        _ handle: HandleID, at offset: UInt64, count: UInt64, keepsSize: Bool, zeroes: Bool,
        for request: Request
    ) throws(VolumeError) { fatalError() }
    /// Finds the next data or hole from an offset on (lseek(2), SEEK_DATA and SEEK_HOLE).
    package func seek(_ handle: HandleID, from offset: UInt64, toHole: Bool, for request: Request)
        throws(VolumeError) -> UInt64
    { fatalError() }
    /// Copies bytes between files without the kernel; returns how many.
    package func copyRange(
        from source: HandleID, at sourceOffset: UInt64, to target: HandleID, at targetOffset: UInt64,
        count: Int, for request: Request
    ) throws(VolumeError) -> Int { fatalError() }
    /// Opens a directory: its listing is fixed for this handle.
    package func openDirectory(_ node: NodeID, for request: Request) throws(VolumeError) -> HandleID {
        fatalError()
    }
    /// Hands out rows from a place on (0 first) until the body returns false, which means that this row was not taken.
    package func readDirectory(
        _ handle: HandleID, from place: UInt64, plus: Bool, for request: Request,
        _ body: (DirectoryRow) -> Bool
    ) throws(VolumeError) { fatalError() }
    /// Ends a directory handle.
    package func releaseDirectory(_ handle: HandleID) { fatalError() }
    /// Answers statfs(2) from memory; never blocks.
    package var statistics: VolumeStatistics { fatalError() }
    /// Reads an extended attribute.
    package func extendedAttribute(_ name: [UInt8], of node: NodeID, for request: Request) throws(VolumeError)
        -> [UInt8]
    { fatalError() }
    /// Lists the names of the extended attributes.
    package func extendedAttributes(of node: NodeID, for request: Request) throws(VolumeError) -> [[UInt8]] {
        fatalError()
    }
    /// Drops what is cached and clean (SIGHUP). Does not block.
    package func dropCaches() { fatalError() }
    /// Uploads what is pending, stops the volume's threads; called once after the kernel has let go of the mount. Bounded in time.
    package func shutDown() { fatalError() }
}
