import Settings
import Testing

/// The SOURCE argument in all its forms.
@Suite struct SourceTests {
    struct Form: Sendable {
        let text: String
        let source: MountSource

        init(
            _ text: String, mode: TLSSettings.Mode? = nil, user: String? = nil, _ host: String,
            port: UInt16? = nil,
            path: String = ""
        ) {
            self.text = text
            source = MountSource(mode: mode, userName: user, host: host, port: port, path: Array(path.utf8))
        }
    }

    @Test(
        "every form is taken apart",
        arguments: [
            Form("host:", "host"),
            Form("host:/", "host", path: "/"),
            Form("host:/pub/a b", "host", path: "/pub/a b"),
            Form("host:pub", "host", path: "pub"),
            Form("host:./2121", "host", path: "./2121"),
            Form("host:2121:", "host", port: 2121),
            Form("host:2121:/pub", "host", port: 2121, path: "/pub"),
            Form("host:2121:pub:x", "host", port: 2121, path: "pub:x"),
            Form("host:/a:b@c:d", "host", path: "/a:b@c:d"),
            Form("host:a:b", "host", path: "a:b"),
            Form("alice@ftp.example.org:/pub", user: "alice", "ftp.example.org", path: "/pub"),
            Form("alice@corp.example@ftp.example.org:", user: "alice@corp.example", "ftp.example.org"),
            Form("DOM\\alice@host:", user: "DOM\\alice", "host"),
            Form("alice@host:/a@b:c", user: "alice", "host", path: "/a@b:c"),
            Form("me@ftp.b\u{fc}cher.example:/x", user: "me", "ftp.xn--bcher-kva.example", path: "/x"),
            Form("192.0.2.1:/x", "192.0.2.1", path: "/x"),
            Form("[2001:db8::1]:/x", "2001:db8::1", path: "/x"),
            Form("me@[::1]:2121:/x", user: "me", "::1", port: 2121, path: "/x"),
            Form("[fe80::1%eth0]:", "fe80::1%eth0"),
            Form("ftp://host", mode: .explicit, "host"),
            Form("ftp://host/", mode: .explicit, "host"),
            Form("FTPES://Host/pub", mode: .explicit, "Host", path: "pub"),
            Form("ftps://host/pub", mode: .implicit, "host", path: "pub"),
            Form("ftp://host//pub", mode: .explicit, "host", path: "/pub"),
            Form("ftp://host/%2Fpub/a%20b", mode: .explicit, "host", path: "/pub/a b"),
            Form("ftp://host/a;type=i", mode: .explicit, "host", path: "a"),
            Form("ftp://me@host:2121/pub", mode: .explicit, user: "me", "host", port: 2121, path: "pub"),
            Form("ftp://me%40corp@host:/", mode: .explicit, user: "me@corp", "host"),
            Form("ftps://[::1]:990/", mode: .implicit, "::1", port: 990),
            Form("ftp://[::1]", mode: .explicit, "::1"),
        ])
    func forms(form: Form) throws {
        #expect(try MountSource(parsing: form.text) == form.source)
    }

    @Test(
        "what is no source is refused with the way out",
        arguments: [
            ("", "write [USER@]HOST"),
            ("host", "write 'host:'"),
            ("/dev/sda1", "write [USER@]HOST"),
            (":/pub", "host's name is missing"),
            ("@host:", "user name before '@' is empty"),
            ("host:2121", "write 'host:2121:' for the port"),
            ("::1:/x", "brackets"),
            ("fe80::1:/x", "brackets"),
            ("[1234]:", "no IPv6 address"),
            ("[::1:/x", "write [USER@]HOST"),
            ("[[::1]]:/x", "no IPv6 address in brackets"),
            ("h\u{7}:12", "in 'h\\x07:12', is 12 a port"),
            ("host:70000:/x", "1 up to 65535"),
            ("host:0:/x", "1 up to 65535"),
            ("-host:", "no host name"),
            ("ho st:", "no host name"),
            ("bu\u{308}cher.example:", "xn--"),
            ("alice:secret@host:/pub", "credentials=FILE"),
            ("alice:1234@host:", "credentials=FILE"),
            ("alice:se/cret@host:", "credentials=FILE"),
            ("ftp://alice:secret@host/", "credentials=FILE"),
            ("ftp:///pub", "host's name is missing"),
            ("http://host/", "not supported"),
            ("sftp://host/", "not supported"),
            ("ftp://host/%zz", "%25"),
            ("ftp://host/%2", "%25"),
            ("ftp://host/a%0Ab", "line ends"),
            ("ftp://host/a%00b", "line ends"),
            ("ftp://a%0d@host/", "line ends"),
            ("host:/a\nb", "line ends"),
            ("ftp://host:x/", "no port"),
        ])
    func refusals(text: String, hint: String) throws {
        let error = try #require(throws: SettingsError.self) { try MountSource(parsing: text) }
        #expect(error.message.contains(hint))
        #expect(error.code == .usage)
        #expect(!error.message.contains("secret") && !error.message.contains("\n"))
    }

    @Test("bytes that are not UTF-8 survive the way through text, and only those are escaped")
    func anyBytes() throws {
        let bytes: [UInt8] = [0x2F, 0xE9, 0x62, 0xC3, 0xA9, 0xFF, 0xF4, 0x8F, 0xBF, 0xBF, 0xC3]
        let text = ArgumentText.text(bytes)
        #expect(ArgumentText.bytes(text) == bytes)
        #expect(!ArgumentText.isPlain(text))
        #expect(ArgumentText.isPlain(ArgumentText.text("a\u{e9}\u{1F600}".utf8)))
        #expect(ArgumentText.printable(text).hasPrefix("/\\xe9b\u{e9}\\xff"))
        let source = try MountSource(parsing: "host:" + text)
        #expect(source.path == bytes)
        #expect(try MountSource(parsing: "ftp://host/%E9%FF").path == [0xE9, 0xFF])
    }

    @Test("random bytes survive the way through text")
    func randomBytes() {
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...12)).map { _ in
                [0x41, 0x80, 0xC3, 0xE2, 0xF4, 0xF0, 0x8F, 0xBF, UInt8.random(in: 0...255)].randomElement()
                    ?? 0
            }
            #expect(ArgumentText.bytes(ArgumentText.text(bytes)) == bytes)
        }
    }
}
