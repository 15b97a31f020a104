import Remote
import Testing

@testable import FTPWire

@Suite struct PassiveAddressTests {
    @Test(
        "229 replies of many texts give a port (RFC 2428 section 3)",
        arguments: [
            ("Entering Extended Passive Mode (|||50687|)", 50687),
            ("Entering extended passive mode (|||53907|).", 53907),
            ("Extended Passive mode OK (|||1|)", 1), ("(!!!65535!)", 65535), ("(a) (|||2000|)", 2000),
            ("(|||2000|", 2000),
        ] as [(String, UInt16)])
    func extended(text: String, port: UInt16) {
        let address = PassiveAddress(extended: Reply(229, text))
        #expect(address?.port == port)
        #expect(address?.address == nil)
    }

    @Test(
        "229 replies that state no port give none",
        arguments: [
            "", "(", "(|||", "(|||0|)", "(|||65536|)", "(|||-1|)", "(||| 21|)", "(|||99999999999999999999|)",
            "(|||21)",
            "(||21|)", "(|1|1.2.3.4|21|)", "(|!|21|)", "(1112111)", "|||21|", "(   21 )",
        ])
    func extendedRefused(text: String) {
        #expect(PassiveAddress(extended: Reply(229, text)) == nil)
    }

    @Test("addresses that no other machine has are told from those it may have")
    func unroutable() {
        for (host, expected) in [
            ("0,0,0,0", true), ("0,1,2,3", true), ("127,0,0,1", true), ("169,254,0,1", true),
            ("224,0,0,1", true), ("240,0,0,1", true), ("255,255,255,255", true), ("10,0,0,1", false),
            ("169,253,0,1", false), ("192,0,2,1", false), ("223,255,255,254", false),
        ] {
            let address = PassiveAddress(passive: Reply(227, "(\(host),19,137)"))
            #expect(address?.isUnroutable == expected, "\(host)")
        }
        #expect(PassiveAddress(extended: Reply(229, "(|||2000|)"))?.isUnroutable == false)
    }

    @Test(
        "227 replies give an address and a port, brackets or not",
        arguments: [
            "Entering Passive Mode (10,1,2,3,19,137).", "Entering Passive Mode 10,1,2,3,19,137",
            "=10,1,2,3,19,137",
            "Entering Passive Mode ( 10 , 1 , 2 , 3 , 19 , 137 )", "2 modes (10,1,2,3,19,137)",
            "a,10,1,2,3,19,137",
        ])
    func passive(text: String) {
        let address = PassiveAddress(passive: Reply(227, text))
        #expect(address?.address == [10, 1, 2, 3])
        #expect(address?.port == 5001)
    }

    @Test(
        "227 replies that state no address give none",
        arguments: [
            "", "(1,2,3,4,5)", "(1,2,3,4,0,0)", "(256,2,3,4,5,6)", "(1,2,3,4,5,999)", "(1,,2,3,4,5)",
            "1.2.3.4:5",
        ])
    func passiveRefused(text: String) {
        #expect(PassiveAddress(passive: Reply(227, text)) == nil)
    }

    @Test("only the proper code counts")
    func codes() {
        #expect(PassiveAddress(extended: Reply(227, "(|||2000|)")) == nil)
        #expect(PassiveAddress(passive: Reply(229, "(1,2,3,4,5,6)")) == nil)
    }
}

@Suite struct PathReplyTests {
    @Test(
        "257 replies give the path between the quotation marks",
        arguments: [
            (#""/" is the current directory"#, "/"), (#""/home/ann" is your current location"#, "/home/ann"),
            (#""/a ""b"" c""#, #"/a "b" c"#), (#""/a "b" c" is current"#, #"/a "b" c"#),
            (#""/a""" is"#, #"/a""#),
            (#""/x" created"#, "/x"), ("/plain is the current directory", "/plain"),
            (#""C:\dir""#, #"C:\dir"#),
            (#""/ lead and trail ""#, "/ lead and trail "),
        ])
    func paths(text: String, path: String) {
        #expect(PathReply(Reply(257, text))?.bytes == Array(path.utf8))
    }

    @Test("paths that are none are refused", arguments: ["", "   ", #""""#])
    func refused(text: String) {
        #expect(PathReply(Reply(257, text)) == nil)
    }

    @Test("a path with a NUL is no path, one without a slash lies below the root")
    func paths() {
        #expect(PathReply(Reply(257, "\"/a\0b\""))?.path == nil)
        #expect(PathReply(Reply(257, "\"C:/dir/\""))?.path?.bytes == Array("/C:/dir".utf8))
        #expect(PathReply(Reply(250, "\"/\"")) == nil)
    }
}
