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
    /// Generic options the kernel acts on, such as noexec or noatime, in the spelling of mount(8).
    package var flags: [String]

    /// The options for libfuse, one an element and not yet escaped; nosuid and nodev always among them.
    package var mountOptions: [String] {
        var options = [readOnly ? "ro" : "rw", "nosuid", "nodev"]
        options += flags
        if allowOther { options.append("allow_other") }
        if allowRoot { options.append("allow_root") }
        if defaultPermissions { options.append("default_permissions") }
        options += ["fsname=" + sourceName, "subtype=ftpsfs"]
        return options
    }

    /// The same as one argument of `-o`, commas and backslashes escaped as libfuse wants them.
    package var mountOptionText: String {
        mountOptions.map(Self.escaped).joined(separator: ",")
    }

    private static func escaped(_ option: String) -> String {
        var text = ""
        for character in option.unicodeScalars {
            if character == "," || character == "\\" { text += "\\" }
            text.unicodeScalars.append(character)
        }
        return text
    }
}
