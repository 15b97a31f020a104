import TestSupport
import Testing

/// The system grants the program little (getrlimit(2)).
@Suite("Few descriptors, little memory", .enabled(if: Program.canMount && !Program.isSanitized))
struct ResourceLimitTests {
    private static func limited(_ limit: String, _ options: String...) -> MountOptions {
        MountOptions {
            $0.launcher = ["prlimit", limit]
            $0.options = options
        }
    }

    /// 48 programs at once, each of which writes a file, reads it, and prints what went wrong.
    private static let crowd = """
        def work(number):
            data = random.Random(number).randbytes(300000)
            with open(f'{M}/c{number}', 'wb') as file: file.write(data)
            with open(f'{M}/c{number}', 'rb') as file: return file.read() == data
        children = []
        for number in range(48):
            child = os.fork()
            if child == 0:
                try: os._exit(0 if work(number) else 255)
                except OSError as error: os._exit(error.errno)
            children.append(child)
        codes = {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children} - {0}
        print(*[errno.errorcode.get(code, code) for code in codes])

        """

    @Test(
        "with 64 descriptors files beyond what can be kept open fail with ENFILE, and nothing else does",
        arguments: Program.servers)
    func fewDescriptors(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), Self.limited("--nofile=64:64")) { mount in
            let report = try mount.python(
                """
                with open(f'{M}/before', 'wb') as file: file.write(b'before')
                stored, refused = [], set()
                files = {number: os.open(f'{M}/f{number}', os.O_RDWR | os.O_CREAT) for number in range(60)}
                for number, file in files.items():
                    try:
                        os.write(file, b'%d' % number * 1000)
                        stored.append(number)
                    except OSError as error: refused.add(errno.errorcode[error.errno])
                # The connections have what they need meanwhile.
                with open(f'{M}/before', 'rb') as file: assert file.read() == b'before'
                os.mkdir(f'{M}/made')
                for file in files.values(): os.close(file)
                for number in stored:
                    with open(f'{sys.argv[1]}/f{number}', 'rb') as file: found = file.read()
                    if found != b'%d' % number * 1000: sys.exit(f'{number} has {len(found)} bytes')
                print(len(stored) >= 4, *refused)
                """, [mount.server.root])
            #expect(report == "True ENFILE")
            #expect(mount.log.contains("ulimit -n"))
            // Once they are closed all is as before, and readers need none of it.
            let afterwards = try mount.python(
                """
                for number in range(20):
                    with open(f'{M}/again{number}', 'wb') as file: file.write(b'again')
                files = [open(f'{M}/f0', 'rb') for _ in range(60)]
                assert len({file.read() for file in files}) == 1
                """)
            #expect(afterwards == "")
            let crowd = try mount.python(Self.crowd)
            #expect(["", "ENFILE"].contains(crowd), "\(crowd)")
            #expect(try mount.run("echo x > \"$M/f0\"; cat \"$M/f0\"") == "x")
        }
    }

    @Test("a small address space is enough for a crowd", arguments: Program.servers)
    func littleMemory(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), Self.limited("--as=402653184")) { mount in
            #expect(try mount.python(Self.crowd) == "")
            try mount.run(
                """
                head -c 60000000 /dev/urandom > large; cp large "$M/large"; cmp large "$M/large"; cmp large "$1/large"
                """, [mount.server.root])
        }
    }

    @Test("limits below what a mount needs are named before anything else happens")
    func tooLow() throws {
        try withServer(.proftpd) { server in
            func message(_ limit: String, _ options: String...) -> String {
                let options = MountOptions {
                    $0.launcher = ["prlimit", limit]
                    $0.options = options
                }
                do {
                    _ = try MountFixture(server, options)
                    return "mounted"
                } catch {
                    let failure = error as? MountFailure
                    #expect(failure?.status == 2, "\(error)")
                    return failure?.log ?? "\(error)"
                }
            }
            #expect(message("--nofile=40:40").contains("no more than 40 files may be open (ulimit -n)"))
            #expect(message("--nofile=40:40", "max_conns=1") == "mounted")
            #expect(message("--as=200000000").contains("of memory may be used (ulimit -v)"))
            // Nobody has logged in but the mount that came about.
            #expect(server.log.split(separator: "\n").count { $0.contains("PASS") } <= 1)
        }
    }
}
