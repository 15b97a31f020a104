import Glibc
import Posix

/// The commands that list.
extension ScriptedSession {
    /// Carries out the command if it is one of these.
    func listings(_ verb: String, _ argument: [UInt8]) throws -> Bool {
        switch verb {
        case "MLST":
            guard like.facts != nil else { return false }
            try machineListing(of: absolute(argument), argument)
        case "MLSD":
            guard like.facts != nil else { return false }
            try machineListing(in: absolute(argument))
        case "LIST", "NLST": try list(verb, argument)
        case "STAT": try status(argument)
        default: return false
        }
        return true
    }

    private func machineListing(of path: [UInt8], _ argument: [UInt8]) throws {
        guard let node = try? tree.node(path, followsLast: like.name != "Pure-FTPd") else {
            return try refuse(Errno(ENOENT), path, "MLST")
        }
        var type: String?
        // Pure-FTPd calls the root pdir and the current directory cdir here.
        if like.name == "Pure-FTPd", node.kind == .directory {
            type = argument.isEmpty ? "cdir" : argument == [0x2f] ? "pdir" : nil
        }
        let line = facts(node, type: type) + (like.name == "Pure-FTPd" ? argument : path)
        try send(Array("250-Start of list\r\n ".utf8) + line + Array("\r\n250 End of list".utf8), for: "MLST")
    }

    private func machineListing(in path: [UInt8]) throws {
        guard try checkTransfer("MLSD") else { return }
        let entries: [(name: [UInt8], node: ScriptedTree.Node)]
        let this: ScriptedTree.Node
        do throws(Errno) {
            entries = try tree.list(path)
            this = try tree.node(path)
        } catch {
            return try refuseTransfer(error, path, "MLSD")
        }
        var bytes: [UInt8] = []
        func add(_ name: [UInt8], _ node: ScriptedTree.Node, _ type: String? = nil) {
            bytes += facts(node, type: type) + name + [0x0d, 0x0a]
        }
        if like.name == "ProFTPD" || like.name == "Pure-FTPd" {
            add(Array(".".utf8), this, "cdir")
            add(Array("..".utf8), this, "pdir")
        }
        for entry in entries {
            guard case .link = entry.node.kind else {
                add(entry.name, entry.node)
                continue
            }
            switch like.name {
            case "Pure-FTPd": add(entry.name, entry.node, "OS.unix=slink:")
            case "ProFTPD", "FileZilla Server":
                guard (try? tree.node(path + [0x2f] + entry.name)) != nil else { continue }
                add(entry.name, entry.node, "OS.unix=symlink")
            default:
                guard let target = try? tree.node(path + [0x2f] + entry.name) else { continue }
                add(entry.name, target)
            }
        }
        try begin("MLSD", .send(bytes, isListing: true))
    }

    private func facts(_ node: ScriptedTree.Node, type: String?) -> [UInt8] {
        let isDirectory = node.kind == .directory
        var result = ""
        for fact in like.facts ?? [] {
            switch fact {
            case "type": result += "type=\(type ?? (isDirectory ? "dir" : "file"));"
            case "size":
                if !isDirectory { result += "size=\(node.size);" }
                if isDirectory, like.name == "Pure-FTPd" { result += "sizd=4096;" }
            case "modify": result += "modify=\(Timecode.text(node.modified));"
            case "perm", "perms":
                let isWritable = node.mode & 0o200 != 0
                result +=
                    "\(fact)=\(isDirectory ? (isWritable ? "flcdmpe" : "fle") : (isWritable ? "adfrw" : "r"));"
            case "unique": result += "unique=801U\(String(node.unique, radix: 16));"
            case "UNIX.mode": result += "UNIX.mode=0\(String(node.mode, radix: 8));"
            default: result += "\(fact)=1000;"
            }
        }
        return Array((result + " ").utf8)
    }

