import TestSupport
import Testing

/// Many programs on one mount, and two mounts of one server.
@Suite("Many at once") struct ProcessesTests {
    @Test("32 processes with files of their own and of others", arguments: Program.servers)
    func processes(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                Python.together + """
                    COUNT, FILES = 32, 2
                    def make(chance):
                        body = chance.randbytes(chance.choice([0, 100, 5000, 200000]))
                        return hashlib.sha256(body).hexdigest().encode() + body
                    def check(path):
                        with open(path, 'rb') as file: data = file.read()
                        if hashlib.sha256(data[64:]).hexdigest().encode() != data[:64]: sys.exit(f'{path} is broken')
                        return data
                    def work(number):
                        chance, mine = random.Random(number), {}
                        if number % 8 == 0: os.mkdir(f'{M}/d{number}')
                        for file in range(FILES):
                            path = f'{M}/p{number}-{file}'
                            for _ in range(2):
                                mine[path] = make(chance)
                                # Others may look at it at any time: it is to be there whole.
                                with open(path + '.new', 'wb') as new: new.write(mine[path])
                                os.rename(path + '.new', path)
                            other = f'{M}/p{chance.randrange(COUNT)}-{chance.randrange(FILES)}'
                            try: check(other)
                            except FileNotFoundError: pass
                            # Two versions are never mixed: who meets the change has to open the file again.
                            except OSError as error:
                                if error.errno != errno.ESTALE: raise
                        for path, data in mine.items():
                            if check(path) != data: sys.exit(f'{path} is another one')
                    together(COUNT, work)
                    for number in range(COUNT):
                        for file in range(FILES): check(f'{sys.argv[1]}/p{number}-{file}')
                    """, [mount.server.root])
        }
    }

    @Test("what one mount has closed is what another one opens then", arguments: Program.servers)
    func closeToOpen(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            let options = MountOptions("attr_timeout=0", "entry_timeout=0", "negative_timeout=0")
            try withMount(of: server, options) { first in
                try withMount(of: server, options) { second in
                    // The sizes differ: that is how two versions of the same second can be told apart.
                    try first.python(
                        """
                        mounts = [M, sys.argv[1]]
                        # A new file that nobody has written to may come to the server a moment after its close.
                        with open(f'{M}/file', 'wb') as file: file.write(b'first')
                        for number in range(1, 13):
                            writer, reader = mounts[number % 2], mounts[1 - number % 2]
                            data = bytes([64 + number]) * (1000 * number + number)
                            if number % 3 == 0:
                                with open(f'{writer}/file', 'ab') as file: file.write(data)
                                data = before + data
                            else:
                                with open(f'{writer}/file', 'wb') as file: file.write(data)
                            with open(f'{reader}/file', 'rb') as file: found = file.read()
                            if found != data: sys.exit(f'round {number}: {len(found)} bytes, not {len(data)}')
                            before = data
                        """, [second.point])
                }
            }
        }
    }
}
