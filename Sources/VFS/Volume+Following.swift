import Posix
import Remote

extension Volume {
    /// Has an upload follow the writer of a file where that is worth it; nobody waits for it.
    func follow(_ file: FileHandle) {
        guard !file.node.followsLink else { return }
        let id = file.node.id
        file.content.follow { [self] request, open throws(VolumeError) in
            let node = try tree.withLock { tree throws(VolumeError) in try tree.node(id) }
            // No directory above changes its name while the server makes the file's temporary one; whoever waits to change it ends that.
            try withOptionalPath(of: node, for: request) { path throws(VolumeError) in
                guard let path else { throw .stale }
                try yielding(node, for: request) { () throws(VolumeError) in try open(path) }
            }
        }
    }
}
