import Remote

/// Reads rows of LIST in the form of `ls -l`.
enum UnixListing {
    /// What a row states, and where its name is.
    struct Row {
        /// What the row states.
        var attributes: Attributes
        /// The place of the name.
        var name: Range<Int>
    }

    /// Reads one row: mode, perhaps links, owner and group, size, date, one space, name.
    ///
    /// Owners and groups may have spaces in them (Windows domains) or be missing, so that the columns are found by the first
    /// number with a date behind it. Further spaces before the name belong to it. The name of a link ends at the first ` -> `.
    static func row(_ body: Span<UInt8>, _ row: Range<Int>, _ clock: ListingClock) -> Row? {
        guard let first = body.word(from: row.lowerBound, in: row), let mode = UnixMode(body, first) else {
            return nil
        }
        guard
            let columns = Columns(body, row, behind: first, mode.kind, { UnixDate(body, row, at: $0, clock) })
                ?? Columns(body, row, behind: first, mode.kind, { UnixDate(unknown: $0, body, row) }),
            columns.date.end < row.upperBound, isBlank(body[columns.date.end])
        else { return nil }
        var name = (columns.date.end + 1)..<row.upperBound
        var attributes = Attributes(kind: mode.kind, mode: mode.bits)
        if let stated = columns.date.stated {
            (attributes.modified, attributes.granularity) = (stated.time, stated.granularity)
        }
        switch mode.kind {
        case .file: attributes.size = body.decimal(columns.size)
        case .symlink:
            if let arrow = arrow(body, name) {
                let target = (arrow + 4)..<name.upperBound
                if body.firstOffset(of: 0, in: target) == nil { attributes.linkTarget = body.array(target) }
                name = name.lowerBound..<arrow
            }
        case .directory, .other: break
        }
        return Row(attributes: attributes, name: name)
    }

    /// Whether a row is the count of blocks that `ls` puts first: `total N`.
    static func isTotal(_ body: Span<UInt8>, _ row: Range<Int>) -> Bool {
        guard let word = body.word(from: row.lowerBound, in: row), body.key(word) == total,
            let number = body.word(from: word.upperBound, in: row)
        else { return false }
        return isDigit(body[number.lowerBound]) && body.word(from: number.upperBound, in: row) == nil
    }

    private static let total = key("total")

    private static func arrow(_ body: Span<UInt8>, _ name: Range<Int>) -> Int? {
        var offset = name.lowerBound
        while let dash = body.firstOffset(of: UInt8(ascii: "-"), in: offset..<name.upperBound) {
            if dash > name.lowerBound, dash + 2 < name.upperBound, body[dash - 1] == UInt8(ascii: " "),
                body[dash + 1] == UInt8(ascii: ">"), body[dash + 2] == UInt8(ascii: " ")
            {
                return dash - 1
            }
            offset = dash + 1
        }
        return nil
    }

    /// The columns between the mode and the name.
    private struct Columns {
        var size: Range<Int>
        var date: UnixDate

        /// Looks for the first number that has a date behind it, as `date` reads it.
        init?(
            _ body: Span<UInt8>, _ row: Range<Int>, behind mode: Range<Int>, _ kind: FileKind,
            _ date: (Range<Int>) -> UnixDate?
        ) {
            var count = 0
            var last = mode
            while count < 16, let word = body.word(from: last.upperBound, in: row) {
                if count > 0, Self.isSize(body, last, kind), let date = date(word) {
                    size = last
                    self.date = date
                    return
                }
                last = word
                count += 1
            }
            return nil
        }

        /// Whether a word is a number; of a device the minor number, or both with a comma between.
        private static func isSize(_ body: Span<UInt8>, _ word: Range<Int>, _ kind: FileKind) -> Bool {
            let comma = UInt8(ascii: ",")
            return word.allSatisfy { isDigit(body[$0]) || kind == .other && body[$0] == comma }
        }
    }
}
