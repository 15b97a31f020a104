import TestSupport
import Testing

extension MountFixture {
    /// Runs a Python program that must succeed, with the mount point in `M` and a local directory in `L`.
    @discardableResult
    func python(_ program: String, _ arguments: [String] = [], timeout: Duration = .seconds(600)) throws
        -> String
    {
        let prologue =
            "import errno, hashlib, mmap, os, random, sys, time\nM = os.environ['M']; L = os.environ['L']\n"
        return try run(
            "python3 -c \"$1\" \"${@:2}\"", [prologue + program] + arguments,
            timeout: timeout)
    }

    /// Starts a Python program in the background; its output goes to `local`/NAME.
    func startPython(_ program: String, output name: String) throws -> ChildProcess {
        let prologue =
            "import errno, hashlib, mmap, os, random, sys, time\nM = os.environ['M']; L = os.environ['L']\n"
        try TestFile.write("\(local)/\(name).py", (prologue + Python.wait + program).utf8)
        return try start("exec python3 -u \(name).py", output: name)
    }

    /// What a background program has printed so far.
    func output(_ name: String) -> String { TestFile.text("\(local)/\(name)") }

    /// Waits until a background program has printed a text; throws when it does not in time.
    func waitFor(_ text: String, in name: String) throws {
        guard waitUntil(within: .seconds(120), { output(name).contains(text) }) else {
            throw SupportFailure("\(name) did not print \(text) but: \(output(name))")
        }
    }

    /// Lets a background program pass `wait(name)`.
    func release(_ name: String) throws { try TestFile.write("\(local)/\(name)", []) }

    /// Waits for a background program's end and returns its status.
    func end(of process: ChildProcess, within timeout: Duration = .seconds(600)) throws -> CInt {
        guard let status = process.wait(for: timeout) else {
            process.signal(9)
            throw SupportFailure("a background program did not end within \(timeout)")
        }
        return status
    }
}

/// Python programs that several tests use.
enum Python {
    /// `wait(name)`: blocks until the test calls `release(name)`.
    static let wait = """
        def wait(name):
            limit = time.monotonic() + 240
            while not os.path.exists(f'{L}/{name}'):
                if time.monotonic() > limit: sys.exit('nobody released ' + name)
                time.sleep(0.01)

        """

    /// `together(count, work)`: runs `work(number)` in so many processes at once, all of which have to succeed.
    static let together = """
        def together(count, work):
            children = {}
            for number in range(count):
                child = os.fork()
                if child == 0:
                    try: work(number)
                    except BaseException as error:
                        print(number, repr(error), file=sys.stderr, flush=True)
                        os._exit(1)
                    os._exit(0)
                children[child] = number
            failed = [children[child] for child in children if os.waitpid(child, 0)[1]]
            if failed: sys.exit(f'failed: {failed}')

        """

    /// Fills the directory argv[1] with 1,000 files in odd places with odd names: everything but "/" and what FTP or a
    /// single server cannot carry, which have tests of their own: argv[2] is the server's kind, and Pure-FTPd has no names that
    /// end in a space.
    static let tree = #"""
        top = os.fsencode(sys.argv[1])
        chance = random.Random(4711)
        odd = [' lead', 'trail ', ' ', '   ', '-dash', '--help', "it's", 'say "hi"', 'a[b]c', 'star*', 'what?',
               '{x,y}', '$HOME', '`id`', 'a;b', 'a&b', 'a|b', 'a<b>c', '100%', '%41', '#hash', '~tilde', '!bang',
               'a -> b', 'total 5', '\u00e9 nfc', 'e\u0301 nfd', '\u65e5\u672c\u8a9e', '\U0001fa81', '...', '.hidden',
               'drwxr-xr-x 1 a b 5 Jan 1 00:00 fake', 'type=dir;size=5; x', '226 done', '@', '+', '=', ',', ';', ':',
               'x' * 255, '\u00e9' * 127 + 'y', 'two  spaces', 'CON', '(brackets)', 'caf\u00e9', 'cafe\u0301', '^', '_']
        if sys.argv[2] == 'pureftpd': odd = [name.rstrip(' ') or '%d' % index for index, name in enumerate(odd)]
        odd = [name.encode() for name in odd]
        folders = [top] + [os.path.join(top, name) for name in odd[:20]]
        folders += [os.path.join(folders[i], odd[30 - i] + b' dir') for i in range(1, 10)]
        for folder in folders: os.mkdir(folder)
        for number in range(1000):
            folder = folders[number % len(folders)]
            name = odd[20 + (number // len(folders))] if number // len(folders) < 28 else b'file %d' % number
            path = os.path.join(folder, name)
            size = chance.choice([0, 1, 100, 1000, 4096, 5000, 20000])
            with open(path, 'xb') as file: file.write(chance.randbytes(size))
            os.utime(path, (1600000000 + number, 1500000000 + number * 977))
            os.chmod(path, 0o755 if number % 7 == 0 else 0o644)
        """#
}

/// Whether two trees hold the same names, bytes and, for files, modification times to the second.
let compareTrees = """
    diff -r --no-dereference "$1" "$2"
    (cd "$1" && find . -type f -printf '%T@ %p\\0' | sed -z 's/[.][0-9]* / /' | sort -z) > times.1
    (cd "$2" && find . -type f -printf '%T@ %p\\0' | sed -z 's/[.][0-9]* / /' | sort -z) > times.2
    cmp times.1 times.2
    """
