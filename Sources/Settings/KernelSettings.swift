/// What the kernel is told about the mount.
package struct KernelSettings: Sendable, Hashable {
    /// How long the kernel may keep attributes.
    package var attributeTimeout: Duration
    /// How long the kernel may keep names.
    package var entryTimeout: Duration
    /// How long the kernel may keep the absence of names.
    package var negativeTimeout: Duration
    /// Whether nothing can be changed through the mount.
    package var readOnly: Bool
    /// Whether other users may use the mount.
    package var allowOther: Bool
    /// Whether root may use the mount of another user.
    package var allowRoot: Bool
    /// Whether the kernel checks permission bits.
    package var defaultPermissions: Bool
    /// What stands for the device in the list of mounts.
    package var sourceName: String
    /// Generic options the kernel acts on: `noexec`, `noatime`, `sync`, `dirsync`.
    ///
    /// nosuid and nodev are always on and not listed.
    package var flags: [String]
}
