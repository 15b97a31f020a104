/// Cuts the body of a listing into rows.
///
/// Rows end with CRLF, and an LF alone belongs to a name (vsftpd, ProFTPD and pyftpdlib send it raw). Only where no CRLF
/// occurs at all are rows taken to end with LF.
struct ListingRows {
    private let endsWithCRLF: Bool
    /// The place of the next row.
    private(set) var position = 0
    /// The number of rows given out, empty ones apart.
    private(set) var count = 0

    /// Looks at a whole body.
    ///
    /// Throws `.unterminated` when `isProvenWhole` is false and the last row has no end, and always when rows end with CRLF and
    /// the body with LF alone: then the two kinds of line end are mixed, and rows would hide in others.
    init(_ body: Span<UInt8>, isProvenWhole: Bool) throws(ListingError) {
        endsWithCRLF = Self.firstCRLF(body, from: 0) != nil
        try checkEnd(of: body, isProvenWhole: isProvenWhole)
    }

    /// Begins with the first part of a body in which a CRLF was seen.
    init() {
        endsWithCRLF = true
    }

    /// Looks at the end of the body, under the rules of `init(_:isProvenWhole:)`.
    func checkEnd(of body: Span<UInt8>, isProvenWhole: Bool) throws(ListingError) {
        let end = body.count
        guard end > 0 else { return }
        let endsWithLF = body[end - 1] == UInt8(ascii: "\n")
        let endsProperly = endsWithLF && (!endsWithCRLF || end > 1 && body[end - 2] == UInt8(ascii: "\r"))
        if !endsProperly && (endsWithLF || !isProvenWhole) {
            throw .unterminated(text: excerpt(body.array(max(0, end - 200)..<end)))
        }
    }

    /// The next row without its line end, which leaves nothing of an empty one.
    mutating func next(_ body: Span<UInt8>) -> Range<Int>? {
        guard position < body.count else { return nil }
        let start = position
        let end: Int
        if endsWithCRLF {
            end = Self.firstCRLF(body, from: start) ?? body.count
            position = end + 2
        } else {
            end = body.firstOffset(of: UInt8(ascii: "\n"), in: start..<body.count) ?? body.count
            position = end + 1
        }
        if end > start { count += 1 }
        return start..<end
    }

    /// Says that so many bytes at the front of the body are gone.
    mutating func shift(by count: Int) { position -= count }

    /// The end of the last CRLF that begins at a place or behind it, nil where there is none.
    static func lastEnd(_ body: Span<UInt8>, from start: Int) -> Int? {
        var offset = body.count
        while offset > start + 1 {
            if body[offset - 1] == UInt8(ascii: "\n"), body[offset - 2] == UInt8(ascii: "\r") {
                return offset
            }
            offset -= 1
        }
        return nil
    }

    /// The first CRLF that begins at a place or behind it.
    static func firstCRLF(_ body: Span<UInt8>, from start: Int) -> Int? {
        var offset = start
        while let end = body.firstOffset(of: UInt8(ascii: "\n"), in: offset..<body.count) {
            if end > start, body[end - 1] == UInt8(ascii: "\r") { return end - 1 }
            offset = end + 1
        }
        return nil
    }
}
