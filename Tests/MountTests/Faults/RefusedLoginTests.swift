import Glibc
import TestSupport
import Testing

/// The password is changed on the server while a mount stands.
@Suite("A log-in that is refused from now on") struct RefusedLoginTests {
    @Test(
        "after a change of the password the log-in is tried once, whoever asks, and the mount is back with the old one",
        arguments: Program.servers(except: .pyftpdlib))
    func changed(_ kind: ServerKind) throws {
        // Pure-FTPd takes some seconds to refuse.
        try withServer(kind) { server in
            for name in ["known", "unseen", "work"] { try server.makeDirectory(name) }
            try server.put("known/file", "kept".utf8)
            try server.put("work/file", "kept".utf8)
            try withMount(
                of: server,
                MountOptions("dcache_timeout=3600", "timeout=20", "no_lookahead")
            ) { try check($0) }
        }
    }

    private func check(_ mount: MountFixture) throws {
        func count(_ text: String) -> Int { mount.log.split(separator: "\n").count { $0.contains(text) } }
        let attempts = { count("> PASS") }
        try mount.run("ls -l \"$M\" \"$M/known\"")
        let writer = try mount.startPython(
            """
            file = os.open(f'{M}/work/file', os.O_WRONLY | os.O_TRUNC); os.write(file, b'new bytes')
            print('begun'); wait('go')
            try: os.close(file)
            except OSError as error: print(errno.errorcode[error.errno])
            """, output: "writer")
        try mount.waitFor("begun", in: "writer")
        try mount.server.changePassword(to: "another")
        // Ends all connections.
        try mount.server.restart()
        let before = attempts()
        #expect(try Self.outcomes(mount, "unseen") == ["EACCES"])
        try mount.release("go")
        #expect(try mount.end(of: writer) == 0 && mount.output("writer").contains("EACCES"))
        #expect(attempts() == before + 1)
        // What is known is told still, and what was written is kept.
        #expect(try mount.run("ls -l \"$M/known\" | grep -c file") == "1")
        #expect(waitUntil(within: .seconds(60)) { !mount.rescued.isEmpty })
        #expect(mount.server.content("work/file") == Array("kept".utf8))
        #expect(attempts() == before + 1)
        // The user asks for it.
        mount.signal(SIGHUP)
        #expect(waitUntil(within: .seconds(60)) { count("< 530") == 2 })
        #expect(try Self.outcomes(mount, "unseen") == ["EACCES"])
        #expect(attempts() == before + 2)
        try mount.server.changePassword(to: mount.server.password)
        mount.signal(SIGHUP)
        #expect(
            try waitUntil(within: .seconds(60)) { try mount.attempt("ls \"$M/unseen\"").status == 0 })
        #expect(try mount.run("cat \"$M/known/file\"; echo more > \"$M/known/more\"") == "kept")
    }

    /// What 32 programs at once are told of names in a directory that was not looked into.
    private static func outcomes(_ mount: MountFixture, _ directory: String) throws -> Set<String> {
        let report = try mount.python(
            """
            children = []
            for number in range(32):
                child = os.fork()
                if child == 0:
                    try: os.stat(f'{M}/{sys.argv[1]}/{number}'); code = 0
                    except OSError as error: code = error.errno
                    os._exit(code)
                children.append(child)
            codes = {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}
            print(*[errno.errorcode.get(code, code) for code in codes])
            """, [directory])
        return Set(report.split(separator: " ").map(String.init))
    }
}