    private func list(_ verb: String, _ argument: [UInt8]) throws {
        guard try checkTransfer(verb) else { return }
        var argument = argument
        var showsHidden = like.listsHidden
        var showsDots = false
        if argument.first == 0x2d, like.understandsListOptions {
            let options = argument.prefix { $0 != 0x20 }
            if options.contains(0x61) {
                showsHidden = true
                showsDots = true
            }
            argument = Array(argument.dropFirst(options.count + 1))
        } else if argument == Array("-a".utf8) {
            argument = []
        }
        let path = absolute(argument)
        let rows: [(name: [UInt8], node: ScriptedTree.Node)]
        do throws(Errno) { rows = try self.rows(path, argument) } catch {
            // vsftpd and Pure-FTPd hide the error behind an empty listing.
            guard like.name != "vsftpd" && like.name != "Pure-FTPd" else {
                return try begin(verb, .send([], isListing: true))
            }
            return try refuseTransfer(error, path, verb)
        }
        var bytes: [UInt8] = []
        if showsDots, verb == "LIST", let node = try? tree.node(path), node.kind == .directory {
            for name in [".", ".."] { bytes += unixRow(Array(name.utf8), node) + [0x0d, 0x0a] }
        }
        for row in rows where showsHidden || row.name.first != 0x2e {
            bytes += verb == "NLST" ? row.name : unixRow(row.name, row.node)
            bytes += [0x0d, 0x0a]
        }
        try begin(verb, .send(bytes, isListing: true))
    }

    private func rows(
        _ path: [UInt8], _ argument: [UInt8]
    ) throws(Errno) -> [(name: [UInt8], node: ScriptedTree.Node)] {
        let node = try tree.node(path)
        if node.kind == .directory { return try tree.list(path) }
        // Of a file: vsftpd and pyftpdlib show the last part of its name, the others the path as given.
        let showsLast = like.name == "vsftpd" || like.name == "pyftpdlib"
        let name = showsLast ? argument.split(separator: 0x2f).last.map { Array($0) } ?? argument : argument
        return [(name, node)]
    }

    private func unixRow(_ name: [UInt8], _ node: ScriptedTree.Node) -> [UInt8] {
        var mode = ""
        for bit in stride(from: 8, through: 0, by: -1) {
            mode += node.mode >> bit & 1 == 1 ? ["x", "w", "r"][bit % 3] : "-"
        }
        var kind = "-"
        var tail = name
        switch node.kind {
        case .file: break
        case .directory: kind = "d"
        case .link(let target):
            kind = "l"
            tail += Array(" -> ".utf8) + target
        }
        let age = now() - node.modified
        let isRecent = age >= 0 && age < 180 * 86_400
        let date = Timecode.format(node.modified, isRecent ? "%b %d %H:%M" : "%b %d  %Y")
        let size = node.kind == .directory ? 4096 : node.size
        return Array("\(kind)\(mode)   1 user     group    \(size) \(date) ".utf8) + tail
    }

    private func status(_ argument: [UInt8]) throws {
        guard !argument.isEmpty else { return try send("211-Status\r\n211 End", for: "STAT") }
        let path = absolute(argument)
        let rows: [(name: [UInt8], node: ScriptedTree.Node)]
        do throws(Errno) { rows = try self.rows(path, argument) } catch {
            if like.name == "ProFTPD" { return try send("450 No such file or directory", for: "STAT") }
            if like.name == "pyftpdlib" { return try refuse(error, path, "STAT") }
            return try send("213-Status follows:\r\n213 End of status", for: "STAT")
        }
        var bytes = Array("\(like.statusCode)-Status follows:\r\n".utf8)
        for row in rows {
            bytes += (like.statusCode == 212 ? [0x20] : []) + unixRow(row.name, row.node) + [0x0d, 0x0a]
        }
        try send(bytes + Array("\(like.statusCode) End of status".utf8), for: "STAT")
    }
}
