import TestSupport
import Testing

/// What programs of one mount see of each other, and what the server has of it at which moment (man/ftpsfs-semantics.7).
@Suite(.enabled(if: Program.canMount)) struct OwnChangeTests {
    @Test("S23, S307, S308, S309: programs of one mount see each other's changes at once")
    func atOnce() throws {
        try withMount(Semantics.server) { mount in
            try Semantics.run(
                mount,
                """
                # S307: bytes and size before anything is on the server.
                a = os.open(f'{M}/f', os.O_WRONLY | os.O_CREAT); os.write(a, b'not stored yet')
                assert get(f'{M}/f') == b'not stored yet' and os.stat(f'{M}/f').st_size == 14
                assert os.listdir(M) == ['f'] and get(f'{M}/f') == b'not stored yet'
                assert not os.path.exists(D + '/f')
                os.close(a)
                assert get(D + '/f') == b'not stored yet'

                # S308: in turns.
                os.unlink(f'{M}/f'); assert os.listdir(M) == []
                a, b = (os.open(f'{M}/f', os.O_WRONLY | os.O_APPEND | os.O_CREAT) for _ in range(2))
                for step in range(20): os.write(a, b'a%d ' % step); os.write(b, b'b%d ' % step)
                os.close(a); os.close(b)
                assert get(D + '/f') == b''.join(b'a%d b%d ' % (step, step) for step in range(20))

                # S309: a name that stands for another file.
                put(f'{M}/f', b'o' * 300000)
                with open(f'{M}/f', 'rb', buffering=0) as file:
                    data = file.read(10)
                    os.unlink(f'{M}/f'); put(f'{M}/f', b'n' * 200000)
                    while part := file.read(50000): data += part
                    assert data == b'o' * 300000 and get(f'{M}/f') == b'n' * 200000

                # S23: names, times, directories.
                os.mkdir(f'{M}/d'); os.rename(f'{M}/f', f'{M}/d/g')
                assert os.listdir(M) == ['d'] and os.listdir(f'{M}/d') == ['g'] and not os.path.exists(f'{M}/f')
                os.utime(f'{M}/d/g', (1600000000, 1600000000)); assert os.stat(f'{M}/d/g').st_mtime == 1600000000
                os.truncate(f'{M}/d/g', 5); assert os.stat(f'{M}/d/g').st_size == 5 and get(f'{M}/d/g') == b'nnnnn'
                """)
        }
    }

    @Test("S1, S52: at the return of each call the server has it", arguments: Program.servers)
    func atReturn(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try Semantics.run(
                mount,
                """
                chance = random.Random(11)
                for size in (1, 5000, 1 << 20, 3000000):
                    data = bytearray(chance.randbytes(size)); name = f'f{size}'
                    put(f'{M}/{name}', data); assert get(f'{D}/{name}') == data, size
                    fd = os.open(f'{M}/{name}', os.O_RDWR)
                    os.pwrite(fd, b'end', size); os.fsync(fd); data += b'end'; assert get(f'{D}/{name}') == data, size
                    os.pwrite(fd, b'M', size // 2); os.fsync(fd); data[size // 2] = 77
                    assert get(f'{D}/{name}') == data, size
                    os.ftruncate(fd, size // 3); os.close(fd); assert get(f'{D}/{name}') == data[:size // 3], size
                    os.truncate(f'{M}/{name}', size); data[size // 3:] = bytes(size - size // 3)
                    assert get(f'{D}/{name}') == data, size
                os.mkdir(f'{M}/d'); assert os.path.isdir(D + '/d')
                os.rename(f'{M}/f1', f'{M}/d/g'); assert os.listdir(D + '/d') == ['g'] and not os.path.exists(D + '/f1')
                os.chmod(f'{M}/d/g', 0o600); assert os.stat(D + '/d/g').st_mode & 0o777 == 0o600
                os.unlink(f'{M}/d/g'); assert os.listdir(D + '/d') == []
                os.rmdir(f'{M}/d'); assert not os.path.exists(D + '/d')
                """)
        }
    }

    @Test("S44: what was closed or synchronised is on the server when the program is killed right after")
    func killedAfter() throws {
        try withServer(Semantics.server) { server in
            let mount = try MountFixture(server)
            let writer = try mount.startPython(
                """
                with open(f'{M}/closed', 'wb') as file: file.write(b'c' * 2000000)
                fd = os.open(f'{M}/synchronised', os.O_WRONLY | os.O_CREAT); os.write(fd, b's' * 2000000); os.fsync(fd)
                print('done'); wait('never')
                """, output: "writer")
            try mount.waitFor("done", in: "writer")
            try mount.crash()
            writer.signal(9)
            #expect(server.content("closed") == [UInt8](repeating: UInt8(ascii: "c"), count: 2_000_000))
            #expect(server.content("synchronised") == [UInt8](repeating: UInt8(ascii: "s"), count: 2_000_000))
        }
    }

    @Test("S311: what was written when the program was killed shows at the next mount, and is stored")
    func killedBefore() throws {
        try withServer(Semantics.server) { server in
            let cache = try TemporaryDirectory("cache")
            let options = MountOptions { $0.cache = cache.path }
            let mount = try MountFixture(server, options)
            let writer = try mount.startPython(
                """
                fd = os.open(f'{M}/f', os.O_WRONLY | os.O_CREAT); os.write(fd, b'w' * 300000)
                print('written'); wait('never')
                """, output: "writer")
            try mount.waitFor("written", in: "writer")
            try mount.crash()
            writer.signal(9)
            let bytes = [UInt8](repeating: UInt8(ascii: "w"), count: 300_000)
            try withMount(of: server, options) { next in
                let shown = try next.run("wc -c < \"$M/f\"; tr -d w < \"$M/f\"")
                #expect(shown == "300000")
                #expect(waitUntil(within: .seconds(60)) { server.content("f") == bytes })
                #expect(next.rescued == [])
            }
        }
    }

    @Test(
        "S70, S71, S310: others see a file's old content or the new one, whole, and a new file with all its bytes",
        arguments: Program.servers)
    func oldOrNew(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try Semantics.run(
                mount,
                """
                import threading
                sizes = [1200000 + 1000 * number for number in range(8)]
                put(f'{M}/f', b'a' * sizes[0])
                def write():
                    for number in range(1, 8):
                        put(f'{M}/f', bytes([97 + number]) * sizes[number])
                        put(f'{M}/new{number}', bytes([97 + number]) * sizes[number])
                thread = threading.Thread(target=write); thread.start()
                def check(name):
                    data = get(f'{D}/{name}'); number = data[0] - 97 if data else -1
                    assert 0 <= number < 8 and data == data[:1] * sizes[number], (name, number, len(data))
                    return number
                last = 0
                while thread.is_alive():
                    number = check('f'); assert number >= last; last = number
                    for name in os.listdir(D):
                        if name.startswith('new'): check(name)
                thread.join()
                assert check('f') == 7
                assert sorted(os.listdir(D)) == ['f'] + [f'new{number}' for number in range(1, 8)]
                """)
        }
    }

    @Test(
        "S35: a second between two versions of one size is enough",
        arguments: Program.servers(except: .vsftpd))
    func oneSecond(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), MountOptions("attr_timeout=0")) { mount in
            try Semantics.run(
                mount,
                """
                for number in range(4):
                    data = b'%d' % number * 5000
                    put(D + '/next', data); os.chmod(D + '/next', 0o644)
                    os.utime(D + '/next', (1600000000 + number, 1600000000 + number))
                    os.rename(D + '/next', D + '/f')
                    assert get(f'{M}/f') == data, number
                """)
        }
    }
}
