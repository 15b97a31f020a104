import Remote
import Testing

@testable import VFS

@Suite("Tables of nodes") struct NodeIndexTests {
    private static func node(_ number: UInt64, named name: String? = nil) -> Node {
        let node = Node(id: NodeID(rawValue: number), inode: number, attributes: Attributes(kind: .file))
        node.name = name.flatMap { FileName($0) }
        return node
    }

    @Test("an index finds what a dictionary finds, whatever is put in, replaced and taken out")
    func index() throws {
        var random = SystemRandomNumberGenerator()
        var index = NodeIndex<FileName>()
        var model: [FileName: Node] = [:]
        for step in 0..<20_000 {
            // It grows to some hundred nodes and shrinks again, several times.
            let grows = step / 2000 % 2 == 0
            let text = "name-\(UInt64.random(in: 0..<800, using: &random))"
            let name = try #require(FileName(text))
            if Int.random(in: 0..<10, using: &random) < (grows ? 8 : 2) {
                let node = Self.node(UInt64(step), named: text)
                index[name] = node
                model[name] = node
            } else {
                index[name] = nil
                model[name] = nil
            }
            #expect(index.isEmpty == model.isEmpty)
            guard step % 500 == 499 else { continue }
            for number in 0..<800 {
                let name = try #require(FileName("name-\(number)"))
                #expect(index[name] === model[name])
            }
        }
        for name in model.keys { index[name] = nil }
        #expect(index.isEmpty)
        #expect(index[try #require(FileName("name-1"))] == nil)
    }

    @Test("a table holds nodes by their numbers, and nothing of those that were taken out")
    func table() {
        var table = NodeTable()
        var model: [UInt64: Node] = [:]
        for number: UInt64 in [1, 2, 255, 256, 257, 1000, 1 << 40] + Array(2000..<3000) {
            let node = Self.node(number)
            table[number] = node
            model[number] = node
        }
        for number: UInt64 in [2, 256, 1 << 40, 5_000_000] + Array(2100..<2900) {
            table[number] = nil
            model[number] = nil
        }
        for number in (0..<3500).map(UInt64.init) + [1 << 40, 5_000_000] {
            #expect(table[number] === model[number])
        }
        #expect(table.count == model.count)
        #expect(table.values.map(\.id.rawValue).sorted() == model.keys.sorted())
    }

    @Test("what a link leads to is still known once its times were changed")
    func linkTarget() {
        let target = Array("somewhere".utf8)
        let link = Node(
            id: NodeID(rawValue: 7), inode: 7, attributes: Attributes(kind: .symlink, linkTarget: target))
        #expect(link.attributes.linkTarget == target)
        link.fileState.accessed = Timestamp(seconds: 1)
        #expect(link.attributes.linkTarget == target)
        link.attributes = Attributes(kind: .symlink, linkTarget: [1])
        #expect(link.attributes.linkTarget == [1])
        #expect(link.file?.accessed == Timestamp(seconds: 1))
    }
}
