import TestSupport
import Testing

/// The program is killed with SIGKILL: what programs had written is on the server after the next mount of the source.
@Suite struct KilledTests {
    /// Runs a body with a server and a cache directory that outlives its mounts.
    private func withCache(
        _ kind: ServerKind, _ options: String..., body: (ServerFixture, MountOptions) throws -> Void
    ) throws {
        try withServer(kind) { server in
            let cache = try TemporaryDirectory("cache")
            try body(
                server,
                MountOptions {
                    $0.cache = cache.path
                    $0.options = options
                })
        }
    }

    @Test("killed while the server hangs in the upload", arguments: Program.servers)
    func hanging(_ kind: ServerKind) throws {
        try withCache(kind) { server, options in
            try server.put("old", "old content".utf8)
            let mount = try MountFixture(server, options)
            let writer = try mount.startPython(
                """
                chance = random.Random(3); data = chance.randbytes(3000000)
                for name in ['new', 'old']:
                    file = os.open(f'{M}/{name}', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                    os.write(file, data)
                print(hashlib.sha256(data).hexdigest()); print('written'); wait('go')
                os.close(file)
                """, output: "writer")
            try mount.waitFor("written", in: "writer")
            try server.freeze()
            try mount.release("go")
            #expect(
                waitUntil(within: .seconds(30)) { mount.log.contains("STOR") || mount.log.contains("EPSV") })
            try mount.crash()
            try server.thaw()
            _ = writer
            let digest = mount.output("writer").prefix(64)
            try withMount(of: server, options) { next in
                // What was written shows at once, whether it is on the server already or not.
                #expect(try next.run("cat \"$M/new\" | sha256sum").hasPrefix(digest))
                #expect(try next.run("cat \"$M/old\" | sha256sum").hasPrefix(digest))
                let isStored = try waitUntil(within: .seconds(120)) {
                    try next.run("sha256sum < \"$1/new\"; sha256sum < \"$1/old\"", [server.root])
                        .split(separator: "\n").allSatisfy { $0.hasPrefix(digest) }
                }
                #expect(isStored, "\(next.log.suffix(3000))")
                #expect(next.rescued == [])
            }
        }
    }

    @Test(
        "killed at any moment, each write that returned is stored",
        arguments: Program.servers(except: .pyftpdlib))
    func anyMoment(_ kind: ServerKind) throws {
        try withCache(kind) { server, options in
            for count in [1, 7, 40] {
                let mount = try MountFixture(server, options)
                let writer = try mount.startPython(
                    """
                    chance = random.Random(\(count)); done = open('done', 'wb', buffering=0)
                    file = os.open(f'{M}/f\(count)', os.O_RDWR | os.O_CREAT)
                    for step in range(100000):
                        place = chance.randrange(0, 200) * 1000
                        os.pwrite(file, step.to_bytes(4, 'big') * 250, place)
                        done.write(f'{step} {place}\\n'.encode())
                    """, output: "writer")
                let reached = waitUntil(within: .seconds(60)) {
                    TestFile.text(mount.local + "/done").split(separator: "\n").count >= count
                }
                #expect(reached, "\(mount.output("writer"))")
                try mount.crash()
                _ = try mount.end(of: writer)
                var last: [Int: UInt32] = [:]
                for line in TestFile.text(mount.local + "/done").split(separator: "\n") {
                    let words = line.split(separator: " ").compactMap { Int($0) }
                    last[words[1]] = UInt32(words[0])
                }
                try withMount(of: server, options) { next in
                    let isStored = waitUntil(within: .seconds(60)) { server.content("f\(count)") != nil }
                    #expect(isStored, "\(next.log.suffix(3000))")
                    #expect(waitUntil(within: .seconds(60)) { !next.spools })
                    let bytes = server.content("f\(count)") ?? []
                    // The write that was under way may have come after the last that returned.
                    let wrong = last.count { place, step in
                        let block = bytes.dropFirst(place).prefix(1000)
                        let found = block.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                        return block.count != 1000 || found < step || found > (last.values.max() ?? 0) + 1
                    }
                    #expect(wrong == 0)
                    #expect(next.rescued == [])
                }
            }
        }
    }

    @Test(
        "killed at any moment of uploads, the file is one version whole, or the next as far as it was written",
        arguments: Program.servers(except: .pyftpdlib, .pureftpd))
    func versions(_ kind: ServerKind) throws {
        try withCache(kind) { server, options in
            var first = 1
            for count in [2, 5, 9] {
                let mount = try MountFixture(server, options)
                let writer = try mount.startPython(
                    """
                    done = open('done', 'wb', buffering=0)
                    for version in range(\(first), 250):
                        file = os.open(f'{M}/f', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                        for part in range(4): os.write(file, bytes([version]) * 300000)
                        os.close(file)
                        done.write(f'{version}\\n'.encode())
                    """, output: "writer")
                func stored() -> [Int] {
                    TestFile.text(mount.local + "/done").split(separator: "\n").compactMap { Int($0) }
                }
                let reached = waitUntil(within: .seconds(60)) { stored().count >= count }
                #expect(reached, "\(mount.output("writer"))")
                try mount.crash()
                _ = try mount.end(of: writer)
                let last = stored().last ?? 0
                try withMount(of: server, options) { next in
                    #expect(waitUntil(within: .seconds(60)) { !next.spools }, "\(next.log.suffix(3000))")
                    let bytes = server.content("f") ?? []
                    let version = Int(bytes.first ?? 0)
                    #expect(bytes.allSatisfy { $0 == bytes.first })
                    // Killed between open(2) and the first write, it is empty.
                    #expect(bytes.isEmpty || (bytes.count == 1_200_000 ? version >= last : version > last))
                    // Of a write(2) that did not return, part may be there: the kernel hands it on in pieces.
                    #expect(next.rescued == [])
                }
                first = last + 2
            }
        }
    }

    @Test(
        "what another client has stored meanwhile stays, and the bytes are rescued",
        arguments: Program.servers)
    func conflict(_ kind: ServerKind) throws {
        try withCache(kind) { server, options in
            try server.put("f", "old".utf8)
            let mount = try MountFixture(server, options)
            let writer = try mount.startPython(
                """
                file = os.open(f'{M}/f', os.O_WRONLY); os.write(file, b'mine'); print('written'); wait('go')
                """, output: "writer")
            try mount.waitFor("written", in: "writer")
            try mount.crash()
            _ = writer
            try server.put("f", "theirs, longer".utf8)
            try withMount(of: server, options) { next in
                #expect(
                    waitUntil(within: .seconds(60)) { next.rescued.count == 2 }, "\(next.log.suffix(3000))")
                let file = try #require(next.rescued.first { !$0.hasSuffix(".note.txt") })
                #expect(TestFile.text(file) == "mine")
                #expect(
                    waitUntil(within: .seconds(60)) { TestFile.text(file + ".note.txt").contains("path=/") })
                #expect(server.content("f") == Array("theirs, longer".utf8))
                #expect(
                    try waitUntil(within: .seconds(30)) { try next.run("cat \"$M/f\"") == "theirs, longer" })
            }
        }
    }

    @Test(
        "of two mounts of a source one is killed: the next takes up its files alone",
        arguments: Program.servers(except: .vsftpd, .pureftpd))
    func two(_ kind: ServerKind) throws {
        try withCache(kind) { server, options in
            let script = """
                file = os.open(f'{M}/' + NAME, os.O_WRONLY | os.O_CREAT); os.write(file, NAME.encode())
                print('written'); wait('go'); os.close(file)
                """
            try withMount(of: server, options) { living in
                let killed = try MountFixture(server, options)
                let first = try killed.startPython("NAME = 'killed'\n" + script, output: "writer")
                let second = try living.startPython("NAME = 'living'\n" + script, output: "writer")
                try killed.waitFor("written", in: "writer")
                try living.waitFor("written", in: "writer")
                try killed.crash()
                _ = first
                try withMount(of: server, options) { _ in
                    #expect(
                        waitUntil(within: .seconds(60)) { server.content("killed") == Array("killed".utf8) })
                    #expect(server.content("living") == nil)
                }
                try living.release("go")
                #expect(try living.end(of: second) == 0)
                #expect(server.content("living") == Array("living".utf8))
            }
        }
    }

    @Test(
        "write_back: close returns at once, fsync and the end of the mount upload, a kill loses nothing",
        arguments: Program.servers(except: .pyftpdlib))
    func delayed(_ kind: ServerKind) throws {
        try withCache(kind, "write_back=1h") { server, options in
            let mount = try MountFixture(server, options)
            try mount.run(
                "echo one > \"$M/one\"; echo two > \"$M/two\"; mv \"$M/two\" \"$M/2\"; echo x > \"$M/x\"; rm \"$M/x\""
            )
            #expect(server.content("one") == nil)
            #expect(try mount.run("cat \"$M/one\" \"$M/2\"; ls \"$M\"") == "one\ntwo\n2\none")
            #expect(try mount.run("\"$1\" status \"$M\"", [Program.path]).contains("/one 4 waiting"))
            try mount.run("sync \"$M/one\"")
            #expect(server.content("one") == Array("one\n".utf8))
            try mount.crash()
            try withMount(of: server, options) { next in
                #expect(waitUntil(within: .seconds(60)) { server.content("2") == Array("two\n".utf8) })
                try next.run("echo three > \"$M/three\"")
                #expect(server.content("three") == nil)
            }
            #expect(server.content("three") == Array("three\n".utf8))
            #expect(server.content("x") == nil)
        }
    }

    @Test("write_back: so many seconds after close the file is there", arguments: Program.servers.prefix(1))
    func shortlyAfter(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), MountOptions("write_back=0.2")) { mount in
            try mount.run("echo text > \"$M/f\"")
            #expect(waitUntil(within: .seconds(30)) { mount.server.content("f") == Array("text\n".utf8) })
        }
    }

    @Test(
        "a full spool is ENOSPC, said in the log, and ends with the upload",
        arguments: Program.servers.prefix(1))
    func full(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), MountOptions("spool_size=2m")) { mount in
            let result = try mount.attempt("head -c 3000000 /dev/zero > \"$M/big\"")
            #expect(result.status != 0 && result.errors.contains("No space left"))
            #expect(mount.log.contains("the spool is full"))
            try mount.run("for i in 1 2 3 4; do head -c 1500000 /dev/zero > \"$M/$i\"; done")
            #expect(mount.server.content("4")?.count == 1_500_000)
        }
    }
}

extension MountFixture {
    /// Whether anything is in the spool.
    fileprivate var spools: Bool {
        (try? Shell.run("find \"$1\" -name '*.info' | head -1", [cache])) != ""
    }
}
