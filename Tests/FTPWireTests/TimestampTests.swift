import Remote
import Testing

@testable import FTPWire

@Suite struct TimestampTests {
    private func stated(_ text: String) -> StatedTime? {
        let bytes = Array(text.utf8)
        return StatedTime(compact: bytes.span)
    }

    @Test(
        "times are read as UTC (RFC 3659 section 2.3)",
        arguments: [
            ("19700101000000", 0), ("20010909014640", 1_000_000_000), ("20380119031408", 2_147_483_648),
            ("19691231235959", -1), ("20000229120000", 951_825_600), ("99991231235959", 253_402_300_799),
            ("19020101000000", -2_145_916_800), ("20240229000000", 1_709_164_800),
        ] as [(String, Int64)])
    func known(text: String, seconds: Int64) {
        #expect(stated(text) == StatedTime(Timestamp(seconds: seconds), .second))
        #expect(Timestamp(seconds: seconds).compact() == Array(text.utf8))
    }

    @Test("fractions are kept to the nanosecond")
    func fractions() {
        #expect(stated("20010909014640.5")?.time.nanoseconds == 500_000_000)
        #expect(stated("20010909014640.123")?.granularity == .fraction)
        #expect(stated("20010909014640.1234567899999")?.time.nanoseconds == 123_456_789)
        #expect(stated("20010909014640.")?.time == nil)
        #expect(stated("20010909014640.1x") == nil)
        let time = Timestamp(seconds: 1_000_000_000, nanoseconds: 5_000_000)
        #expect(time.compact(fractionDigits: 3) == Array("20010909014640.005".utf8))
        #expect(time.compact(fractionDigits: 9) == Array("20010909014640.005000000".utf8))
    }

    @Test("a leap second is the first of the next minute")
    func leapSecond() {
        #expect(stated("20161231235960")?.time == stated("20170101000000")?.time)
    }

    @Test("years counted from 1900 are understood (RFC 3659 section 3.3)")
    func year100() {
        #expect(stated("191000229000000") == stated("20000229000000"))
        #expect(stated("192000229000000") == nil)
    }

    @Test(
        "what is no time, or stands for none, is refused",
        arguments: [
            "", ".", "0", "2001090901464", "200109090146401", "00010101000000", "16010101000000",
            "20010009014640",
            "20011309014640", "20010900014640", "20010931014640", "20010230000000", "19000229000000",
            "20010909240000", "20010909016000", "20010909014661", "2001090901464x", "-2010909014640",
            "+0010909014640", " 20010909014640", "99999999999999", "\u{0661}\u{0662}",
        ])
    func refused(text: String) {
        #expect(stated(text) == nil)
    }

    @Test("MDTM and MFMT replies give times")
    func replies() {
        let time = Timestamp(seconds: 1_000_000_000)
        #expect(StatedTime(Reply(213, "20010909014640"))?.time == time)
        #expect(StatedTime(Reply(213, "Modify=20010909014640; /f"))?.time == time)
        #expect(StatedTime(Reply(213, "modify=20010909014640;UNIX.mode=0644; /f"))?.time == time)
        #expect(StatedTime(Reply(550, "20010909014640")) == nil)
        #expect(StatedTime(Reply(213, "no")) == nil)
    }

    @Test("every time between the years 1902 and 9999 comes back as it went out")
    func roundTrip() {
        var random = SeededRandom(seed: 3659)
        for _ in 0..<20_000 {
            let seconds = Int64.random(in: -2_145_916_800..<253_402_300_800, using: &random)
            let time = Timestamp(
                seconds: seconds, nanoseconds: .random(in: 0..<1_000_000_000, using: &random))
            let text = time.compact(fractionDigits: 9) ?? []
            #expect(StatedTime(compact: text.span)?.time == time)
        }
    }

    @Test("each day follows the one before, from 1902 to 2400")
    func days() {
        var previous = CivilTime(year: 1901, month: 12, day: 31)
        let start: Int64 = -2_145_916_800
        for day in 0..<182_000 as Range<Int64> {
            guard let civil = CivilTime(seconds: start + day * 86_400) else { return #expect(Bool(false)) }
            #expect(civil.seconds == start + day * 86_400)
            let isNext =
                civil.year == previous.year && civil.month == previous.month && civil.day == previous.day + 1
            let isNewMonth =
                civil.day == 1 && previous.day == CivilTime.days(in: previous.month, of: previous.year)
            if !isNext && !isNewMonth { return #expect(Bool(false), "\(previous) \(civil)") }
            previous = civil
        }
    }

    @Test("no number of seconds traps")
    func extremes() {
        for seconds in [Int64.min, .min + 1, -62_167_219_201, -62_167_219_200, 253_402_300_800, .max] {
            _ = Timestamp(seconds: seconds).compact(fractionDigits: 99)
        }
        #expect(Timestamp(seconds: -62_167_219_200).compact() == Array("00000101000000".utf8))
    }
}
