import TestSupport
import Testing

/// Names, links, modes, times and the errors that go with them.
@Suite struct NamespaceTests {
    private static let fails = """
        def fails(codes, action, *arguments, **named):
            try: action(*arguments, **named)
            except OSError as error:
                assert error.errno in (codes if isinstance(codes, tuple) else (codes,)), error
            else: raise AssertionError(f'{action} {arguments} succeeded')

        """

    @Test(
        "directories and files are made, renamed and removed with the right errors",
        arguments: Program.servers)
    func errors(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                Self.fails + """
                    os.mkdir(f'{M}/d'); fails(errno.EEXIST, os.mkdir, f'{M}/d')
                    open(f'{M}/f', 'w').close(); fails(errno.EEXIST, os.mkdir, f'{M}/f')
                    fails(errno.ENOENT, os.mkdir, f'{M}/none/d'); fails(errno.ENOENT, os.rmdir, f'{M}/none')
                    fails(errno.ENOENT, os.unlink, f'{M}/none'); fails(errno.EISDIR, os.unlink, f'{M}/d')
                    fails(errno.ENOTDIR, os.rmdir, f'{M}/f'); fails(errno.ENOTDIR, os.listdir, f'{M}/f')
                    open(f'{M}/d/in', 'w').close(); fails(errno.ENOTEMPTY, os.rmdir, f'{M}/d')
                    fails(errno.ENOENT, os.rename, f'{M}/none', f'{M}/x')
                    os.mkdir(f'{M}/e')
                    fails(errno.EISDIR, os.rename, f'{M}/f', f'{M}/d'); fails(errno.ENOTDIR, os.rename, f'{M}/d', f'{M}/f')
                    fails((errno.ENOTEMPTY, errno.EEXIST), os.rename, f'{M}/e', f'{M}/d')
                    fails(errno.EINVAL, os.rename, f'{M}/d', f'{M}/d/below')
                    os.rename(f'{M}/d', f'{M}/e'); assert os.listdir(f'{M}/e') == ['in']
                    open(f'{M}/g', 'w').write('g'); os.rename(f'{M}/g', f'{M}/f'); assert open(f'{M}/f').read() == 'g'
                    os.rename(f'{M}/f', f'{M}/e/f'); assert sorted(os.listdir(f'{M}/e')) == ['f', 'in']
                    assert sorted(os.listdir(sys.argv[1] + '/e')) == ['f', 'in'] and os.listdir(sys.argv[1]) == ['e']
                    """, [mount.server.root])
        }
    }

    @Test("RENAME_NOREPLACE keeps the target, RENAME_EXCHANGE is refused", arguments: Program.servers)
    func renameFlags(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                import ctypes
                libc = ctypes.CDLL(None, use_errno=True)
                def rename(old, new, flags):
                    done = libc.renameat2(-100, f'{M}/{old}'.encode(), -100, f'{M}/{new}'.encode(), flags)
                    return 0 if done == 0 else ctypes.get_errno()
                for name in 'ab': open(f'{M}/{name}', 'w').write(name)
                assert rename('a', 'b', 1) == errno.EEXIST and open(f'{M}/b').read() == 'b'
                assert rename('a', 'b', 2) in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
                assert rename('a', 'c', 1) == 0 and open(f'{M}/c').read() == 'a' and os.listdir(M) != []
                """)
        }
    }

    @Test("links: symbolic ones where the server can, hard ones never", arguments: Program.servers)
    func links(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                "echo x > \"$1/target\"; mkdir \"$1/d\"; ln -s target \"$1/l\"; ln -s d \"$1/ld\"",
                [mount.server.root])
            try mount.python(
                Self.fails + """
                    fails(errno.EPERM, os.link, f'{M}/target', f'{M}/hard')
                    assert open(f'{M}/l').read() == 'x\\n'
                    assert os.path.isdir(f'{M}/ld') and os.listdir(f'{M}/ld') == []
                    try: os.symlink('target', f'{M}/own')
                    except OSError as error: assert error.errno == errno.EPERM, error
                    else: assert open(f'{M}/own').read() == 'x\\n'
                    """)
        }
    }

    @Test("symbolic links are recognised in listings", arguments: Program.servers)
    func linksInListings(_ kind: ServerKind) throws {
        try withKnownIssue("pyftpdlib's MLSD shows what a link points to, as if it were that") {
            try withMount(kind) { mount in
                try mount.run("echo xyz > \"$1/target\"; ln -s target \"$1/l\"", [mount.server.root])
                #expect(
                    try mount.run("stat -c %F \"$M/l\"; stat -L -c '%F %s' \"$M/l\"")
                        == "symbolic link\nregular file 4")
                try mount.run("rm \"$M/l\"; [ -e \"$1/target\" ]; [ ! -L \"$1/l\" ]", [mount.server.root])
            }
        } when: {
            kind == .pyftpdlib
        }
    }

    @Test("the server's refusal for lack of rights is EACCES", arguments: Program.servers)
    func rights(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                echo x > "$1/secret"; chmod 000 "$1/secret"; chown 65534 "$1/secret"
                mkdir "$1/closed"; echo y > "$1/closed/file"; chown -R 65534 "$1/closed"; chmod 0555 "$1/closed"
                mkdir "$1/blind"; chown 65534 "$1/blind"; chmod 0 "$1/blind"
                """, [mount.server.root])
            try mount.python(
                Self.fails + """
                    fails(errno.EACCES, lambda: open(f'{M}/secret').read())
                    fails(errno.EACCES, lambda: open(f'{M}/closed/new', 'w').close())
                    fails(errno.EACCES, os.mkdir, f'{M}/closed/d'); fails(errno.EACCES, os.unlink, f'{M}/closed/file')
                    fails(errno.EACCES, os.rename, f'{M}/closed/file', f'{M}/closed/other')
                    assert open(f'{M}/closed/file').read() == 'y\\n'
                    """)
            // vsftpd, ProFTPD and Pure-FTPd list an unreadable directory as an empty one, with success.
            let listing = try mount.attempt("ls \"$M/blind\"")
            #expect(listing.output == "")
            withKnownIssue(
                "vsftpd, ProFTPD and Pure-FTPd show an unreadable directory as empty", isIntermittent: true
            ) {
                #expect(listing.status != 0)
            } when: {
                kind != .pyftpdlib
            }
        }
    }

    @Test("a name that Pure-FTPd would alter is refused", .enabled(if: Program.servers.contains(.pureftpd)))
    func alteredNames() throws {
        try withMount(.pureftpd) { mount in
            try mount.python(
                Self.fails + """
                    for name in ['trail ', ' ', 'tab\\there', 'back\\\\slash']:
                        fails(errno.EINVAL, os.mkdir, f'{M}/{name}')
                        file = os.open(f'{M}/{name}', os.O_WRONLY | os.O_CREAT); os.write(file, b'x')
                        fails(errno.EINVAL, os.close, file)
                    """)
            #expect(try mount.run("ls -A \"$1\"", [mount.server.root]) == "")
        }
    }

    @Test("chmod reaches the server", arguments: Program.servers)
    func chmod(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                echo x > "$M/f"; mkdir "$M/d"; chmod 640 "$M/f"; chmod 750 "$M/d"
                [ "$(stat -c %a "$1/f" "$1/d" | tr '\\n' ' ')" = '640 750 ' ]
                [ "$(stat -c %a "$M/f" "$M/d" | tr '\\n' ' ')" = '640 750 ' ]
                """, [mount.server.root])
        }
    }

    @Test("times set on files are kept to the second", arguments: Program.servers)
    func times(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                echo x > "$M/f"; touch -d '2011-02-03 04:05:06 UTC' "$M/f"
                [ "$(stat -c %Y "$1/f")" = 1296705906 ]; [ "$(stat -c %Y "$M/f")" = 1296705906 ]
                touch -d '2038-01-20 00:00:01 UTC' "$M/f"; [ "$(stat -c %Y "$1/f")" = 2147558401 ]
                touch "$M/f"; now=$(date +%s); got=$(stat -c %Y "$M/f"); [ $((now - got)) -le 60 ]
                echo more >> "$M/f"; cp -p "$M/f" copy; [ "$(stat -c %Y copy)" = "$(stat -c %Y "$1/f")" ]
                """, [mount.server.root])
        }
    }

    @Test("listing times are right on a server in another time zone", arguments: Program.servers)
    func timeZones(_ kind: ServerKind) throws {
        // vsftpd lists in UTC; with use_localtime=YES its LIST and MDTM are both off, which no client can see.
        let options = ServerOptions { $0.timezone = "Asia/Kathmandu" }
        try withMount(kind, options) { mount in
            try mount.run(
                "for i in 1 2 3; do echo $i > \"$1/f$i\"; touch -d '3 days ago' \"$1/f$i\"; done",
                [mount.server.root])
            try mount.run(
                """
                ls -l "$M" > /dev/null
                for i in 1 2 3; do
                    away=$(($(stat -c %Y "$M/f$i") - $(stat -c %Y "$1/f$i"))); [ ${away#-} -le 60 ]
                done
                """, [mount.server.root])
        }
    }

    @Test("virtual attributes, and no others", arguments: Program.servers)
    func attributes(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run("echo x > \"$M/f\"; getfattr -d -m - \"$M/f\" > /dev/null")
            let set = try mount.attempt("setfattr -n user.mine -v 1 \"$M/f\"")
            #expect(set.status != 0 && set.errors.contains("not supported"))
        }
    }
}
