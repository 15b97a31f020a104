import TestSupport

/// Random operations on a mount, and the same on a local directory that it is compared with.
///
/// An operation that fails for the network's sake leaves it open whether it was carried out: names that it concerns are left alone until
/// `settle` sees which it was.
struct RandomOperations {
    private let operation: MountOperator

    /// Begins in an empty directory of the mount.
    init(_ bench: FaultBench, seed: UInt64) throws {
        operation = bench.operation
        guard let directory = bench.nextDirectory() else { throw SupportFailure("no directory is left") }
        try operation.perform("begin", directory, bench.server.root, String(seed))
    }

    /// One operation; returns what is wrong with it, nil when nothing is.
    func step() throws -> String? { try complaint("step") }

    /// Waits until the mount shows what the server has, decides what was left open, and compares all; no fault is to happen meanwhile.
    func settle() throws -> String? { try complaint("settle") }

    /// Operations so far, those that failed, and the longest that one took in seconds.
    func figures() throws -> (operations: Int, failures: Int, longest: Double) {
        let words = try operation.attempt(["figures"]).split(separator: " ")
        guard words.count == 4, let operations = Int(words[1]), let failures = Int(words[2]),
            let longest = Double(words[3])
        else { throw SupportFailure("no figures: \(words)") }
        return (operations, failures, longest)
    }

    private func complaint(_ order: String) throws -> String? {
        let answer = try operation.attempt([order])
        return answer == "ok" ? nil : answer
    }

