import Remote

/// Turns the dates of LIST rows into times.
struct ListingClock {
    /// The time now, in seconds since 1970-01-01 00:00:00 UTC.
    private let now: Int64
    /// How far the server's rows are ahead of UTC, in seconds.
    private let offset: Int64

    /// Takes the time now, and how far rows are ahead of UTC, in seconds; more than three days are taken for a mistake and as 0.
    init(now: Timestamp, offset: Int) {
        self.now = now.seconds
        self.offset = -259_200...259_200 ~= offset ? Int64(offset) : 0
    }

    /// The time of a full date; nil when there is none.
    func time(_ local: CivilTime, _ granularity: TimeGranularity) -> StatedTime? {
        local.seconds.map { StatedTime(Timestamp(seconds: $0 - offset), granularity) }
    }

    /// The time of a date whose year is not stated: the last year in which it is not more than a day ahead of now.
    ///
    /// ProFTPD 1.3.8 and Pure-FTPd 1.0.50 leave the year away for dates far ahead as well; such dates are a year or more too early.
    func time(month: Int, day: Int, hour: Int, minute: Int, second: Int?) -> StatedTime? {
        guard let today = CivilTime(seconds: now.addingReportingOverflow(offset).partialValue) else {
            return nil
        }
        let granularity: TimeGranularity = second == nil ? .minute : .second
        // Eight years have a 29 February in them, also around 1900 and 2100.
        for year in stride(from: today.year + 1, through: today.year - 8, by: -1) {
            let local = CivilTime(
                year: year, month: month, day: day, hour: hour, minute: minute, second: second ?? 0)
            if let stated = time(local, granularity), stated.time.seconds - 86_400 <= now { return stated }
        }
        return nil
    }
}
