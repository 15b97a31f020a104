package import Remote

/// The operations of `RemoteStore`, for counting and for scripted failures.
package enum StoreOperation: String, Sendable, CaseIterable {
    case list, attributes, resolvedAttributes, exactTimes, openReader, read, openWriter, write, replace,
        append,
        patch,
        makeDirectory,
        removeFile
    case removeDirectory, rename, setModified, setMode, makeSymlink
}

/// One call of a store.
package struct StoreCall: Hashable, Sendable {
    /// The operation.
    package var operation: StoreOperation
    /// The path it was about (for a rename the old one).
    package var path: RemotePath

    /// Puts a call together.
    package init(_ operation: StoreOperation, _ path: RemotePath) {
        self.operation = operation
        self.path = path
    }
}
