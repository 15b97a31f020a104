/// Listing bodies as real servers sent them: the same directory, listed in November 2026 by a server whose clock is UTC.
enum Transcripts {
    private static func body(_ rows: [String]) -> [UInt8] {
        Array(rows.map { $0 + "\r\n" }.joined().utf8)
    }

    /// `LIST -a` of vsftpd 3.0.3.
    static let vsftpd = body([
        "-rw-r--r--    1 65534    65534           5 Nov 23 22:57  lead",
        "drwxrwxrwx    6 65534    65534        4096 Nov 23 22:57 .",
        "drwxr-xr-x    3 65534    65534        4096 Nov 23 22:57 ..",
        "-rw-r--r--    1 65534    65534           7 Feb 29  2000 .hidden",
        "-rw-r--r--    1 65534    65534           6 Nov 23 22:57 a -> b",
        "lrwxrwxrwx    1 65534    65534           6 Nov 23 22:57 dangling -> z -> x -> y",
        "drwxrwxrwt    2 65534    65534        4096 Nov 23 22:57 dir",
        "prw-r--r--    1 65534    65534           0 Nov 23 22:57 fifo",
        "lrwxrwxrwx    1 65534    65534           9 Nov 23 22:57 link -> plain.txt",
        "-rw-r--r--    1 65534    65534           7 Nov 23 22:57 nl\nname",
        "-rwsr-xr-x    1 65534    65534           9 Sep 09  2001 plain.txt",
        "-rw-r--r--    1 65534    65534           6 Nov 23 22:57 trail ",
        "-rw-r--r--    1 65534    65534          11 Nov 23 22:57 two  spaces",
    ])

    /// `LIST -a` of ProFTPD 1.3.8.
    static let proftpd = body([
        "-rw-r--r--   1 alice    nogroup         5 Nov 23 22:58  lead",
        "drwxrwxrwx   6 alice    nogroup      4096 Nov 23 22:58 .",
        "drwxr-xr-x   3 alice    nogroup      4096 Nov 23 22:58 ..",
        "-rw-r--r--   1 alice    nogroup         7 Feb 29  2000 .hidden",
        "-rw-r--r--   1 alice    nogroup         6 Nov 23 22:58 a -> b",
        "lrwxrwxrwx   1 alice    nogroup         6 Nov 23 22:58 dangling -> z -> x -> y",
        "drwxrwxrwt   2 alice    nogroup      4096 Nov 23 22:58 dir",
        "prw-r--r--   1 alice    nogroup         0 Nov 23 22:58 fifo",
        "lrwxrwxrwx   1 alice    nogroup         9 Nov 23 22:58 link -> plain.txt",
        "-rwsr-xr-x   1 alice    nogroup         9 Sep  9  2001 plain.txt",
        "-rw-r--r--   1 alice    nogroup         6 Nov 23 22:58 trail ",
        "-rw-r--r--   1 alice    nogroup        11 Nov 23 22:58 two  spaces",
    ])

    /// `LIST -a` of Pure-FTPd 1.0.50.
    static let pureFTPd = body([
        "-rw-r--r--    1 65534      nogroup             5 Nov 23 22:58  lead",
        "drwxrwxrwx    6 65534      nogroup          4096 Nov 23 22:58 .",
        "drwxr-xr-x    3 65534      nogroup          4096 Nov 23 22:58 ..",
        "-rw-r--r--    1 65534      nogroup             7 Feb 29  2000 .hidden",
        "-rw-r--r--    1 65534      nogroup             6 Nov 23 22:58 a -> b",
        "lrwxrwxrwx    1 65534      nogroup             6 Nov 23 22:58 dangling -> z -> x -> y",
        "drwxrwxrwt    2 65534      nogroup          4096 Nov 23 22:58 dir",
        "lrwxrwxrwx    1 65534      nogroup             9 Nov 23 22:58 link -> plain.txt",
        "-rwsr-xr-x    1 65534      nogroup             9 Sep  9  2001 plain.txt",
        "-rw-r--r--    1 65534      nogroup             6 Nov 23 22:58 trail ",
        "-rw-r--r--    1 65534      nogroup            11 Nov 23 22:58 two  spaces",
    ])

    /// `LIST` of pyftpdlib 2.2.0.
    static let pyftpdlib = body([
        "-rw-r--r--   1 nobody   nogroup         5 Nov 23 22:58  lead",
        "-rw-r--r--   1 nobody   nogroup         7 Feb 29  2000 .hidden",
        "-rw-r--r--   1 nobody   nogroup         6 Nov 23 22:58 a -> b",
        "lrwxrwxrwx   1 nobody   nogroup         6 Nov 23 22:58 dangling -> z -> x -> y",
        "drwxrwxrwt   2 nobody   nogroup      4096 Nov 23 22:58 dir",
        "lrwxrwxrwx   1 nobody   nogroup         9 Nov 23 22:58 link -> plain.txt",
        "-rwsr-xr-x   1 nobody   nogroup         9 Sep 09  2001 plain.txt",
        "-rw-r--r--   1 nobody   nogroup         6 Nov 23 22:58 trail ",
        "-rw-r--r--   1 nobody   nogroup        11 Nov 23 22:58 two  spaces",
    ])

