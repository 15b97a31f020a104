import TestSupport
import Testing

/// That programs see a file whole as another client has stored it, with the kernel's caches at their defaults
/// (man/ftpsfs-semantics.7).
@Suite(.enabled(if: Program.canMount)) struct MountedVersionTests {
    @Test("S20, S204: whoever opens a file that has grown or shrunk reads the new version to its end")
    func grown() throws {
        // A listing that stays, so that the old size is shown before the open however slow the machine is.
        try withMount(Semantics.server, ServerOptions(), MountOptions("dcache_timeout=600")) { mount in
            try mount.server.put("f", [UInt8](repeating: 65, count: 5000))
            try Semantics.run(
                mount,
                """
                size = 5000
                for letter, new in ((b'B', 9000), (b'C', 100), (b'D', 12345)):
                    # The kernel and the directory cache have the old size; the open has to ask for the new one.
                    os.listdir(M); assert os.stat(f'{M}/f').st_size == size, os.stat(f'{M}/f')
                    put(D + '/f', letter * new)
                    time.sleep(1.2)
                    assert os.stat(f'{M}/f').st_size == size, 'the test comes too late to be of use'
                    with open(f'{M}/f', 'rb', buffering=0) as file:
                        data = b''
                        while part := file.read(4096): data += part
                    assert data == letter * new, (len(data), data[:1], new)
                    size = new
                """)
        }
    }

    @Test("S20, S205: whoever goes to the end of a file to write there goes to the end of the version opened")
    func writtenAtEnd() throws {
        // A listing that stays, so that the old size is shown before the open however slow the machine is.
        try withMount(Semantics.server, ServerOptions(), MountOptions("dcache_timeout=600")) { mount in
            try mount.server.put("f", [UInt8](repeating: 65, count: 100))
            try Semantics.run(
                mount,
                """
                os.listdir(M); assert os.stat(f'{M}/f').st_size == 100
                put(D + '/f', b'B' * 200)
                time.sleep(1.2)
                assert os.stat(f'{M}/f').st_size == 100, 'the test comes too late to be of use'
                with open(f'{M}/f', 'r+b', buffering=0) as file:
                    assert file.seek(0, 2) == 200
                    file.write(b'end')
                assert get(D + '/f') == b'B' * 200 + b'end'
                """)
        }
    }

    @Test("S206: a file that another client has removed while it is open here can be made anew")
    func madeAnew() throws {
        try withMount(Semantics.server) { mount in
            try mount.server.put("f", "old".utf8)
            try Semantics.run(
                mount,
                """
                with open(f'{M}/f', 'rb', buffering=0) as old:
                    assert old.read(1) == b'o'
                    os.unlink(D + '/f')
                    time.sleep(1.2)
                    put(f'{M}/f', b'new')
                    assert get(D + '/f') == b'new'
                """)
        }
    }
}
