/// How far a sequential reader has come whose reads are answered in any order: a policy without I/O.
///
/// The kernel reads ahead with several requests at a time. A gap that is still there when the reads beyond it are many or far
/// away was jumped over by the reader.
struct ReadFront {
    /// The end of the reads answered, as far as they leave no gap.
    private(set) var reach: UInt64
    // Reads answered beyond a gap behind `reach`, in the order of their places.
    private var beyondGap: [Range<UInt64>] = []

    /// The most reads that may be answered ahead of one that is missing.
    static let disorderLimit = 16

    /// Begins where the first read is to come.
    init(at offset: UInt64) { reach = offset }

    /// Moves `reach` over a read and over those beyond that were answered before it; returns whether it moved.
    ///
    /// A gap of up to `gapLimit` bytes counts for none, and one that reads are more than `disorder` bytes ahead of is given up.
    mutating func extend(over range: Range<UInt64>, gapLimit: UInt64, disorder: UInt64) -> Bool {
        guard range.upperBound > reach else { return false }
        let place = beyondGap.firstIndex { $0.lowerBound > range.lowerBound } ?? beyondGap.endIndex
        beyondGap.insert(range, at: place)
        let before = reach
        while let next = beyondGap.first, let last = beyondGap.last {
            let (near, overflow) = reach.addingReportingOverflow(gapLimit)
            let isNear = overflow || next.lowerBound <= near
            guard isNear || beyondGap.count > Self.disorderLimit || last.upperBound - reach > disorder else {
                break
            }
            reach = max(reach, next.upperBound)
            beyondGap.removeFirst()
        }
        return reach > before
    }
}
