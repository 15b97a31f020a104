import TestSupport
import Testing

@testable import Remote

@Suite("Lists of entries")
struct EntryListTests {
    private func entry(_ number: Int, _ size: UInt64? = nil) throws -> Entry {
        let target: [UInt8]? = number % 5 == 0 ? Array("to \(number)".utf8) : nil
        return Entry(
            name: try #require(FileName(String(repeating: "n", count: number % 40) + "\(number)")),
            attributes: Attributes(
                kind: target == nil ? .file : .symlink, size: size ?? UInt64(number),
                modified: Timestamp(seconds: Int64(number), nanoseconds: 5), granularity: .fraction,
                mode: 0o640, rights: [.read, .write], linkTarget: target))
    }

    @Test("entries come back as they went in, each name once, the first of them")
    func unique() throws {
        let entries = try (0..<3000).map { try entry($0) }
        var list = EntryList()
        let others = try entries.indices.map { try entry($0, 7) }
        let taken = (entries + others).map { list.append($0) }
        #expect(taken == entries.map { _ in true } + others.map { _ in false })
        #expect(Array(list) == entries)
        #expect(list == EntryList(entries + entries))
        for (row, entry) in entries.enumerated() { #expect(list.row(of: entry.name) == row) }
        let other = try entry(3000).name
        #expect(list.row(of: other) == nil)
        #expect(EntryList().isEmpty && EntryList().row(of: other) == nil)
    }

    @Test("an entry is taken out and put in again at any size, as in a list of a simpler kind")
    func takingOut() throws {
        var dice = Dice(seed: 12)
        var list = EntryList()
        var model: [Entry] = []
        for _ in 0..<20_000 {
            let new = try entry(Int.random(in: 0..<600, using: &dice))
            if Int.random(in: 0..<5, using: &dice) < 2 {
                list.removeLast()
                _ = model.popLast()
            } else {
                let isNew = !model.contains { $0.name == new.name }
                let isTaken = list.append(new)
                #expect(isTaken == isNew)
                if isNew { model.append(new) }
            }
            #expect(list.count == model.count && list.last == model.last)
            #expect(list.row(of: new.name) == model.firstIndex { $0.name == new.name })
        }
        #expect(Array(list) == model)
    }

    @Test("what is known of an entry can change, its name and kind do not")
    func changes() throws {
        var list = EntryList(try (0..<11).map { try entry($0) })
        let before = list
        list.change(10) { attributes in
            (attributes.size, attributes.rights, attributes.linkTarget) = (nil, nil, Array("other".utf8))
        }
        list.state(Timestamp(seconds: 99), at: 3)
        #expect(list.attributes(at: 10).linkTarget == Array("other".utf8))
        #expect(list.attributes(at: 10).size == nil && list.attributes(at: 10).mode == 0o640)
        #expect(list[3].attributes.modified == Timestamp(seconds: 99))
        #expect(list.attributes(at: 3).granularity == .second)
        let again = EntryList(try (0..<11).map { try entry($0) })
        #expect(before == again && list != before)
    }
}
