import Testing

@testable import FTPWire

@Suite struct FeaturesTests {
    private func features(_ text: String) throws -> Features {
        var reader = ReplyReader()
        reader.append(Array(text.replacing("\n", with: "\r\n").utf8))
        return Features(try #require(try reader.next()))
    }

    @Test("vsftpd 3.0.3 has no machine listings")
    func vsftpd() throws {
        let features = try features(
            """
            211-Features:
             AUTH TLS
             EPRT
             EPSV
             MDTM
             PASV
             PBSZ
             PROT
             REST STREAM
             SIZE
             TVFS
             UTF8
            211 End

            """)
        #expect(!features.hasMachineListing)
        #expect(
            features.hasAuthTLS && features.hasEPSV && features.hasMDTM && features.hasPBSZ
                && features.hasPROT)
        #expect(features.restartsStreams && features.hasSize && features.hasTVFS && features.hasUTF8)
        #expect(
            !features.hasMFMT && !features.hasHASH && features.checksums.isEmpty && !features.setsTimesByMDTM)
        #expect(features.lines.count == 11)
    }

    @Test("ProFTPD 1.3.8 is read, with each line prefixed as well (MultilineRFC2228)")
    func proftpd() throws {
        let lines = [
            "AUTH TLS", "CCC", "CLNT", "CSID", "EPRT", "EPSV", "HASH CRC32;MD5;SHA-1;SHA-256*;SHA-512",
            "HOST",
            "LANG en-US.UTF-8*", "MDTM", "MFF modify;UNIX.group;UNIX.mode;", "MFMT",
            "MLST modify*;perm*;size*;type*;unique*;UNIX.group*;UNIX.groupname*;UNIX.mode*;UNIX.owner*;UNIX.ownername*;",
            "PBSZ", "PROT", "RANG STREAM", "REST STREAM", "SITE COPY", "SITE MKDIR", "SITE RMDIR",
            "SITE SYMLINK",
            "SITE UTIME", "SIZE", "SSCN", "TVFS", "UTF8", "XCRC", "XMD5", "XSHA1", "XSHA256",
        ]
        for prefix in [" ", "211-"] {
            let text = "211-Features:\n" + lines.map { prefix + $0 + "\n" }.joined() + "211 End\n"
            let features = try features(text)
            #expect(features.hasMachineListing && features.hasCSID && features.hasHOST && features.hasRANG)
            #expect(features.setsTimesByMFF && features.setsModesByMFF && features.hasMFMT)
            #expect(features.siteCommands == ["COPY", "MKDIR", "RMDIR", "SYMLINK", "UTIME"])
            #expect(features.hashAlgorithms.first { $0.isSelected }?.name == "SHA-256")
            #expect(features.hashAlgorithms.count == 5)
            #expect(features.checksums == [.crc, .md5, .sha1, .sha256])
            #expect(features.states("unix.mode") && !features.needsOptsMLST)
            #expect(ServerSoftware(greeting: Reply(220, "FTP ready"), features: features).program == .proftpd)
        }
    }

    @Test("Pure-FTPd 1.0.50 is recognised by its features alone")
    func pureFTPd() throws {
        let features = try features(
            """
            211-Extensions supported:
             UTF8
             EPRT
             IDLE
             MDTM
             SIZE
             MFMT
             REST STREAM
             MLST type*;size*;sizd*;modify*;UNIX.mode*;UNIX.uid*;UNIX.gid*;unique*;
             MLSD
             PRET
             AUTH TLS
             PBSZ
             PROT
             TVFS
             ESTA
             PASV
             EPSV
             ESTP
            211 End.

            """)
        #expect(features.hasMachineListing && features.hasPRET && !features.needsOptsMLST)
        #expect(ServerSoftware(greeting: nil, features: features).program == .pureFTPd)
    }

    @Test("pyftpdlib 2.2.0 must be asked for its unix facts")
    func pyftpdlib() throws {
        let features = try features(
            """
            211-Features supported:
             AUTH TLS
             AUTH SSL
             EPRT
             EPSV
             MDTM
             MFMT
             MLST type*;perm*;size*;modify*;unique*;unix.mode;unix.uid;unix.gid;
             PBSZ
             PROT
             REST STREAM
             SIZE
             TVFS
             UTF8
            211 End FEAT.

            """)
        #expect(features.needsOptsMLST)
        #expect(features.authentications == ["TLS", "SSL"])
    }

    @Test("IIS indents deeply and lists several values in a line")
    func iis() throws {
        let features = try features(
            """
            211-Extended features supported:
                 LANG EN*
                 UTF8
                 AUTH TLS;TLS-C;SSL;TLS-P;
                 PBSZ
                 PROT C;P;
                 CCC
                 HOST
                 SIZE
                 MDTM
                 REST STREAM
            211 END

            """)
        #expect(features.hasAuthTLS && features.authentications.count == 4)
        #expect(features.protections == ["C", "P"])
        #expect(!features.hasMachineListing && features.hasHOST)
    }

    @Test("features in any case and with extra words are read")
    func odd() throws {
        let features = try features(
            "211-\n utf8 on\n rest stream\n mdtm YYYYMMDDHHMMSS[+-TZ];filename\n MLSD\n\n XCRC filename;start;end\n211 \n"
        )
        #expect(features.hasUTF8 && features.restartsStreams && features.setsTimesByMDTM)
        #expect(features.hasMachineListing && features.facts.isEmpty && features.checksums == [.crc])
    }

    @Test("no reply, an empty one and a refusal have no features")
    func none() throws {
        for reply in [
            Reply(500, "?"), Reply(211, "no features"), Reply(211, "Features:", "End"),
            Reply(502, "a", " MLST", "b"),
        ] {
            #expect(Features(reply) == Features())
        }
    }

    @Test(
        "servers are recognised by their greeting",
        arguments: [
            ("(vsFTPd 3.0.3)", .vsftpd), ("ProFTPD Server (Debian) [::ffff:127.0.0.1]", .proftpd),
            ("---------- Welcome to Pure-FTPd [privsep] [TLS] ----------", .pureFTPd),
            ("pyftpdlib 2.2.0 ready.", .pyftpdlib), ("FileZilla Server 1.9.4", .fileZilla),
            ("Microsoft FTP Service", .iis), ("Serv-U FTP Server v15.1 ready...", .servU),
            ("Xlight FTP Server 3.9 ready...", .xlight), ("Welcome to Cerberus FTP Server", .cerberus),
            ("Welcome to CrushFTP10!", .crushFTP), ("SFTPGo 2.6.0 ready", .sftpgo),
            ("FTP server ready", .unknown),
        ] as [(String, ServerSoftware.Program)])
    func greetings(text: String, program: ServerSoftware.Program) {
        #expect(ServerSoftware(greeting: Reply(220, "Hello", text, "bye")).program == program)
    }

    @Test(
        "a greeting counts only where the features bear it out",
        arguments: [
            ("(vsFTPd 3.0.3)", ["SIZE", "MDTM"], .vsftpd),
            ("(vsFTPd 3.0.3)", ["SIZE", "MLST type*;"], .unknown),
            ("ProFTPD Server", ["CSID"], .proftpd),
            ("ProFTPD Server", ["MFF modify;UNIX.group;UNIX.mode;"], .proftpd),
            ("ProFTPD Server", ["SIZE", "MDTM"], .unknown), ("ProFTPD Server", ["MLST type*;"], .unknown),
            ("ProFTPD Server", ["ESTA", "ESTP"], .pureFTPd),
            ("(vsFTPd 3.0.3)", ["CSID", "SITE UTIME", "MFF modify;UNIX.group;UNIX.mode;"], .proftpd),
            ("Pure-FTPd", ["MLST type*;size*;sizd*;"], .pureFTPd), ("Pure-FTPd", ["MLST type*;"], .unknown),
            ("pyftpdlib 2.2.0 ready.", ["MLST type*;perm*;size*;modify*;unique*;unix.mode;"], .pyftpdlib),
            ("pyftpdlib 2.2.0 ready.", ["MLST type*;size*;"], .unknown),
            ("FileZilla Server 1.9.4", ["MLST type*;size*;modify*;perm*;"], .fileZilla),
            ("Microsoft FTP Service", [], .iis),
        ] as [(String, [String], ServerSoftware.Program)])
    func contradictions(text: String, lines: [String], program: ServerSoftware.Program) throws {
        let features = try features("211-Features:\n" + lines.map { " \($0)\n" }.joined() + "211 End\n")
        #expect(ServerSoftware(greeting: Reply(220, text), features: features).program == program)
    }

    @Test("the quirks of an unknown server are the safe ones")
    func unknown() {
        let unknown = ServerSoftware(greeting: nil)
        #expect(unknown.program == .unknown)
        #expect(unknown.dialect == WireDialect())
        #expect(!unknown.abortsWithABOR && unknown.listingLimit == nil && unknown.restartKeepsTail == nil)
        #expect(unknown.hidesListErrors && unknown.losesPortOnRefusal && unknown.waitsForClientClose)
    }
}
