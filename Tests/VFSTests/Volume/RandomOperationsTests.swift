import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// Random operations on a volume and on a reference tree side by side: both must tell the same at every step.
@Suite struct RandomOperationsTests {
    @Test("random operations do what a local file system does", arguments: 1...6)
    func operations(seed: UInt64) throws {
        var run = try Run(seed: seed, statsOneName: seed % 2 == 0)
        for step in 0..<1200 {
            try run.step(step)
            if step % 100 == 99 { try run.compareAll() }
        }
        try run.closeAll()
        try run.compareAll()
        try run.compareServer()
    }

    @Test(
        "after a failure the server has the old or the new state, and the volume shows it", arguments: 1...6)
    func failures(seed: UInt64) throws {
        var run = try Run(seed: 100 + seed, statsOneName: seed % 2 == 0)
        for step in 0..<500 {
            try run.step(step)
            if step % 7 == 6 {
                try run.closeAll()
                try run.failingStep()
            }
            if step % 100 == 99 { try run.compareAll() }
        }
        try run.closeAll()
        try run.compareAll()
        try run.compareServer()
    }

    private struct Open {
        let handle: HandleID
        let file: ReferenceTree.File
    }

    private struct Run {
        let fixture: VolumeFixture
        let tree = ReferenceTree()
        var dice: Dice
        var open: [Open] = []
        var trail: [String] = []

        init(seed: UInt64, statsOneName: Bool) throws {
            fixture = try VolumeFixture(
                server: { $0.traits.statsOneName = statsOneName }, configuration: { $0.connectionsAhead = 4 })
            dice = Dice(seed: seed)
        }

        mutating func path() -> String {
            let depth = Int.random(in: 1...3, using: &dice)
            return (0..<depth).map { level in
                "/" + ["a", "b", "c", "d"][Int.random(in: 0..<(level == 0 ? 4 : 3), using: &dice)]
            }.joined()
        }

        mutating func existing() -> String {
            let all = tree.all()
            guard Int.random(in: 0..<8, using: &dice) > 0, !all.isEmpty else { return path() }
            return all[Int.random(in: 0..<all.count, using: &dice)].path
        }

        mutating func bytes() -> [UInt8] {
            pattern(Int.random(in: 0...2000, using: &dice), seed: UInt8.random(in: 0...255, using: &dice))
        }

        /// Checks that a volume's operation ends as the reference tree's.
        func expect(_ expected: String?, _ what: String, _ body: () throws -> Void) {
            let found = failure(body).map {
                $0.hasPrefix("remote(") ? String($0.dropFirst(7).dropLast()) : $0
            }
            #expect(found == expected, "\(what); before: \(trail.suffix(12))")
        }

        mutating func step(_ number: Int) throws {
            let kind = Int.random(in: 0..<100, using: &dice)
            switch kind {
            case 0..<10: try mkdir(path())
            case 10..<15: rmdir(existing())
            case 15..<23: unlink(existing())
            case 23..<38: try rename(existing(), Bool.random(using: &dice) ? path() : existing())
            case 38..<55: try write(path())
            case 55..<62: try openSome(existing())
            case 62..<72: try useHandle()
            case 72..<76: try closeOne()
            case 76..<82: try truncate(existing())
            case 82..<90: try look(existing())
            case 90..<94: fixture.advance(.milliseconds(Int.random(in: 100...30_000, using: &dice)))
            case 94..<95: fixture.volume.dropCaches()
            default: try other()
            }
        }

        mutating func mkdir(_ path: String) throws {
            trail.append("mkdir \(path)")
            expect(tree.mkdir(path), "mkdir \(path)") { try fixture.mkdir(path) }
        }

        mutating func rmdir(_ path: String) {
            trail.append("rmdir \(path)")
            expect(tree.rmdir(path), "rmdir \(path)") { try fixture.rmdir(path) }
        }

        mutating func unlink(_ path: String) {
            trail.append("unlink \(path)")
            expect(tree.unlink(path), "unlink \(path)") { try fixture.unlink(path) }
        }

