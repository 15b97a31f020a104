package import Remote

/// Learns how far the times of LIST rows are ahead of UTC: some servers list in their local time (Pure-FTPd, SFTPGo, IIS).
package enum TimeOffset {
    /// The most that clocks differ by, in seconds; anything beyond is another file or another year.
    private static let limit: Int64 = 48 * 3600
    /// Zones are whole quarters of an hour, in seconds.
    private static let step: Int64 = 900
    /// How far a difference may be from a whole quarter, in seconds: rows cut the seconds off.
    private static let tolerance: Int64 = 60

    /// The offset in seconds, to be given to `ListingFormat.parseListing`.
    ///
    /// `listed` is a regular file's time from a row that was read with offset 0, `exact` the time MDTM gave for the same file.
    /// Nil when they cannot tell: the row states a day only, the file's time lies ahead of `now`, or the difference is none that a
    /// zone makes, so that the file may have changed between both.
    package static func learn(listed: StatedTime, exact: Timestamp, now: Timestamp) -> Int? {
        guard listed.granularity <= .minute, exact <= now else { return nil }
        let (difference, overflowed) = listed.time.seconds.subtractingReportingOverflow(exact.seconds)
        guard !overflowed, difference.magnitude <= limit.magnitude else { return nil }
        let steps = (Double(difference) / Double(step)).rounded()
        let offset = Int64(steps) * step
        guard (difference - offset).magnitude <= tolerance.magnitude else { return nil }
        return Int(offset)
    }
}
