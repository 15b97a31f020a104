import CLinux
import Glibc

/// The time of day on this machine, which may jump; for time stamps, never for waiting.
package enum WallClock {
    /// Seconds and nanoseconds since 1970-01-01 00:00:00 UTC.
    package static func now() -> (seconds: Int64, nanoseconds: UInt32) {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return (Int64(time.tv_sec), UInt32(clamping: time.tv_nsec))
    }

    /// Writes a time in UTC as `20260131T235959Z` (ISO 8601, basic format), which sorts and needs no quoting in a file name.
    package static func text(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = unsafe tm()
        guard unsafe gmtime_r(&time, &parts) != nil else { return String(seconds) }
        let fields = unsafe [
            (Int(parts.tm_year) + 1900, 4), (Int(parts.tm_mon) + 1, 2), (Int(parts.tm_mday), 2),
            (Int(parts.tm_hour), 2), (Int(parts.tm_min), 2), (Int(parts.tm_sec), 2),
        ]
        let digits = fields.map { value, width in
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return digits[0..<3].joined() + "T" + digits[3...].joined() + "Z"
    }
}
