import Settings
import Testing

/// Host names with letters beyond ASCII.
@Suite struct HostNameTests {
    private func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }

    @Test(
        "Punycode encodes the samples of RFC 3492 section 7.1",
        arguments: [
            (
                "\u{644}\u{64A}\u{647}\u{645}\u{627}\u{628}\u{62A}\u{643}\u{644}\u{645}\u{648}\u{634}\u{639}\u{631}\u{628}\u{64A}\u{61F}",
                "egbpdaj6bu4bxfgehfvwxn"
            ),
            (
                "\u{4ED6}\u{4EEC}\u{4E3A}\u{4EC0}\u{4E48}\u{4E0D}\u{8BF4}\u{4E2D}\u{6587}",
                "ihqwcrb4cv8a8dqg056pqjye"
            ),
            (
                "\u{4ED6}\u{5011}\u{7232}\u{4EC0}\u{9EBD}\u{4E0D}\u{8AAA}\u{4E2D}\u{6587}",
                "ihqwctvzc91f659drss3x8bo0yb"
            ),
            ("Pro\u{10D}prost\u{11B}nemluv\u{ED}\u{10D}esky", "Proprostnemluvesky-uyb24dma41a"),
            (
                "\u{5DC}\u{5DE}\u{5D4}\u{5D4}\u{5DD}\u{5E4}\u{5E9}\u{5D5}\u{5D8}\u{5DC}\u{5D0}\u{5DE}\u{5D3}\u{5D1}\u{5E8}\u{5D9}\u{5DD}\u{5E2}\u{5D1}\u{5E8}\u{5D9}\u{5EA}",
                "4dbcagdahymbxekheh6e0a7fei0b"
            ),
            ("3\u{5E74}B\u{7D44}\u{91D1}\u{516B}\u{5148}\u{751F}", "3B-ww4c5e180e575a65lsy2b"),
            (
                "\u{5B89}\u{5BA4}\u{5948}\u{7F8E}\u{6075}-with-SUPER-MONKEYS",
                "-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n"
            ),
            ("-> $1.00 <-", "-> $1.00 <--"), ("b\u{FC}cher", "bcher-kva"), ("\u{10FFFF}", "dn32g"), ("", ""),
        ])
    func punycode(text: String, code: String) {
        #expect(Punycode.encode(scalars(text)) == code)
    }

    @Test("what is longer than a label is not encoded")
    func tooLong() {
        #expect(Punycode.encode(Array(repeating: "\u{FC}", count: 64)) == nil)
        #expect(Punycode.encode(Array(repeating: "\u{FC}", count: 63)) != nil)
    }

    @Test(
        "a host beyond ASCII goes to DNS, SNI and the certificate check as A-labels",
        arguments: [
            ("ftp.b\u{FC}cher.example:", "ftp.xn--bcher-kva.example"),
            ("me@FTP.B\u{DC}CHER.Example:/pub", "FTP.xn--bcher-kva.Example"),
            ("ftps://b\u{FC}cher.example/", "xn--bcher-kva.example"),
            ("stra\u{DF}e.example:", "xn--strae-oqa.example"),
            ("\u{4F8B}\u{3048}.\u{30C6}\u{30B9}\u{30C8}:2121:", "xn--r8jz45g.xn--zckzah"),
            ("\u{43F}\u{440}\u{438}\u{43C}\u{435}\u{440}.\u{420}\u{424}:", "xn--e1afmkfd.xn--p1ai"),
            ("xn--bcher-kva.example:", "xn--bcher-kva.example"),
            ("b\u{FC}cher.example.:", "xn--bcher-kva.example."),
        ])
    func hosts(source: String, host: String) throws {
        #expect(try settings(source: source).server.host == host)
    }

    @Test(
        "what has a second spelling or is no letter is refused, with the way out",
        arguments: [
            "bu\u{308}cher.example", "\u{FF42}.example", "b\u{FC}cher\u{3002}example", "\u{2603}.example",
            "a\u{200D}\u{FC}.example", "-\u{FC}.example", "\u{FC}-.example", "ab--\u{FC}.example",
            "\u{FC} x.example",
            "\u{FC}_x.example", "\u{FC}\u{202E}.example", "\u{94D}\u{915}.example", "\u{1F4A9}.example",
            String(repeating: "\u{FC}", count: 60) + ".example", "\u{10FFFD}.example", "\u{FB01}.example",
        ])
    func refused(host: String) throws {
        let message = try #require(complaint(source: "me@\(host):/"))
        #expect(message.contains("xn--"), "\(message)")
    }
}
