import TestSupport
import Testing

/// The server dies, hangs, runs full: errors are told, bytes are kept, the mount works again afterwards.
@Suite struct FaultTests {
    /// Short time limits, so that a dead server costs little.
    private static let impatient = MountOptions("timeout=5", "connect_timeout=5")

    @Test("the server is killed and restarted while a file is read", arguments: Program.servers)
    func killedDuringRead(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run("head -c 60000000 /dev/urandom > \"$1/large\"", [mount.server.root])
            let reader = try mount.startPython(
                """
                with open(f'{M}/large', 'rb', buffering=0) as file:
                    digest = hashlib.sha256(file.read(1000000)); print('begun')
                    wait('go')
                    while part := file.read(1000000): digest.update(part)
                print(digest.hexdigest())
                """, output: "reader")
            try mount.waitFor("begun", in: "reader")
            try mount.server.kill()
            try mount.release("go")
            try mount.server.start()
            #expect(try mount.end(of: reader) == 0, "\(mount.output("reader"))")
            let expected = try mount.run("sha256sum < \"$1/large\"", [mount.server.root]).prefix(64)
            #expect(mount.output("reader").contains(expected))
        }
    }

    @Test("the server is killed and restarted during an upload", arguments: Program.servers)
    func killedDuringUpload(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            let writer = try mount.startPython(
                """
                chance = random.Random(5); data = chance.randbytes(24000000)
                with open(f'{M}/up', 'wb', buffering=0) as file:
                    file.write(data[:12000000]); print('begun')
                    wait('go')
                    file.write(data[12000000:])
                print(hashlib.sha256(data).hexdigest())
                """, output: "writer")
            try mount.waitFor("begun", in: "writer")
            try mount.server.restart()
            try mount.release("go")
            #expect(try mount.end(of: writer) == 0, "\(mount.output("writer"))")
            let stored = try mount.run("sha256sum < \"$1/up\"", [mount.server.root])
            #expect(mount.output("writer").contains(stored.prefix(64)))
            // What has arrived of an upload that followed the writer goes in the background.
            let isAlone = try waitUntil(within: .seconds(60)) {
                try mount.run("ls -A \"$1\"", [mount.server.root]) == "up"
            }
            #expect(isAlone)
        }
    }

    @Test(
        "an upload that cannot be finished fails close, keeps the old file and the new bytes",
        arguments: Program.servers)
    func deadServer(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), Self.impatient) { mount in
            try mount.run("echo old > \"$M/file\"")
            let writer = try mount.startPython(
                """
                file = os.open(f'{M}/file', os.O_WRONLY | os.O_TRUNC); os.write(file, b'new bytes ' * 100000)
                print('begun'); wait('go')
                try: os.close(file)
                except OSError as error: print('failed', error.errno); sys.exit(0)
                sys.exit('close succeeded')
                """, output: "writer")
            try mount.waitFor("begun", in: "writer")
            try mount.server.kill()
            try mount.release("go")
            #expect(try mount.end(of: writer) == 0, "\(mount.output("writer"))")
            #expect(mount.output("writer").contains("failed"))
            #expect(try keeps(mount, "new bytes ", times: 100_000))
            try mount.server.start()
            // No remount is needed, and what is on the server is one of the two versions, whole.
            #expect(
                try waitUntil(within: .seconds(90)) { try mount.attempt("ls \"$M\"").output.contains("file") }
            )
            let onServer = mount.server.content("file") ?? []
            #expect(onServer == Array("old\n".utf8) || onServer.count == 1_000_000)
        }
    }

    @Test("a full server gives ENOSPC from close and the bytes are kept", arguments: Program.servers)
    func full(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions { $0.tmpfs = "2m" }, MountOptions("timeout=10")) { mount in
            try mount.run("echo before > \"$M/small\"")
            let result = try mount.python(
                """
                file = os.open(f'{M}/big', os.O_WRONLY | os.O_CREAT); code = 0
                try:
                    for _ in range(400): os.write(file, b'big bytes ' * 1000)
                    os.fsync(file)
                except OSError as error: code = error.errno
                try: os.close(file)
                except OSError as error: code = error.errno
                print(errno.errorcode.get(code, code))
                """)
            withKnownIssue("pyftpdlib does not say why an upload ends") {
                #expect(result == "ENOSPC")
            } when: {
                kind == .pyftpdlib
            }
            #expect(result != "0")
            #expect(try keeps(mount, "big bytes ", times: 400_000))
            // The kernel tells of the last close only after it has returned.
            #expect(waitUntil(within: .seconds(120)) { mount.log.contains("rescue") })
            // The mount is as good as before, and nothing partial bears the file's name.
            #expect(try mount.run("cat \"$M/small\"") == "before")
            #expect(mount.server.content("big").map { $0.count == 0 } ?? true)
            try mount.run(
                "rm -f \"$M/big\"; echo after > \"$M/small\"; [ \"$(cat \"$1/small\")\" = after ]",
                [mount.server.root])
        }
    }

    @Test("replacing a file on a full server leaves the old one", arguments: Program.servers)
    func fullReplace(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions { $0.tmpfs = "2m" }, MountOptions("timeout=10")) { mount in
            try mount.run("head -c 1000000 /dev/zero > \"$M/file\"")
            let result = try mount.attempt("head -c 1900000 /dev/urandom > new; cp new \"$M/file\"")
            #expect(result.status != 0)
            #expect(mount.server.content("file")?.count == 1_000_000)
        }
    }

    @Test("a dead server fails fast and is back without a remount", arguments: Program.servers)
    func goneAndBack(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), Self.impatient) { mount in
            try mount.server.put("file", "here".utf8)
            try mount.server.makeDirectory("unseen")
            #expect(try mount.run("cat \"$M/file\"; [ -d \"$M/unseen\" ]") == "here")
            try mount.server.kill()
            let failed = try mount.attempt("cat \"$M/unseen/other\"", timeout: .seconds(180))
            #expect(failed.status != 0)
            // Unknown is never absent.
            #expect(!failed.errors.contains("No such file"))
            try mount.server.start()
            try mount.server.put("unseen/other", "back".utf8)
            #expect(
                try waitUntil(within: .seconds(90)) {
                    try mount.attempt("cat \"$M/unseen/other\"").output == "back"
                })
        }
    }

    @Test("a server that hangs: reads end in time, Ctrl-C ends them at once", arguments: Program.servers)
    func frozen(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), MountOptions("timeout=60", "connect_timeout=60")) { mount in
            try mount.run("head -c 30000000 /dev/urandom > \"$1/large\"", [mount.server.root])
            let reader = try mount.start("echo started; exec cat \"$M/large\" > /dev/null", output: "reader")
            try mount.server.freeze()
            try mount.waitFor("started", in: "reader")
            let lister = try mount.start("echo started; exec ls \"$M/none\"", output: "lister")
            try mount.waitFor("started", in: "lister")
            // The interrupt is repeated since it may come before the program has blocked.
            for process in [reader, lister] {
                let ended = waitUntil(within: .seconds(30)) {
                    process.signal(2)
                    return process.status != nil
                }
                #expect(ended)
            }
            try mount.server.thaw()
            #expect(
                try waitUntil(within: .seconds(120)) {
                    try mount.attempt("cmp \"$M/large\" \"$1/large\"", [mount.server.root]).status == 0
                })
        }
    }

    @Test("a frozen server costs a bounded time", arguments: Program.servers)
    func frozenTimeout(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), Self.impatient) { mount in
            try mount.server.put("file", "x".utf8)
            try mount.server.freeze()
            let result = try mount.attempt("cat \"$M/file\"", timeout: .seconds(200))
            #expect(result.status != 0 && !result.errors.contains("No such file"))
            try mount.server.thaw()
            #expect(
                try waitUntil(within: .seconds(90)) { try mount.attempt("cat \"$M/file\"").output == "x" })
        }
    }

    @Test(
        "connections the server has closed for idleness are replaced unseen",
        arguments: Program.servers(except: .pureftpd))
    func idle(_ kind: ServerKind) throws {
        // Pure-FTPd counts in minutes.
        try withMount(kind, ServerOptions { $0.idleLimit = 2 }) { mount in
            for round in 1...3 {
                try mount.run("echo \(round) > \"$M/f\"; [ \"$(cat \"$M/f\")\" = \(round) ]")
                let log = mount.log.count
                // Long enough for the server's limit; the log shows nothing a test could wait for on every server.
                waitUntil(within: .seconds(4)) { mount.log.count < log }
            }
            #expect(try mount.run("cat \"$M/f\"") == "3")
        }
    }

    @Test("umount with a file still open finishes what was written", arguments: Program.servers)
    func lazyUnmount(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            let writer = try mount.startPython(
                """
                file = os.open(f'{M}/f', os.O_WRONLY | os.O_CREAT); os.write(file, b'kept')
                print('begun'); wait('go'); os.close(file); print('closed')
                """, output: "writer")
            try mount.waitFor("begun", in: "writer")
            try Shell.run("umount -l \"$1\"", [mount.point])
            try mount.release("go")
            #expect(try mount.end(of: writer) == 0)
            #expect(mount.waitForEnd() == 0)
            #expect(mount.server.content("f") == Array("kept".utf8))
        }
    }

    @Test("SIGTERM unmounts cleanly", arguments: Program.servers)
    func terminated(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run("echo x > \"$M/f\"")
            mount.signal(15)
            #expect(mount.waitForEnd() == 0)
            #expect(!mount.isMounted)
            #expect(mount.server.content("f") == Array("x\n".utf8))
        }
    }

    /// Whether some file below cache_dir holds exactly a text that many times.
    private func keeps(_ mount: MountFixture, _ text: String, times: Int) throws -> Bool {
        let script = """
            python3 -c "import sys; sys.stdout.write(sys.argv[1] * int(sys.argv[2]))" "$2" "$3" > wanted
            mkdir -p "$1"; find "$1" -type f -exec cmp -s wanted {} \\; -print
            """
        return try mount.run(script, [mount.cache, text, String(times)]) != ""
    }
}