    /// For the operator.
    static let functions = #"""
        import shutil
        network = {errno.EIO, errno.ETIMEDOUT, errno.EBUSY}
        class Model: operations, failures, longest, doubts, trail, backups = 0, 0, 0.0, [], [], 0
        def begin(directory, root, seed):
            Model.chance = random.Random(int(seed))
            Model.mount, Model.disk, Model.local = f'{M}/{directory}', f'{root}/{directory}', f'{L}/{directory}'
            os.mkdir(Model.local)
            # Large enough for changes in place.
            for base in (Model.disk, Model.local):
                with open(f'{base}/big', 'wb') as file: file.write(random.Random(7).randbytes(1300000))
            os.chown(f'{Model.disk}/big', 65534, 65534)
            Model.doubts, Model.trail = [], []
        def is_partly_appended(paths, outcomes):
            """Whether a file is what it was, and behind that the beginning of what was to be added to it."""
            if len(paths) != 1: return False
            def content(base):
                full = base + paths[0]
                if not os.path.isfile(full): return None
                with open(full, 'rb') as file: return file.read()
            before, after, found = content(outcomes[0][1]), content(outcomes[-1][1]), content(Model.disk)
            return None not in (before, after, found) and found.startswith(before) and after.startswith(found)
        def walk(base, part=''):
            seen = {}
            full = base + part
            if not os.path.lexists(full): return seen
            if not os.path.isdir(full):
                with open(full, 'rb') as file: data = file.read()
                return {part: (len(data), hashlib.sha256(data).hexdigest()[:12])}
            if part: seen[part] = 'directory'
            for name in os.listdir(full):
                if not name.endswith('.part'): seen.update(walk(base, f'{part}/{name}'))
            return seen
        def parts(base, paths): return {key: value for path in paths for key, value in walk(base, path).items()}
        def keep(paths):
            """What the local directory has under some names, and a copy of it."""
            Model.backups += 1
            copy = f'{L}/backup{Model.backups}'
            transfer(Model.local, copy, paths)
            os.makedirs(copy, exist_ok=True)
            return parts(Model.local, paths), copy
        def transfer(source, target, paths):
            for path in paths:
                if os.path.isdir(target + path): shutil.rmtree(target + path)
                elif os.path.lexists(target + path): os.unlink(target + path)
                if not os.path.lexists(source + path): continue
                os.makedirs(os.path.dirname(target + path), exist_ok=True)
                if os.path.isdir(source + path): shutil.copytree(source + path, target + path)
                else: shutil.copy(source + path, target + path)
        def is_doubtful(path):
            return any((path + '/').startswith(other + '/') or (other + '/').startswith(path + '/')
                       for paths, _ in Model.doubts for other in paths)
        def write(full, flags, data, offset=None, sync=False):
            file = os.open(full, os.O_WRONLY | flags, 0o644)
            try:
                if offset is not None: os.lseek(file, offset, 0)
                rest = data
                while rest: rest = rest[os.write(file, rest):]
                if sync: os.fsync(file)
            finally: os.close(file)
        def read(full):
            with open(full, 'rb') as file: return hashlib.sha256(file.read()).hexdigest()
        def cut(full, size):
            os.truncate(full, size)
        def twice(full, first, second):
            """The first part is acknowledged by fsync, the second by close."""
            file = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                os.write(file, first)
                os.fsync(file)
                os.write(file, second)
            finally: os.close(file)
        def choose():
            """A name for the operation, the names it concerns, and the steps of which each one may have been the last; and whether it changes anything."""
            chance = Model.chance
            names = [f'/{a}' for a in 'abcde'] + [f'/{a}/{b}' for a in 'abc' for b in 'xyz']
            there = [path for path in walk(Model.local) if path != '/big'] or names
            pick = lambda: chance.choice(there if chance.random() < 0.7 else names)
            data = chance.randbytes(chance.choice([0, 1, 500, 4096, 12000]))
            path, other = pick(), pick()
            kind = chance.choice(['save', 'save', 'save', 'sync', 'twice', 'append', 'append', 'change', 'cut', 'rename', 'rename',
                                  'unlink', 'mkdir', 'mkdir', 'rmdir', 'read', 'read', 'stat', 'list', 'big', 'large'])
            if kind == 'save': return kind, [path], [lambda base: write(base + path, os.O_CREAT | os.O_TRUNC, data)]
            if kind == 'sync': return kind, [path], [lambda base: write(base + path, os.O_CREAT | os.O_TRUNC, data, sync=True)]
            if kind == 'large':
                more = chance.randbytes(150000)
                return kind, [path], [lambda base: write(base + path, os.O_CREAT | os.O_TRUNC, more)]
            if kind == 'twice':
                return kind, [path], [lambda base: write(base + path, os.O_CREAT | os.O_TRUNC, data),
                                      lambda base: twice(base + path, data, b'second')]
            if kind == 'append': return kind, [path], [lambda base: write(base + path, os.O_APPEND, data)]
            if kind == 'change':
                offset = chance.randrange(20000)
                return kind, [path], [lambda base: write(base + path, 0, data, offset=offset)]
            if kind == 'big':
                offset = chance.randrange(1, 1200000)
                return kind, ['/big'], [lambda base: write(base + '/big', 0, data, offset=offset)]
            if kind == 'cut':
                size = chance.choice([0, 10, 5000, 30000])
                return kind, [path], [lambda base: cut(base + path, size)]
            if kind == 'rename': return kind, [path, other], [lambda base: os.rename(base + path, base + other)]
            if kind == 'unlink': return kind, [path], [lambda base: os.unlink(base + path)]
            if kind == 'mkdir': return kind, [path], [lambda base: os.mkdir(base + path)]
            if kind == 'rmdir': return kind, [path], [lambda base: os.rmdir(base + path)]
            if kind == 'read': return kind, [path], [lambda base: read(base + path)]
            if kind == 'stat': return kind, [path], [lambda base: os.path.isdir(base + path) or os.stat(base + path).st_size]
            return kind, [path], [lambda base: sorted(os.listdir(base + path))]
        def tried(action, base):
            try: return None, action(base)
            except OSError as error: return error.errno, None
        def step():
            for _ in range(20):
                kind, paths, actions = choose()
                if not any(map(is_doubtful, paths)): break
            else: return
            Model.operations += 1
            begun = time.monotonic()
            failure, value = tried(actions[-1], Model.mount)
            Model.longest = max(Model.longest, time.monotonic() - begun)
            Model.trail = Model.trail[-15:] + [f'{kind} {paths}: {errno.errorcode.get(failure, "ok")}']
            if failure in network:
                Model.failures += 1
                if kind in ('read', 'stat', 'list'): return
                outcomes, before = [], keep(paths)
                for action in actions:
                    tried(action, Model.local)
                    outcomes.append(keep(paths))
                Model.doubts.append((paths, [before] + outcomes))
                return
            expected, wanted = tried(actions[-1], Model.local)
            code = lambda number: errno.errorcode.get(number, 'ok')
            # Where two errors apply to a rename, either may be told.
            if failure != expected and not (kind == 'rename' and failure and expected):
                raise ValueError(f'{code(failure)} instead of {code(expected)}: {Model.trail}')
            if value != wanted: raise ValueError(f'{value} instead of {wanted}: {Model.trail}')
        def settle():
            limit = time.monotonic() + 50
            while True:
                try:
                    shown, stored = walk(Model.mount), walk(Model.disk)
                    if shown == stored: break
                    reason = f'shown {set(shown.items()) - set(stored.items())}, stored {set(stored.items()) - set(shown.items())}'
                except OSError as error: reason = repr(error)
                if time.monotonic() > limit: raise ValueError(f'{reason}: {Model.trail}')
                time.sleep(0.05)
            wrong = []
            for paths, outcomes in Model.doubts:
                found = parts(Model.disk, paths)
                for seen, copy in outcomes:
                    if seen == found:
                        transfer(copy, Model.local, paths)
                        break
                else:
                    if not is_partly_appended(paths, outcomes):
                        wrong.append(f'{found}, not one of {[seen for seen, _ in outcomes]}')
                    transfer(Model.disk, Model.local, paths)
                for _, copy in outcomes: shutil.rmtree(copy, ignore_errors=True)
            Model.doubts = []
            kept = walk(Model.local)
            if kept != stored:
                wrong.append(f'wanted {set(kept.items()) - set(stored.items())}, stored {set(stored.items()) - set(kept.items())}')
            if wrong: raise ValueError(f'{wrong}: {Model.trail}')
        def figures(): return f'{Model.operations} {Model.failures} {Model.longest:.1f}'
        """#
}
