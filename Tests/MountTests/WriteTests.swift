import TestSupport
import Testing

/// Writing: what close says is stored is stored.
@Suite struct WriteTests {
    @Test("random writes and truncation in both directions, as on a local disk", arguments: Program.servers)
    func randomWrites(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                #"""
                head -c 1000000 /dev/urandom > local; cp local "$M/remote"
                D=$1
                RANDOM=4711
                same() { cmp local "$M/remote" && cmp local "$D/remote"; }
                for i in $(seq 12); do
                    head -c $((RANDOM % 9000 + 1)) /dev/urandom > piece; at=$((RANDOM * 30))
                    for file in local "$M/remote"; do
                        dd if=piece of="$file" bs=4k seek=$at oflag=seek_bytes conv=notrunc status=none
                    done
                    same
                done
                for size in 500000 1500000 1 0 70000 69999; do
                    for file in local "$M/remote"; do truncate -s $size "$file"; done; same
                done
                for file in local "$M/remote"; do dd if=piece of="$file" bs=1k seek=200 conv=notrunc status=none; done; same
                for file in local "$M/remote"; do printf over > "$file"; done; same
                """#, [mount.server.root])
        }
    }

    @Test("one handle writes, truncates and reads back before close", arguments: Program.servers)
    func oneHandle(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                reference = open(f'{L}/r', 'w+b', buffering=0); file = open(f'{M}/f', 'w+b', buffering=0)
                chance = random.Random(7)
                for step in range(150):
                    place = chance.randrange(0, 400000); data = chance.randbytes(chance.choice([1, 10, 5000, 60000]))
                    if step % 10 == 9:
                        for f in (reference, file): f.truncate(place)
                    else:
                        for f in (reference, file): os.pwrite(f.fileno(), data, place)
                    size = chance.choice([1, 4096, 200000])
                    assert os.pread(file.fileno(), size, place // 2) == os.pread(reference.fileno(), size, place // 2)
                    assert os.fstat(file.fileno()).st_size == os.fstat(reference.fileno()).st_size
                    if step == 70:
                        os.fsync(file.fileno())
                        assert open(sys.argv[1] + '/f', 'rb').read() == open(f'{L}/r', 'rb').read()
                file.close()
                assert open(sys.argv[1] + '/f', 'rb').read() == open(f'{L}/r', 'rb').read()
                """, [mount.server.root])
        }
    }

    @Test("two processes append and no line is lost", arguments: Program.servers)
    func append(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                echo start > "$M/log"
                (for i in $(seq 40); do echo "A $i"; done >> "$M/log") & a=$!
                (for i in $(seq 40); do echo "B $i"; done >> "$M/log") & b=$!
                (for i in $(seq 10); do echo "C $i" >> "$M/log"; done) & c=$!
                wait $a; wait $b; wait $c
                [ "$(wc -l < "$M/log")" = 91 ]; [ "$(head -n 1 "$M/log")" = start ]
                for who in A B; do grep "^$who" "$1/log" | cmp - <(seq -f "$who %g" 40); done
                grep ^C "$1/log" | cmp - <(seq -f "C %g" 10)
                """, [mount.server.root])
        }
    }

    @Test("every way to open a file", arguments: Program.servers)
    func openModes(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                path = f'{M}/f'; disk = sys.argv[1] + '/f'
                def content(): return open(disk, 'rb').read()
                def eventually(condition):
                    for _ in range(3000):
                        if condition(): return
                        time.sleep(0.01)
                    raise AssertionError('never')
                def fails(code, *arguments):
                    try: os.close(os.open(*arguments))
                    except OSError as error: assert error.errno == code, error
                    else: raise AssertionError('opened')
                fails(errno.ENOENT, path, os.O_RDONLY); fails(errno.ENOENT, path, os.O_RDWR)
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644); os.write(fd, b'123456'); os.close(fd)
                assert content() == b'123456'
                fails(errno.EEXIST, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                fd = os.open(path, os.O_RDWR); os.write(fd, b'ab'); assert os.read(fd, 9) == b'3456'; os.close(fd)
                assert content() == b'ab3456'
                fd = os.open(path, os.O_WRONLY | os.O_APPEND); os.write(fd, b'78'); os.close(fd)
                assert content() == b'ab345678'
                fd = os.open(path, os.O_RDWR | os.O_APPEND); assert os.read(fd, 2) == b'ab'; os.write(fd, b'9'); os.close(fd)
                assert content() == b'ab3456789'
                # What was only made or emptied may come to the server with the kernel's release, which nobody waits for.
                fd = os.open(path, os.O_WRONLY | os.O_TRUNC); os.close(fd); eventually(lambda: content() == b'')
                fails(errno.EISDIR, M, os.O_WRONLY); fails(errno.ENOTDIR, path + '/x', os.O_RDONLY)
                fails(errno.ENOTDIR, path, os.O_RDONLY | os.O_DIRECTORY)
                fd = os.open(M + '/empty', os.O_WRONLY | os.O_CREAT); os.close(fd)
                eventually(lambda: os.path.exists(sys.argv[1] + '/empty'))
                assert os.path.getsize(sys.argv[1] + '/empty') == 0
                """, [mount.server.root])
        }
    }

    @Test("writes through a shared mapping", arguments: Program.servers)
    func mappedWrites(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                chance = random.Random(3); data = bytearray(chance.randbytes(700000))
                with open(f'{M}/f', 'wb') as file: file.write(data)
                with open(f'{M}/f', 'r+b') as file, mmap.mmap(file.fileno(), 0) as view:
                    assert view[:] == data
                    for _ in range(50):
                        place = chance.randrange(0, 699000); piece = chance.randbytes(chance.randrange(1, 900))
                        view[place:place + len(piece)] = piece; data[place:place + len(piece)] = piece
                    view.flush()
                    os.fsync(file.fileno())
                assert open(sys.argv[1] + '/f', 'rb').read() == data
                with open(f'{M}/f', 'rb') as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
                    assert view[:] == data
                with open(f'{M}/f', 'r+b') as file, mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE) as view:
                    view[:4] = b'mine'; assert view[:4] == b'mine'
                assert open(f'{M}/f', 'rb').read() == data
                """, [mount.server.root])
        }
    }

    @Test("a handle opened for appending writes at the end only what is appended", arguments: Program.servers)
    func notAppended(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                import fcntl
                disk = sys.argv[1] + '/f'
                with open(f'{M}/f', 'wb') as file: file.write(b'0123456789')
                with open(f'{M}/f', 'a+b') as file, mmap.mmap(file.fileno(), 0) as view:
                    view[0:4] = b'ABCD'; view.flush(); os.fsync(file.fileno())
                assert open(disk, 'rb').read() == b'ABCD456789', open(disk, 'rb').read()[:40]
                fd = os.open(f'{M}/f', os.O_WRONLY | os.O_APPEND)
                fcntl.fcntl(fd, fcntl.F_SETFL, 0); os.pwrite(fd, b'ab', 0)
                fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND); os.write(fd, b'end'); os.close(fd)
                assert open(disk, 'rb').read() == b'abCD456789end', open(disk, 'rb').read()[:40]
                """, [mount.server.root])
        }
    }

    @Test(
        "a file unlinked or replaced while open stays usable through its handle", arguments: Program.servers)
    func unlinkedWhileOpen(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                with open(f'{M}/f', 'wb') as file: file.write(b'x' * 200000)
                fd = os.open(f'{M}/f', os.O_RDWR)
                assert os.read(fd, 3) == b'xxx'
                os.unlink(f'{M}/f')
                assert not os.path.exists(f'{M}/f') and os.listdir(M) == []
                assert os.pread(fd, 200000, 0) == b'x' * 200000
                os.pwrite(fd, b'changed', 100); assert os.pread(fd, 9, 99) == b'xchangedx'
                os.ftruncate(fd, 50); assert os.fstat(fd).st_size == 50
                os.close(fd)
                assert os.listdir(sys.argv[1]) == [], os.listdir(sys.argv[1])

                for name, letter in (('old', b'o'), ('new', b'n')):
                    with open(f'{M}/{name}', 'wb') as file: file.write(letter * 100000)
                fd = os.open(f'{M}/old', os.O_RDONLY); os.read(fd, 1)
                os.rename(f'{M}/new', f'{M}/old')
                assert os.pread(fd, 100000, 0) == b'o' * 100000
                assert open(f'{M}/old', 'rb').read() == b'n' * 100000
                os.close(fd)
                assert os.listdir(sys.argv[1]) == ['old'], os.listdir(sys.argv[1])
                """, [mount.server.root])
        }
    }

    @Test("a handle open across a rename writes to the new name", arguments: Program.servers)
    func renamedWhileOpen(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                os.mkdir(f'{M}/d')
                fd = os.open(f'{M}/d/a', os.O_WRONLY | os.O_CREAT); os.write(fd, b'one')
                os.rename(f'{M}/d/a', f'{M}/d/b'); os.rename(f'{M}/d', f'{M}/e')
                os.write(fd, b'two'); os.close(fd)
                assert open(sys.argv[1] + '/e/b', 'rb').read() == b'onetwo'
                assert os.listdir(sys.argv[1] + '/e') == ['b'] and os.listdir(sys.argv[1]) == ['e']
                """, [mount.server.root])
        }
    }

    @Test("uploads leave nothing but the files themselves", arguments: Program.servers)
    func noDebris(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.run(
                """
                for i in 1 2 3; do head -c 300000 /dev/urandom > "$M/f"; echo $i >> "$M/f"; done
                long=$(printf 'n%.0s' $(seq 255)); echo one > "$M/$long"; echo two > "$M/$long"
                [ "$(ls -A "$1" | wc -l)" = 2 ]; [ "$(cat "$1/$long")" = two ]
                """, [mount.server.root])
        }
    }

    @Test("holes, fallocate, lseek and copy_file_range", arguments: Program.servers)
    func holes(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                fd = os.open(f'{M}/f', os.O_RDWR | os.O_CREAT); os.pwrite(fd, b'end', 500000)
                assert os.pread(fd, 10, 0) == bytes(10) and os.lseek(fd, 0, os.SEEK_END) == 500003
                assert os.lseek(fd, 500000, os.SEEK_DATA) == 500000 and os.lseek(fd, 0, os.SEEK_HOLE) in (0, 500003)
                try: os.posix_fallocate(fd, 0, 600000)
                except OSError as error: assert error.errno in (errno.EOPNOTSUPP, errno.EINVAL), error
                else: assert os.fstat(fd).st_size == 600000
                os.ftruncate(fd, 500003); os.close(fd)
                assert open(sys.argv[1] + '/f', 'rb').read() == bytes(500000) + b'end'
                """, [mount.server.root])
            try mount.run("cp --reflink=auto \"$M/f\" \"$M/g\"; cmp \"$1/f\" \"$1/g\"", [mount.server.root])
        }
    }
}
