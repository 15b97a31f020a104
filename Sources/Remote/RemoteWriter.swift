/// A new content on its way to the server before all of it is known: it grows beside its file, and nobody sees it there.
///
/// Used by one thread at a time. It stands still while nobody calls, and holds a connection until it is finished or closed.
package protocol RemoteWriter: AnyObject, Sendable {
    /// Sends bytes behind those sent before; blocks while the server takes none, up to the store's deadlines.
    ///
    /// When it throws, nothing is left to do but `close`. The request given is the one to watch while this call waits.
    func write(_ bytes: RawSpan, for request: Request) throws(RemoteError)

    /// Sends what the source has beyond the bytes sent, and puts it all in place of a file as `RemoteStore.replace` does, or creates it.
    ///
    /// The source's first bytes must be those that were sent. When what was sent turns out to be of no use, the source is sent from
    /// its beginning, as `replace` would; so the promises and the errors are those of `replace`, and the writer is closed in any case.
    func finish(
        as path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes

    /// Gives up: what was sent is removed from the server, now or as soon as it answers again.
    ///
    /// Bounded in time; a second call does nothing.
    func close()

    /// Asks to be told when somebody else needs the connection, as `RemoteReader.onReclaim` does.
    func onReclaim(_ action: @escaping @Sendable () -> Void)
}
