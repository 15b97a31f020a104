import Remote
import Testing

@testable import VFS

@Suite struct WalkTests {
    private static let top = NodeID(rawValue: 10)
    private let tree = Branches()

    private func name(_ text: String) throws -> FileName { try #require(FileName(text)) }

    /// Directories end with a slash.
    private func rows(_ names: [String]) -> ArrangedListing {
        ArrangedListing(Branches.listing(names), PathHash(of: Branches.root))
    }

    private func inodeOrder(_ names: [String]) -> [String] {
        let hash = PathHash(of: Branches.root)
        return names.compactMap { FileName($0) }.sorted {
            hash.appending($0).inode < hash.appending($1).inode
        }
        .map(\.description)
    }

    private func step(
        _ walks: inout Walks, _ text: String, _ id: UInt64, _ rows: ArrangedListing?, _ at: Duration = .zero
    ) throws -> Int? {
        walks.enter(
            Walks.Place(directory: NodeID(rawValue: id), rows: nil, name: try name(text)),
            below: Walks.Place(directory: Self.top, rows: rows, name: nil), opensIt: true, at: at)
    }

    private func begin(_ walks: inout Walks, _ rows: ArrangedListing) -> Int? {
        walks.enter(
            Walks.Place(directory: Self.top, rows: rows, name: nil), below: nil, opensIt: true, at: .zero)
    }

    private func errands(_ walks: inout Walks, _ id: Int?, _ limits: WalkPlan.Limits = .test) -> [String] {
        guard let id else { return [] }
        walks.plan(id, limits, tree)
        return walks.tasks.map { task in
            switch task.errand {
            case .list(let name, _): "list \(name)"
            case .fetch(let name, _): "fetch \(name)"
            }
        }
    }

    @Test("the first directory of one just listed begins a walk; any other one does not")
    func beginning() throws {
        let names = ["d/", "x", "b/", "c/", "a/"]
        var walks = Walks()
        #expect(errands(&walks, begin(&walks, rows(names))) == [])
        let id = try step(&walks, "d", 1, nil)
        #expect(errands(&walks, id) == ["list b", "list c", "list a"])

        let firsts = Set(["a", "d", inodeOrder(["a", "b", "c", "d"])[0]])
        let other = try #require(["a", "b", "c", "d"].first { !firsts.contains($0) })
        walks = Walks()
        #expect(begin(&walks, rows(names)) != nil)
        #expect(errands(&walks, try step(&walks, other, 1, nil)) == [])
    }

    @Test("the order is that of the listing, of the names, or of the inode numbers, as the steps show")
    func orders() throws {
        let names = ["d", "g", "b", "f", "c", "a", "e"]
        for order in [names, names.sorted(), inodeOrder(names)] {
            var walks = Walks()
            #expect(begin(&walks, rows(names.map { $0 + "/" })) != nil)
            for (index, name) in order.prefix(3).enumerated() {
                let id = try step(&walks, name, UInt64(index), nil)
                guard index == 2 else { continue }
                #expect(errands(&walks, id) == order.dropFirst(3).map { "list \($0)" })
            }
        }
    }

    @Test("a first directory entered long after the listing is a person's, not a walk's")
    func slowness() throws {
        var walks = Walks()
        #expect(begin(&walks, rows(["a/", "b/"])) != nil)
        #expect(errands(&walks, try step(&walks, "a", 1, nil, .seconds(60))) == [])
    }

    @Test("what comes next is in the directories below first, then beside them, then above")
    func depthFirst() throws {
        var walks = Walks()
        let top = rows(["a/", "b/", "c/"])
        tree.put("b", 20, ["p/", "q/"], in: Self.top)
        #expect(begin(&walks, top) != nil)
        let id = try step(&walks, "a", 11, top)
        walks.fill(NodeID(rawValue: 11), with: rows(["m/", "n/"]))
        #expect(
            errands(&walks, id) == ["list m", "list n", "list p", "list q", "list c"])
        #expect(
            errands(&walks, id, .init(directories: 4, entries: 100, files: 0, bytes: 0, fileSize: 0))
                == ["list m", "list n", "list p"])
        #expect(
            errands(&walks, id, .init(directories: 9, entries: 2, files: 0, bytes: 0, fileSize: 0))
                == ["list m", "list n"])
    }

    @Test("directories passed over do not end a walk, and one out of the way is not taken for a step")
    func gaps() throws {
        var walks = Walks()
        let top = rows(["a/", ".git/", "c/", "d/", "e/", "f/", "g/", "h/", "i/", "j/", "k/"])
        #expect(begin(&walks, top) != nil)
        #expect(try step(&walks, "a", 11, top) != nil)
        #expect(errands(&walks, try step(&walks, "c", 12, top)).first == "list d")
        let walk = try step(&walks, "d", 13, top)
        #expect(try step(&walks, "k", 14, top) != walk)
        #expect(try step(&walks, "e", 15, top) == walk)
    }

    private func open(_ walks: inout Walks, _ text: String, _ rows: ArrangedListing?) throws -> Int? {
        let id = walks.open(
            try name(text), in: Walks.Place(directory: Self.top, rows: rows, name: nil), at: .zero)
        _ = walks.read(try name(text), in: Self.top)
        return id
    }

    @Test("files read in order are followed by the next small ones; one opened alone is not")
    func files() throws {
        let top = rows(["f", "e", "empty=0", "x/", "d", "big=300000", "c", "b", "a"])
        var walks = Walks()
        #expect(begin(&walks, top) != nil)
        #expect(errands(&walks, try open(&walks, "f", top)) == [])
        #expect(
            errands(&walks, try open(&walks, "e", top)) == ["fetch d", "fetch c", "fetch b", "fetch a"])
        walks = Walks()
        #expect(errands(&walks, try open(&walks, "d", top)) == [])
        #expect(errands(&walks, try open(&walks, "big", top)) == [])
        #expect(errands(&walks, try open(&walks, "c", top)) == ["fetch b", "fetch a"])
    }

    @Test("shells sort names: such files are fetched in that order")
    func sortedFiles() throws {
        let top = rows(["c", "a", "e", "b", "d"])
        var walks = Walks()
        #expect(begin(&walks, top) != nil)
        #expect(errands(&walks, try open(&walks, "a", top)) == [])
        #expect(errands(&walks, try open(&walks, "b", top)) == ["fetch c", "fetch d", "fetch e"])
    }

    @Test("files that are opened and not read are not fetched")
    func unread() throws {
        let top = rows(["a", "b", "c", "d"])
        var walks = Walks()
        #expect(begin(&walks, top) != nil)
        let place = Walks.Place(directory: Self.top, rows: top, name: nil)
        for text in ["a", "b", "c"] {
            #expect(errands(&walks, walks.open(try name(text), in: place, at: .zero)) == [])
        }
    }

    @Test("a walk that reads fetches what comes before the next unknown directory, and not what is behind it")
    func reading() throws {
        var walks = Walks()
        let top = rows(["a", "b", "k/", "c", "l/", "d"])
        tree.put("k", 20, ["1", "2"], in: Self.top)
        #expect(begin(&walks, top) != nil)
        #expect(errands(&walks, try open(&walks, "a", top)) == [])
        #expect(errands(&walks, try open(&walks, "b", top)) == ["fetch c", "fetch d"])
        let id = try step(&walks, "k", 20, top)
        walks.fill(NodeID(rawValue: 20), with: rows(["1", "2"]))
        #expect(errands(&walks, id) == ["fetch 1", "fetch 2", "fetch c", "list l"])
    }

    @Test("who leaves a directory without having opened its files gets no more of them")
    func unopened() throws {
        var walks = Walks()
        let top = rows(["k/", "l/", "m/"])
        for (index, name) in ["k", "l", "m"].enumerated() {
            tree.put(name, UInt64(20 + index), ["1", "2", "3"], in: Self.top)
        }
        #expect(begin(&walks, top) != nil)
        #expect(try step(&walks, "k", 20, top) != nil)
        walks.fill(NodeID(rawValue: 20), with: rows(["1", "2", "3"]))
        let place = Walks.Place(directory: NodeID(rawValue: 20), rows: nil, name: nil)
        for text in ["1", "2"] {
            let id = walks.open(try name(text), in: place, at: .zero)
            _ = walks.read(try name(text), in: place.directory)
            if text == "2" { #expect(errands(&walks, id).first == "fetch 3") }
        }
        let id = try step(&walks, "l", 21, top)
        walks.fill(NodeID(rawValue: 21), with: rows(["1", "2", "3"]))
        #expect(errands(&walks, id).count == 6)
        #expect(errands(&walks, try step(&walks, "m", 22, top)) == [])
    }

    @Test("the files fetched are bounded in number and in bytes")
    func bounds() throws {
        let top = rows((0..<9).map { "\($0)=100" })
        for limits in [
            WalkPlan.Limits(directories: 9, entries: 9, files: 3, bytes: 9999, fileSize: 999),
            WalkPlan.Limits(directories: 9, entries: 9, files: 9, bytes: 350, fileSize: 999),
        ] {
            var walks = Walks()
            #expect(begin(&walks, top) != nil)
            #expect(errands(&walks, try open(&walks, "0", top)) == [])
            #expect(
                errands(&walks, try open(&walks, "1", top), limits) == ["fetch 2", "fetch 3", "fetch 4"])
        }
    }

    @Test("what is under way is not begun again when it is planned again, nor when it has failed")
    func underWay() throws {
        var walks = Walks()
        let top = rows(["a/", "b/", "c/"])
        #expect(begin(&walks, top) != nil)
        let walk = try step(&walks, "a", 11, top)
        #expect(errands(&walks, walk) == ["list b", "list c"])
        let task1 = walks.nextTask(at: .zero, mayFetch: true)
        let first = try #require(task1)
        #expect(errands(&walks, walk) == ["list b", "list c"])
        let task2 = walks.nextTask(at: .zero, mayFetch: true, besides: [first.errand])
        let second = try #require(task2)
        #expect(second.errand != first.errand)
        #expect(walks.nextTask(at: .zero, mayFetch: true, besides: [first.errand, second.errand]) == nil)
        walks.giveUp(first)
        #expect(walks.nextTask(at: .zero, mayFetch: true) == nil)
    }

    @Test("errands of a walk that has stopped are dropped")
    func ending() throws {
        var walks = Walks()
        let top = rows(["a/", "b/"])
        #expect(begin(&walks, top) != nil)
        #expect(errands(&walks, try step(&walks, "a", 11, top)) == ["list b"])
        #expect(walks.nextTask(at: .seconds(10), mayFetch: true) == nil)
        #expect(walks.tasks.isEmpty)
    }
}

