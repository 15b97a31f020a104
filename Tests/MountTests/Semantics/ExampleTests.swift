import TestSupport
import Testing

/// The section CONSISTENCY BY EXAMPLE of man/ftpsfs-semantics.7, with two mounts.
@Suite(.enabled(if: Program.canMount)) struct ExampleTests {
    @Test("S21, S300: what A has closed, B reads when it opens")
    func closeToOpen() throws {
        try Semantics.runTwo(
            """
            assert get(f'{B}/f') == b'old'
            for text in (b'one', b'second', b'number three'):
                put(f'{A}/f', text + b'.')
                assert get(f'{B}/f') == text + b'.'
                put(f'{B}/f', text)
                assert get(f'{A}/f') == text
            """)
    }

    @Test("S22, S301: what A has synchronised, B reads when it opens")
    func fsyncToOpen() throws {
        try Semantics.runTwo(
            """
            assert get(f'{B}/f') == b'old'
            file = open(f'{A}/f', 'wb', buffering=0)
            file.write(b'a' * 5000); os.fsync(file.fileno())
            assert get(f'{B}/f') == b'a' * 5000
            file.write(b'b' * 3000)
            assert get(f'{B}/f') == b'a' * 5000
            file.close()
            assert get(f'{B}/f') == b'a' * 5000 + b'b' * 3000
            """)
    }

    @Test("S302: until A closes, B reads the old content", arguments: [1000, 4_000_000])
    func oldUntilClosed(_ size: Int) throws {
        try Semantics.runTwo(
            """
            with open(f'{A}/f', 'wb', buffering=0) as file:
                for part in range(4):
                    file.write(b'n' * (\(size) // 4))
                    assert get(f'{B}/f') == b'old'
            assert get(f'{B}/f') == b'n' * \(size)
            """)
    }

    @Test("S27, S303: B reads no byte of what replaces the file it has open, and can open it anew")
    func replacedWhileOpen() throws {
        try Semantics.runTwo(
            """
            put(f'{A}/f', b'o' * 3000000)
            file = open(f'{B}/f', 'rb', buffering=0)
            data = file.read(1000); number = os.fstat(file.fileno()).st_ino
            put(f'{A}/f', b'n' * 4000000)
            # Somebody has to have looked: what is here already may still be given.
            assert get(f'{B}/f') == b'n' * 4000000
            try:
                while part := file.read(100000): data += part
                assert data == b'o' * 3000000, len(data)
            except OSError as error: assert error.errno == errno.ESTALE, error
            assert data == b'o' * len(data)
            assert os.stat(f'{B}/f').st_ino != number
            file.close()
            assert get(f'{B}/f') == b'n' * 4000000
            """)
    }

    @Test("S30, S304: of two writers the second one is told, and its bytes are rescued")
    func lostUpdate() throws {
        try Semantics.runTwo(
            """
            a = os.open(f'{A}/f', os.O_WRONLY | os.O_TRUNC); b = os.open(f'{B}/f', os.O_WRONLY | os.O_TRUNC)
            os.write(a, b'from A'); os.write(b, b'written by B')
            os.close(a)
            fails(errno.ESTALE, os.fsync, b); fails(errno.ESTALE, os.close, b)
            assert get(D + '/f') == b'from A'
            # The kernel lets go of B's opening after close(2) has returned.
            limit = time.monotonic() + 60
            while get(f'{B}/f') != b'from A': assert time.monotonic() < limit
            """
        ) { first, second in
            #expect(first.rescued == [])
            // The note comes last.
            #expect(waitUntil(within: .seconds(30)) { second.rescued.count == 2 })
            #expect(Semantics.rescued(second) == Array("written by B".utf8))
            #expect(second.rescued.contains { TestFile.text($0).contains("path=/f") }, "\(second.rescued)")
        }
    }

    @Test("S31, S305: of two who make a file the second one is told, and its bytes are rescued")
    func madeTwice() throws {
        try Semantics.runTwo(
            """
            assert os.listdir(A) == ['f'] == os.listdir(B); assert not os.path.exists(f'{B}/g')
            new = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            a = os.open(f'{A}/g', new); b = os.open(f'{B}/g', new)
            os.write(a, b'from A'); os.write(b, b'written by B')
            os.close(a)
            fails(errno.ESTALE, os.close, b)
            assert get(D + '/g') == b'from A'
            """
        ) { first, second in
            #expect(first.rescued == [])
            #expect(waitUntil(within: .seconds(30)) { Semantics.rescued(second) != nil })
            #expect(Semantics.rescued(second) == Array("written by B".utf8))
        }
    }

    @Test("S306: a name that A has made, B finds when its knowledge is old enough")
    func newName() throws {
        try Semantics.runTwo(
            """
            assert os.listdir(B) == ['f'] and not os.path.exists(f'{B}/new')
            put(f'{A}/new', b'x')
            limit = time.monotonic() + 60
            while not os.path.exists(f'{B}/new') or sorted(os.listdir(B)) != ['f', 'new']:
                assert time.monotonic() < limit, os.listdir(B)
            os.unlink(f'{A}/new')
            while os.path.exists(f'{B}/new') or os.listdir(B) != ['f']:
                assert time.monotonic() < limit, os.listdir(B)
            """, options: "dcache_timeout=1")
    }

    @Test("S36: of two who write at once one is stored, whole")
    func sameMoment() throws {
        try Semantics.runTwo(
            """
            import threading
            sizes = {b'a': 100000, b'b': 150000}
            stored = {b'a': 0, b'b': 0}
            def write(place, letter):
                for step in range(12):
                    try:
                        put(f'{place}/f', letter * sizes[letter]); stored[letter] += 1
                    except OSError as error: assert error.errno == errno.ESTALE, error
            put(D + '/f', b'a' * sizes[b'a'])
            threads = [threading.Thread(target=write, args=pair) for pair in ((A, b'a'), (B, b'b'))]
            for thread in threads: thread.start()
            def check():
                data = get(D + '/f')
                assert data[:1] in sizes and data == data[:1] * sizes[data[:1]], (data[:1], len(data))
            while any(thread.is_alive() for thread in threads): check()
            for thread in threads: thread.join()
            check()
            assert stored[b'a'] + stored[b'b'] > 0, stored
            # What has lost may be tried once more with the kernel's release, after close(2) has returned.
            limit = time.monotonic() + 60
            while os.listdir(D) != ['f']: assert time.monotonic() < limit, os.listdir(D)
            check()
            """)
    }
}
