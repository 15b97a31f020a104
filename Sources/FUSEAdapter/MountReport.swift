import Glibc
package import Posix

/// Why nothing can be said of a mount.
package enum MountReportError: Error, Hashable, Sendable {
    /// Nothing is mounted there.
    case notMounted(String)
    /// Something else is mounted there.
    case foreign(String, type: String)
    /// Whoever served the mount has ended.
    case dead(String)
    /// Only who has mounted it may look into it.
    case notPermitted(String)
    /// There was no answer in time.
    case silent(String)
    /// Another reason.
    case failed(String, Errno)
}

extension MountReportError: CustomStringConvertible {
    /// A sentence for the person at the terminal.
    package var description: String {
        switch self {
        case .notMounted(let path): "\(path): nothing is mounted here"
        case .foreign(let path, let type): "\(path): this is a mount of type \(type), not ours"
        case .dead(let path):
            "\(path): the program that served this mount has ended; run: ftpsfs umount \(path)"
        case .notPermitted(let path):
            "\(path): only the user who mounted it can look into it, unless it was mounted with allow_other or allow_root"
        case .silent(let path): "\(path): the program that serves this mount does not answer"
        case .failed(let path, let error): "\(path): \(error)"
        }
    }
}

/// What a mount says of itself in the extended attributes of its root, read by a process that does not serve it.
package enum MountReport {
    /// How long a mount may take to answer; it has to ask nobody.
    private static let patience = Duration.seconds(10)

    private struct Answer {
        var result: Result<[String: [UInt8]], MountReportError>?
    }

    /// Reads the attributes `user.ftps.NAME` of an ftpsfs mount; those it does not have are left out.
    ///
    /// Blocks for some seconds at the most: a mount that does not answer is left to a thread that ends with the process.
    package static func read(
        _ path: String, _ names: [String]
    ) throws(MountReportError) -> [String: [UInt8]] {
        let answer = Monitor(Answer())
        do throws(Errno) {
            // Finding the mount a path leads to is a matter of the mounts on the way, which may not answer either.
            try Thread.detach(named: "status") {
                let result = Result { () throws(MountReportError) in try find(path, names) }
                answer.update { $0.result = result }
            }
        } catch {
            throw .failed(path, error)
        }
        guard let result = answer.wait(until: .after(patience), { $0.result }) else { throw .silent(path) }
        return try result.get()
    }

    private static func find(
        _ path: String, _ names: [String]
    ) throws(MountReportError) -> [String: [UInt8]] {
        let table: MountTable
        do {
            table = try MountTable.current()
        } catch {
            throw .failed(path, error)
        }
        guard let entry = table.mount(of: path) else { throw .notMounted(path) }
        guard entry.type == "fuse.ftpsfs" else { throw .foreign(path, type: entry.type) }
        do throws(Errno) {
            return try attributes(of: String(decoding: entry.path, as: UTF8.self), names)
        } catch {
            switch error.rawValue {
            case ENOTCONN, ECONNABORTED: throw .dead(path)
            case EACCES, EPERM: throw .notPermitted(path)
            default: throw .failed(path, error)
            }
        }
    }

    private static func attributes(
        of root: String, _ names: [String]
    ) throws(Errno) -> [String: [UInt8]] {
        var values: [String: [UInt8]] = [:]
        for name in names {
            do throws(Errno) {
                values[name] = try ExtendedAttribute.read("user.ftps." + name, of: root)
            } catch {
                guard [ENODATA, EOPNOTSUPP].contains(error.rawValue) else { throw error }
            }
        }
        return values
    }
}