    /// `LIST` of IIS, in its default form.
    static let iis = body([
        "09-24-14  08:14AM       <DIR>          aspnet_client",
        "07-21-15  02:15PM                 1234 file with spaces.txt",
        "02-29-2000  12:00AM         12345678901 big",
        "02-29-2000  12:30PM       <DIR>           lead",
        "12-31-69  23:59                      0 x",
    ])

    /// `LIST` of FileZilla Server 1.9.
    static let fileZilla = body([
        "drwxrwxrwx 1 ftp ftp               0 Nov 23 22:58 dir",
        "-rw-rw-rw- 1 ftp ftp      1234567890 Feb 29  2000 file",
        "-rw-rw-rw- 1 ftp ftp               1 ??? ?? ????? unknown",
    ])

    /// `LIST` of SFTPGo and other servers in Go.
    static let sftpgo = body([
        "drwxr-xr-x 1 ftp ftp            0 Nov 23 22:58 dir",
        "Lrwxrwxrwx 1 ftp ftp            9 Nov 23 22:58 link",
        "dtrwxrwxrwx 1 ftp ftp            0 Feb 29  2000 sticky",
        "urwxr-xr-x 1 ftp ftp           12 Nov 23 22:58 setuid",
    ])

    /// MLSD of ProFTPD 1.3.8, Pure-FTPd 1.0.50 and pyftpdlib 2.2.0.
    static let machine = [
        body([
            "modify=20000229000000;perm=adfrw;size=7;type=file;UNIX.mode=0644; .hidden",
            "modify=20261123225802;perm=adfrw;size=3;type=OS.unix=symlink;UNIX.mode=0777; dirlink",
            "modify=20261123225802;perm=flcdmpe;type=dir;UNIX.mode=0755; full",
            "modify=20261123225802;perm=adfrw;size=7;type=file;UNIX.mode=0644; nl\nname",
            "modify=20261123225802;perm=flcdmpe;type=cdir;UNIX.mode=0777; .",
            "modify=20261123225802;perm=adfrw;size=5;type=file;UNIX.mode=0644;  lead",
            "modify=20261123225802;perm=flcdmpe;type=pdir;UNIX.mode=0755; ..",
            "modify=20261123225802;perm=adfrw;size=11;type=file;UNIX.mode=0644; semi; colon",
        ]),
        body([
            "type=file;size=7;modify=20000229000000;UNIX.mode=0644;UNIX.uid=65534;UNIX.gid=65534;unique=fe00gf78980; .hidden",
            "type=OS.unix=slink:;size=6;modify=20261123225804;UNIX.mode=0777;UNIX.uid=65534;UNIX.gid=65534;unique=fe00g2; dangling -> z",
            "type=cdir;sizd=4096;modify=20261123225804;UNIX.mode=0777;UNIX.uid=65534;UNIX.gid=65534;unique=fe00gf7897a; .",
            "type=unknown;size=0;modify=20261123225804;UNIX.mode=0644;UNIX.uid=65534;UNIX.gid=65534;unique=fe00gf7898b; fifo",
            "type=dir;sizd=4096;modify=20261123225804;UNIX.mode=01777;UNIX.uid=65534;UNIX.gid=65534;unique=fe00gf78987; dir",
        ]),
        body([
            "modify=20000229000000;perm=radfwMT;size=7;type=file;unix.gid=65534;unix.mode=0o644;unix.uid=65534; .hidden",
            "modify=20261123225808;perm=eldfmMTcp;size=4096;type=dir;unix.gid=65534;unix.mode=0o777;unix.uid=65534; dirlink",
            "modify=20261123225808;perm=radfwMT;size=7;type=file;unix.gid=65534;unix.mode=0o644;unix.uid=65534; nl\nname",
        ]),
    ]

    /// All bodies of LIST.
    static let lists = [vsftpd, proftpd, pureFTPd, pyftpdlib, iis, fileZilla, sftpgo]

    /// Replies of all kinds, as they come on a control connection.
    static let replies: [String] = [
        "220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n220-You are user number 1 of 200 allowed.\r\n220 Bye\r\n",
        "211-Features:\r\n AUTH TLS\r\n HASH CRC32;MD5;SHA-1*;SHA-256;SHA-512;\r\n MFF modify;UNIX.group;UNIX.mode;\r\n"
            + " MLST modify*;perm*;size*;type*;unique*;UNIX.group*;UNIX.mode*;\r\n REST STREAM\r\n SITE UTIME\r\n211 End\r\n",
        "257 \"/cap/q\"\"q\"\"d\" is the current directory\r\n",
        "229 Entering Extended Passive Mode (|||38814|)\r\n",
        "227 Entering Passive Mode (127,0,0,1,195,80).\r\n", "213 20010909014640\r\n",
        "213 Modify=20010909014640; /cap/plain.txt\r\n",
        "250-Start of list for /f\r\n modify=20010909014640;perm=adfrw;size=9;type=file;UNIX.mode=04755; /f\r\n250 End of list\r\n",
        "213-Status follows:\r\n-rw-r--r--    1 65534    65534           5 Nov 23 22:57  lead\r\n213 End of status\r\n",
        "550 /cap/none: No such file or directory\r\n",
        "421 There are too many connections from your internet address.\r\n",
        "522 SSL connection failed: session reuse required\r\n",
    ]
}
