import TestSupport

/// Writers and readers on a mount, each a process of its own, whose files carry their checksums.
///
/// What they try and what is acknowledged goes into a journal beside the mount. In the end every file on the server has the content that was
/// acknowledged last, or one that was tried since without an acknowledgement; and whatever was read was whole.
struct Load {
    private let mount: MountFixture
    private let process: ChildProcess

    /// Puts files to read on the server, whose listing is not to be cached yet, and begins.
    init(on mount: MountFixture, writers: Int = 4, readers: Int = 2, seed: UInt64 = 1) throws {
        self.mount = mount
        try Shell.run(
            "python3 -c \"$1\" \"$2\"", [Self.files + Self.preparation, mount.server.root])
        try mount.dropCaches()
        let program = "WRITERS, READERS, SEED = \(writers), \(readers), \(seed)\n" + Self.files + Self.work
        process = try mount.startPython(program, output: "load")
    }

    /// Waits until so many more operations were acknowledged.
    func progress(_ count: Int) throws {
        let goal = acknowledged + count
        guard waitUntil(within: .seconds(180), { acknowledged >= goal || process.status != nil }),
            process.status == nil
        else { throw SupportFailure("the load does not get on: \(mount.output("load"))") }
    }

    private var acknowledged: Int {
        TestFile.text("\(mount.local)/journal").split(separator: "\n").count { $0.hasPrefix("ok ") }
    }

    /// Ends it and compares; returns operations, those that failed, what is wrong, and the longest wait in seconds.
    func finish() throws -> (operations: Int, failures: Int, losses: [String], longest: Double) {
        try mount.release("stop")
        let status = try mount.end(of: process, within: .seconds(180))
        let report = try mount.python(Self.files + Self.verdict, [mount.server.root])
        let lines = report.split(separator: "\n").map(String.init)
        let figures = (lines.first ?? "").split(separator: " ")
        guard status == 0, figures.count == 3, let operations = Int(figures[0]),
            let failures = Int(figures[1]),
            let longest = Double(figures[2])
        else { throw SupportFailure("the load ended with \(status): \(mount.output("load")) \(report)") }
        return (operations, failures, Array(lines.dropFirst()), longest)
    }

    private static let files = """
        import hashlib, os, random, sys, time
        def make(chance):
            body = chance.randbytes(chance.choice([10, 3000, 70000, 900000]))
            return hashlib.sha256(body).hexdigest().encode() + body
        def digest(data):
            text = data[:64].decode('ascii', 'replace')
            return text if hashlib.sha256(data[64:]).hexdigest() == text else 'broken'

        """

    private static let preparation = """
        for number in range(12):
            path = f'{sys.argv[1]}/r{number}'
            with open(path, 'wb') as file: file.write(make(random.Random(1000 + number)))
            os.chown(path, 65534, 65534)

        """

    private static let work = """
        journal = os.open(f'{L}/journal', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        def note(*words): os.write(journal, (' '.join(map(str, words)) + '\\n').encode())
        def timed(action, *words):
            start = time.monotonic()
            try:
                action()
                outcome = 'ok'
            except OSError as error: outcome = errno.errorcode.get(error.errno)
            note(outcome, *words, round(time.monotonic() - start, 1))
        def save(name, data):
            with open(f'{M}/{name}', 'wb', buffering=0) as file:
                rest = memoryview(data)
                while rest: rest = rest[file.write(rest):]
        def save_by_rename(name, data):
            save(name + '.new', data)
            os.rename(f'{M}/{name}.new', f'{M}/{name}')
        def writer(number):
            chance = random.Random(SEED * 100 + number)
            while not os.path.exists(f'{L}/stop'):
                name = f'w{number}-{chance.randrange(6)}'
                data = make(chance)
                note('try', name, digest(data))
                action = chance.choice([save, save_by_rename])
                timed(lambda: action(name, data), 'write', name, digest(data))
        def reader(number):
            chance = random.Random(SEED * 100 + 50 + number)
            def read():
                name = f'r{chance.randrange(12)}'
                with open(f'{M}/{name}', 'rb') as file: data = file.read()
                if digest(data) == 'broken': note('bad', 'read', name, len(data))
            while not os.path.exists(f'{L}/stop'): timed(read, 'read', 'r', '-')
        children = []
        for number in range(WRITERS + READERS):
            child = os.fork()
            if child == 0:
                try: writer(number) if number < WRITERS else reader(number)
                except BaseException as error: note('bad', 'process', number, repr(error).replace(' ', '_'))
                os._exit(0)
            children.append(child)
        for child in children: os.waitpid(child, 0)

        """

    private static let verdict = """
        allowed, bad, longest, operations, failures = {}, [], 0, 0, 0
        errors = {'EIO', 'ETIMEDOUT', 'EBUSY'}
        for line in open(f'{L}/journal'):
            word, *rest = line.split()
            if word == 'try': allowed.setdefault(rest[0], {None}).add(rest[1]); continue
            if word == 'bad': bad.append(line.strip()); continue
            operations += 1
            longest = max(longest, float(rest[-1]))
            if word == 'ok' and rest[0] == 'write': allowed[rest[1]] = {rest[2]}
            if word != 'ok':
                failures += 1
                if word not in errors: bad.append(line.strip())
        for name, digests in allowed.items():
            try:
                with open(f'{sys.argv[1]}/{name}', 'rb') as file: found = digest(file.read())
            except FileNotFoundError: found = None
            if found not in digests: bad.append(f'{name} is {found}, not one of {digests}')
        print(operations, failures, longest)
        for line in bad: print(line)

        """
}
