import CLinux
import Glibc

/// How log lines are written.
package enum LogText {
    /// Replaces what could end a line, steer a terminal, or turn the direction of text: servers have a say in what is logged.
    package static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isDangerous) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard isDangerous(scalar) else {
                result.append(scalar)
                continue
            }
            switch scalar {
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            default:
                let digits = String(scalar.value, radix: 16)
                result.append(contentsOf: "\\u{\(digits)}".unicodeScalars)
            }
        }
        return String(result)
    }

    private static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// A moment as `2026-01-31T23:59:59.123Z`.
    package static func timestamp(of moment: WallTime) -> String {
        var seconds = time_t(moment.seconds)
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        let year = unsafe Int(parts.tm_year) + 1900
        let fields = unsafe [parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec]
            .map { padded(Int($0), 2) }
        let date = "\(year)-\(fields[0])-\(fields[1])"
        let clock = "\(fields[2]):\(fields[3]):\(fields[4])"
        return "\(date)T\(clock).\(padded(moment.milliseconds, 3))Z"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// A moment of the system's clock.
package struct WallTime: Sendable, Hashable {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    package let seconds: Int64
    /// Thousandths beyond them, 0 up to 999.
    package let milliseconds: Int

    /// Makes a moment of its parts.
    package init(seconds: Int64, milliseconds: Int) {
        self.seconds = seconds
        self.milliseconds = milliseconds
    }

    /// The clock's present time.
    package static var now: WallTime {
        var moment = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &moment)
        return WallTime(seconds: Int64(moment.tv_sec), milliseconds: Int(moment.tv_nsec / 1_000_000))
    }
}
