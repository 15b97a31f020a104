import Posix
import Remote

extension Volume {
    /// What users may see of the mount: what the store and the program say of themselves, open files, and what is cached.
    ///
    /// Names of lower-case letters, digits and underscores, and printable text, of which some is several lines. Does not block.
    package var report: [String: String] {
        let figures = tree.withLock { tree in
            let contents = tree.files.values.reduce(into: [ObjectIdentifier: FileContent]()) {
                $0[ObjectIdentifier($1.content)] = $1.content
            }
            return (
                files: contents.count, unsaved: contents.values.count { $0.hasUnsavedBytes },
                directories: tree.cachedDirectories.count, entries: tree.cachedEntries
            )
        }
        var report = [
            "files": "\(figures.files) open, \(figures.unsaved) with bytes that are not on the server yet",
            "cache": """
            \(figures.entries) names in \(figures.directories) directories, \
            \(environment.spool.cleanBytes) bytes of files on disk, \
            \(environment.budget.usedBytes) bytes read ahead in memory
            """,
            "pending": pendingReport,
        ]
        report.merge(store.report) { own, _ in own }
        report.merge(configuration.report()) { own, _ in own }
        return report
    }
}
