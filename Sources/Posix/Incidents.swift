import Logging

/// What the log has said of late, for those who ask, and to keep the same thing from being said over and over.
///
/// A value without clock or lock; the moments are passed in. Lines below `.notice` are not its business: they are written for somebody who
/// wants to see everything.
struct Incidents {
    /// A line for the log.
    struct Line: Equatable {
        /// How important it is.
        let level: Logger.Level
        /// What it says.
        let text: String
    }

    /// Lines that come from one place in the program within one period.
    private struct Series {
        let since: ContinuousClock.Instant
        var level: Logger.Level
        var written: Int
        var heldBack = 0
        var last: String
    }

    private struct Recent {
        var time: WallTime
        var line: Line
        var count: Int
    }

    /// How long lines of one kind count as one series.
    static let period: Duration = .seconds(60)
    /// The most lines of one kind that are written in a period.
    static let seriesLimit = 10
    /// The most incidents that are kept.
    static let recentLimit = 16
    // Places in the program are few; the bound is there in case of a mistake.
    private static let placeLimit = 256

    private var series: [String: Series] = [:]
    private var recent: [Recent] = []

    /// Takes a line from a place in the program; returns the lines to be written now, summaries of what was held back among them.
    ///
    /// Held back is a line that says the same as the one before it from there, and whatever is beyond `seriesLimit` in a period and no error.
    mutating func admit(
        _ line: Line, from place: String, now: ContinuousClock.Instant, time: WallTime
    ) -> [Line] {
        remember(line, time: time)
        var lines = takeOverdue(now: now)
        guard var current = series[place] else {
            if series.count < Self.placeLimit {
                series[place] = Series(since: now, level: line.level, written: 1, last: line.text)
            }
            lines.append(line)
            return lines
        }
        // Errors say where bytes are: each of them is written unless it says nothing new.
        if current.last == line.text || current.written >= Self.seriesLimit && line.level < .error {
            current.heldBack += 1
            current.level = max(current.level, line.level)
        } else {
            current.written += 1
            lines.append(line)
        }
        current.last = line.text
        series[place] = current
        return lines
    }

    /// Ends the series whose period is over; returns a summary of each that had lines held back.
    mutating func takeOverdue(now: ContinuousClock.Instant) -> [Line] {
        take { $0.since.advanced(by: Self.period) <= now }
    }

    /// Ends all series; returns a summary of each that had lines held back.
    mutating func takeAll() -> [Line] {
        take { _ in true }
    }

    /// The newest lines of level `.warning` and above, the newest last, each with its time and how often it came in a row.
    var recentLines: [String] {
        recent.map { incident in
            let times = incident.count > 1 ? " (\(incident.count) times)" : ""
            let line = incident.line
            return "\(LogText.timestamp(of: incident.time)) \(line.level.rawValue): \(line.text)\(times)"
        }
    }

    private mutating func take(_ isOver: (Series) -> Bool) -> [Line] {
        let ended = series.filter { isOver($0.value) }
        for place in ended.keys { series[place] = nil }
        return ended.values.filter { $0.heldBack > 0 }.sorted { $0.since < $1.since }.map { series in
            let count = series.heldBack == 1 ? "once" : "\(series.heldBack) times"
            return Line(
                level: series.level,
                text: "\(count) more within \(Self.period.components.seconds) s, the last: \(series.last)")
        }
    }

    /// Keeps a line of level `.warning` or above.
    mutating func remember(_ line: Line, time: WallTime) {
        guard line.level >= .warning else { return }
        if let last = recent.indices.last, recent[last].line == line {
            recent[last].count += 1
            recent[last].time = time
            return
        }
        if recent.count == Self.recentLimit { recent.removeFirst() }
        recent.append(Recent(time: time, line: line, count: 1))
    }
}
