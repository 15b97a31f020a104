import TestSupport
import Testing

/// More programs wait for the server than there used to be threads.
@Suite("Many programs that wait") struct ManyWaitingTests {
    /// Starts 100 processes that each look for a name nobody has asked for, and says "waiting" once all of them sleep in the kernel.
    private static let crowd = """
        COUNT, read, write = 100, *os.pipe()
        children = []
        for number in range(COUNT):
            child = os.fork()
            if child == 0:
                os.write(write, b'.')
                try: os.stat(f'{M}/{number % 10}/f{number}')
                except OSError as error: os._exit(error.errno)
                os._exit(0)
            children.append(child)
        begun = 0
        while begun < COUNT: begun += len(os.read(read, COUNT))
        def sleeps(child):
            with open(f'/proc/{child}/stat') as file: return file.read().rsplit(') ', 1)[1][0] in 'SD'
        while not all(map(sleeps, children)): time.sleep(0.01)
        print('waiting')
        print(*{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}, 'done')
        """

    // One kind will do: what it shows has nothing to do with the server, of which vsftpd may not go on with a transfer when thawed.
    @Test("S213: what is known is answered while 100 programs wait for a server that says nothing")
    func known() throws {
        let options = MountOptions("timeout=120", "dcache_timeout=3600", "attr_timeout=0", "entry_timeout=0")
        try withMount(.proftpd, ServerOptions(), options) { mount in
            for number in 0..<10 { try mount.server.makeDirectory("\(number)") }
            for number in 0..<100 { try mount.server.put("\(number % 10)/f\(number)", [1]) }
            try mount.server.makeDirectory("known")
            try mount.server.put("known/file", [1])
            try mount.dropCaches()
            try mount.run("ls \"$M\" \"$M/known\"")
            try mount.server.freeze()
            defer { try? mount.server.thaw() }
            let crowd = try mount.startPython(Self.crowd, output: "crowd")
            try mount.waitFor("waiting", in: "crowd")
            let answers = try mount.run(
                "df \"$M\" > /dev/null; stat -c %F \"$M\"; ls \"$M/known\"", timeout: .seconds(60))
            #expect(answers == "directory\nfile")
            #expect(!mount.output("crowd").contains("done"))
            try mount.server.thaw()
            #expect(try mount.end(of: crowd) == 0)
            #expect(mount.output("crowd").contains("0 done"), "\(mount.output("crowd"))")
        }
    }
}