        mutating func rename(_ old: String, _ new: String) throws {
            trail.append("rename \(old) \(new)")
            // Where two errors apply, either may be told.
            let expected = tree.rename(old, new)
            if expected == nil {
                expect(nil, "rename \(old) \(new)") { try fixture.rename(old, new) }
            } else {
                #expect(
                    failure { try fixture.rename(old, new) } != nil,
                    "rename \(old) \(new): \(trail.suffix(12))")
            }
        }

        mutating func write(_ path: String) throws {
            trail.append("write \(path)")
            let bytes = bytes()
            let (file, expected) = tree.create(path)
            let keep = open.count < 6 && Bool.random(using: &dice)
            var handle: HandleID?
            expect(expected, "create \(path)") { handle = try fixture.create(path) }
            guard let file, let handle else { return }
            file.content = bytes
            try fixture.write(handle, bytes)
            if keep {
                open.append(Open(handle: handle, file: file))
            } else {
                expect(nil, "close \(path)") { try fixture.close(handle) }
                #expect(fixture.server.content(path) == bytes, "\(path) after \(trail.suffix(12))")
            }
        }

        mutating func openSome(_ path: String) throws {
            guard open.count < 6, let file = tree.file(path), !file.isDirectory else { return }
            trail.append("open \(path)")
            expect(nil, "open \(path)") {
                open.append(Open(handle: try fixture.open(path, .both), file: file))
            }
        }

        mutating func useHandle() throws {
            guard let one = open.randomElement(using: &dice) else { return }
            let size = one.file.content.count
            switch Int.random(in: 0..<6, using: &dice) {
            case 0, 1:
                trail.append("read")
                #expect(try fixture.read(one.handle) == one.file.content, "read after \(trail.suffix(12))")
            case 2, 3:
                trail.append("pwrite")
                let offset = Int.random(in: 0...(size + 100), using: &dice)
                let bytes = pattern(Int.random(in: 1...300, using: &dice), seed: 9)
                try fixture.write(one.handle, bytes, at: UInt64(offset))
                if one.file.content.count < offset + bytes.count {
                    one.file.content += Array(
                        repeating: 0, count: offset + bytes.count - one.file.content.count)
                }
                one.file.content.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
            case 4:
                trail.append("fsync")
                expect(nil, "fsync") { try fixture.volume.synchronize(one.handle, for: Request()) }
            default:
                trail.append("flush")
                expect(nil, "flush") { try fixture.volume.flush(one.handle, for: Request()) }
            }
        }

        mutating func closeOne() throws {
            guard !open.isEmpty else { return }
            let one = open.remove(at: Int.random(in: 0..<open.count, using: &dice))
            trail.append("close")
            expect(nil, "close") { try fixture.close(one.handle) }
        }

        mutating func closeAll() throws {
            while !open.isEmpty { try closeOne() }
        }

        mutating func truncate(_ path: String) throws {
            guard let file = tree.file(path), !file.isDirectory else { return }
            let size = Int.random(in: 0...2500, using: &dice)
            trail.append("truncate \(path) \(size)")
            expect(nil, "truncate \(path)") { try fixture.change(path) { $0.size = UInt64(size) } }
            if size < file.content.count {
                file.content.removeLast(file.content.count - size)
            } else {
                file.content += Array(repeating: 0, count: size - file.content.count)
            }
        }

