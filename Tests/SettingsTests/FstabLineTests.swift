import Settings
import Testing

/// The line for fstab that stands for a command line.
@Suite struct FstabLineTests {
    private func line(
        _ options: String..., source: String = "me@host:/pub", port: String? = nil, user: UInt32 = 0,
        learned: [OptionElement] = []
    ) throws -> FstabLine {
        let request = MountRequest(source: source, mountPoint: "/", optionLists: options, port: port)
        let around = surroundings(user: user)
        return try FstabLine(
            request, try MountSettings(request, around), user: Array("me".utf8), learned: learned, around)
    }

    @Test("what depends on who types and from where is spelt out")
    func spelling() throws {
        let plain = try line("credentials=cred,cacert=/ca.pem", port: "2121")
        #expect(
            plain.text
                == "me@host:/pub  /mnt/host  ftpsfs  noauto,nofail,_netdev,x-systemd.automount,"
                + "credentials=/work/dir/cred,cacert=/ca.pem,port=2121  0  0")
        #expect(plain.missingCredentials == nil)
        let user = try line("netrc", source: "host:", user: 1000)
        #expect(
            user.text.contains(",netrc=/home/me/.netrc,username=me,uid=1000,gid=1001,allow_other  0"))
        #expect(
            try line("netrc=~/n,uid=5", source: "host:", user: 1000).text.contains("netrc=/home/me/n,uid=5"))
    }

    @Test("what needs a terminal is left out, and a credentials file named in its place")
    func terminal() throws {
        let line = try line("debug,password_stdin,port=1,nofail,log=l.txt,loglevel=info", port: "2")
        #expect(line.missingCredentials == "/etc/ftpsfs/host.cred")
        #expect(
            line.text.hasSuffix(
                "noauto,nofail,_netdev,x-systemd.automount,port=1,log=/work/dir/l.txt,loglevel=info,"
                    + "credentials=/etc/ftpsfs/host.cred  0  0"))
    }

    @Test("what was learned is added unless the user has said something about it")
    func learning() throws {
        let learned = [OptionElement("max_conns", "2"), OptionElement("disable_epsv")]
        #expect(try line(learned: learned).text.contains(",max_conns=2,disable_epsv  0"))
        #expect(!(try line("nconnect=5", learned: learned).text.contains("max_conns")))
    }

    @Test("blanks, backslashes and odd bytes are written as fstab(5) wants them")
    func fields() throws {
        let source = ArgumentText.text(Array("me@host:/a b\\c\u{e9}\n".utf8.dropLast()) + [0xFF])
        let line = try line("fsname=\"a,b c\"", source: source)
        #expect(line.text.hasPrefix("me@host:/a\\040b\\134c\u{e9}\\377  "))
        #expect(line.text.contains("fsname=\"a,b\\040c\""))
    }

    @Test(
        "an option that is written is read as the same again",
        arguments: [
            ("a", nil), ("a=b", "c=d"), ("a", ""), ("a", "b,c"), ("a", "\"b,c"), ("a", "\"b"), ("a", "b\\"),
            ("a,\\", "\\054"), ("", "x"), ("a", ",\u{301}\"\u{301}"), ("\"", "a\"b"),
        ] as [(String, String?)])
    func roundTrip(name: String, value: String?) throws {
        let element = OptionElement(name, value)
        #expect(try OptionElement.list("x," + element.text + ",y=1").dropFirst().first == element)
    }
}