extension WalkPlan.Limits {
    fileprivate static let test = WalkPlan.Limits(
        directories: 100, entries: 1000, files: 100, bytes: 1 << 20, fileSize: 256 << 10)
}

/// A tree of which some directories are known.
private final class Branches: WalkedTree {
    static var root: Node { Node(id: .root, inode: 1, attributes: Attributes(kind: .directory)) }
    private var known: [FileName: (NodeID, ArrangedListing)] = [:]

    static func listing(_ names: [String]) -> PackedListing {
        PackedListing(
            names.compactMap { text in
                let parts = text.split(separator: "=")
                let isDirectory = text.hasSuffix("/")
                let size = parts.count > 1 ? UInt64(parts[1]) : 10
                return FileName(isDirectory ? String(text.dropLast()) : String(parts[0])).map {
                    Entry(
                        name: $0,
                        attributes: Attributes(
                            kind: isDirectory ? .directory : .file, size: isDirectory ? nil : size))
                }
            }, isComplete: true)
    }

    func put(_ name: String, _ id: UInt64, _ names: [String], in parent: NodeID) {
        guard let name = FileName(name) else { return }
        known[name] = (
            NodeID(rawValue: id), ArrangedListing(Self.listing(names), PathHash(of: Self.root))
        )
    }

    func directory(_ name: FileName, in parent: NodeID) -> WalkPlan.DirectoryState {
        known[name].map { .listed($0.0, $0.1) } ?? .unlisted
    }

    func file(_ name: FileName, in parent: NodeID) -> WalkPlan.FileState { .wanted }
}