        mutating func look(_ path: String) throws {
            let expected = tree.file(path)
            trail.append("look \(path)")
            guard tree.obstacle(path) == nil else { return }
            #expect(try fixture.exists(path) == (expected != nil), "\(path) after \(trail.suffix(12))")
            guard let expected else { return }
            let attributes = try fixture.stat(path)
            #expect((attributes.kind == .directory) == expected.isDirectory)
            if let children = expected.children {
                #expect(
                    try fixture.names(path) == children.keys.sorted(), "\(path) after \(trail.suffix(12))")
            } else {
                #expect(
                    attributes.size == UInt64(expected.content.count), "\(path) after \(trail.suffix(12))")
            }
        }

        /// Another client changes a file that is not open here; it is seen when the caches have expired.
        mutating func other() throws {
            let all = tree.all().filter { entry in
                !entry.file.isDirectory && !open.contains { $0.file === entry.file }
            }
            guard let (path, file) = all.randomElement(using: &dice) else { return }
            trail.append("other \(path)")
            fixture.server.advance(seconds: 2)
            if Bool.random(using: &dice) {
                file.content = bytes()
                fixture.server.put(path, file.content)
            } else {
                _ = tree.unlink(path)
                fixture.server.remove(path)
            }
            fixture.advance(.seconds(25))
        }

        /// One operation that fails, before or after its effect.
        mutating func failingStep() throws {
            let moment: FailingStore.Moment = Bool.random(using: &dice) ? .before : .after
            let kinds: [RemoteError.Kind] = [.unreachable, .timedOut, .protocolBroken]
            let kind = kinds[Int.random(in: 0..<3, using: &dice)]
            let times = Int.random(in: 1...3, using: &dice)
            let operations: [StoreOperation] = [
                .replace, .rename, .removeFile, .makeDirectory, .removeDirectory, .append,
            ]
            for operation in operations { fixture.store.fail(operation, with: kind, moment, times: times) }
            trail.append("failing \(moment) \(kind) \(times)")
            let before = snapshot()
            let path = existing()
            let new = self.path()
            let bytes = bytes()
            trail.append("on \(path) \(new)")
            switch Int.random(in: 0..<5, using: &dice) {
            case 0: _ = failure { try fixture.mkdir(new) }
            case 1: _ = failure { try fixture.unlink(path) }
            case 2: _ = failure { try fixture.rmdir(path) }
            case 3: _ = failure { try fixture.rename(path, new) }
            default:
                _ = failure {
                    let handle = try fixture.create(path)
                    try fixture.write(handle, bytes)
                    try fixture.close(handle)
                }
            }
            fixture.store.heal()
            adoptServer(before, bytes, [path, new])
            try compareAll()
        }

        func snapshot() -> [String: [UInt8]?] {
            var result: [String: [UInt8]?] = [:]
            for (path, file) in tree.all() { result[path] = .some(file.isDirectory ? nil : file.content) }
            return result
        }

        /// The server's state becomes the reference, after a check that it has only old or new contents.
        func adoptServer(_ before: [String: [UInt8]?], _ new: [UInt8], _ touched: [String]) {
            let allowed = Set(before.values.compactMap { $0 } + [new])
            func walk(_ path: String, _ file: ReferenceTree.File) {
                let entries = (try? fixture.server.tree.entries(of: (path.isEmpty ? "/" : path).remote)) ?? []
                file.children = [:]
                for (name, record) in entries {
                    let child: ReferenceTree.File
                    let childPath = path + "/" + name.description
                    if record.kind == .directory {
                        child = ReferenceTree.File()
                        walk(childPath, child)
                    } else {
                        child = ReferenceTree.File(content: record.content)
                        #expect(allowed.contains(record.content), "\(childPath) after \(trail.suffix(12))")
                    }
                    file.children?[name.description] = child
                    let isTouched = touched.contains { (childPath + "/").hasPrefix($0 + "/") }
                    if !isTouched {
                        #expect(before[childPath] == .some(record.kind == .directory ? nil : record.content))
                    }
                }
            }
            walk("", tree.root)
        }

        func compareAll() throws {
            #expect(
                try fixture.names("/") == tree.root.children?.keys.sorted(), "root after \(trail.suffix(12))")
            for (path, file) in tree.all() {
                if let children = file.children {
                    #expect(
                        try fixture.names(path) == children.keys.sorted(), "\(path) after \(trail.suffix(12))"
                    )
                } else {
                    let handle = try fixture.open(path, .reading)
                    #expect(try fixture.read(handle) == file.content, "\(path) after \(trail.suffix(12))")
                    try fixture.close(handle)
                }
            }
            let inodes = try tree.all().map { try fixture.stat($0.path).inode }
            #expect(Set(inodes).count == inodes.count)
        }

        func compareServer() throws {
            for (path, file) in tree.all() {
                if let children = file.children {
                    #expect(fixture.server.names(in: path) == children.keys.sorted())
                } else {
                    #expect(fixture.server.content(path) == file.content)
                }
            }
            let counts = fixture.volume.tree.withLock { tree in
                (tree.files.count, tree.contentUsers.count, tree.nodes.values.count { $0.lookups > 0 })
            }
            #expect(counts == (0, 0, 1))
        }
    }
}
