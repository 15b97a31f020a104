import Foundation
import TestSupport
import Testing

/// The uploads of large files go on while programs write them, so that close and fsync wait for the rest only.
@Suite(
    .enabled(
        "uploads follow writers unless workaround=nofollow is given",
        { !(ProcessInfo.processInfo.environment["FTPSFS_MOUNT_OPTIONS"] ?? "").contains("nofollow") }))
struct FollowingTests {
    /// Writes megabytes until it is told to stop, then closes and prints a digest.
    private static let writer = """
        chance = random.Random(5); block = chance.randbytes(1 << 20); digest = hashlib.sha256()
        with open(f'{M}/up', 'wb', buffering=0) as file:
            for step in range(2000):
                if os.path.exists(f'{L}/stop') and step > 20: break
                part = step.to_bytes(4, 'big') + block[4:]; digest.update(part)
                assert file.write(part) == len(part)
                if step < 20: assert os.path.getsize(f'{M}/up') == (step + 1) << 20
                time.sleep(0.005)
        print(digest.hexdigest())
        """

    /// Waits until the server has so many bytes of a file that is not there under its name.
    private func awaitPart(_ size: UInt64, _ server: ServerFixture) -> Bool {
        waitUntil(within: .seconds(120)) {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: server.root)) ?? []
            return names.contains { name in
                let attributes = try? FileManager.default.attributesOfItem(atPath: "\(server.root)/\(name)")
                return name != "up" && (attributes?[.size] as? UInt64 ?? 0) >= size
            }
        }
    }

    private func check(_ mount: MountFixture) throws {
        let stored = try mount.run("sha256sum < \"$1/up\"", [mount.server.root]).prefix(64)
        #expect(mount.output("writer").contains(stored))
        // What a cut connection has left goes in the background.
        let names = { try mount.run("ls -A \"$1\"", [mount.server.root]) }
        let isAlone = try waitUntil(within: .seconds(60)) { try names() == "up" }
        #expect(isAlone)
        #expect(mount.rescued.isEmpty)
    }

    @Test("the upload grows beside the file's name while the program writes", arguments: Program.servers)
    func grows(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            let writer = try mount.startPython(Self.writer, output: "writer")
            #expect(awaitPart(6_000_000, mount.server))
            #expect(!FileManager.default.fileExists(atPath: "\(mount.server.root)/up"))
            #expect(try mount.run("ls -A \"$M\"") == "up")
            try mount.release("stop")
            #expect(try mount.end(of: writer) == 0, "\(mount.output("writer"))")
            #expect(try mount.run("ls -A \"$1\"", [mount.server.root]) == "up")
            try check(mount)
        }
    }

    @Test(
        "a data connection that is cut while the program writes changes nothing", arguments: Program.servers)
    func cut(_ kind: ServerKind) throws {
        let server = try ServerFixture(kind, ServerOptions { $0.passivePorts = 20 })
        let ports = server.passivePorts
        let control = try CountingRelay(to: server.port, delay: .zero)
        defer { control.stop() }
        func dataRelay() throws -> CountingRelay {
            try CountingRelay(to: ports[0], passivePorts: Array(ports.dropFirst()), delay: .zero)
        }
        var data = try dataRelay()
        defer { data.stop() }
        try withMount(of: server, MountOptions { $0.host = CountingRelay.host }) { mount in
            let writer = try mount.startPython(Self.writer, output: "writer")
            #expect(awaitPart(3_000_000, server))
            data.stop()
            data = try dataRelay()
            try mount.release("stop")
            #expect(try mount.end(of: writer) == 0, "\(mount.output("writer"))")
            try check(mount)
        }
    }

    @Test(
        "programs that change what was sent, cut it off, or synchronize in between",
        arguments: Program.servers)
    func changes(_ kind: ServerKind) throws {
        try withMount(kind) { mount in
            try mount.python(
                """
                disk = sys.argv[1]; data = random.Random(9).randbytes(6 << 20); size = len(data)
                def pause(folder=''):
                    # Until the upload has begun, unless it cannot.
                    limit = time.monotonic() + 3
                    while len(os.listdir(disk + folder)) <= len(os.listdir(M + folder)) - 1:
                        if time.monotonic() > limit: break
                        time.sleep(0.005)
                def check(name, bytes):
                    assert open(f'{disk}/{name}', 'rb').read() == bytes, name
                with open(f'{M}/header', 'wb', buffering=0) as file:
                    file.write(data); pause(); os.pwrite(file.fileno(), b'HEAD', 0)
                check('header', b'HEAD' + data[4:])
                with open(f'{M}/cut', 'wb', buffering=0) as file:
                    file.write(data); pause(); os.ftruncate(file.fileno(), 2000000); file.seek(2000000); file.write(b'end')
                check('cut', data[:2000000] + b'end')
                with open(f'{M}/sync', 'wb', buffering=0) as file:
                    for place in range(0, size, 1 << 20):
                        file.write(data[place:place + (1 << 20)])
                        if place % (2 << 20): os.fsync(file.fileno()); check('sync', data[:place + (1 << 20)])
                check('sync', data)
                with open(f'{M}/added', 'wb', buffering=0) as file:
                    file.write(data[:3 << 20])
                    with open(f'{M}/added', 'ab', buffering=0) as other: other.write(data[3 << 20:5 << 20])
                    check('added', data[:5 << 20])
                    file.seek(5 << 20); file.write(data[5 << 20:])
                check('added', data)
                with open(f'{M}/mapped', 'w+b', buffering=0) as file:
                    file.write(data); pause()
                    with mmap.mmap(file.fileno(), 0) as view: view[5000000:5000006] = b'mapped'; view[70:76] = b'mapped'
                check('mapped', data[:70] + b'mapped' + data[76:5000000] + b'mapped' + data[5000006:])
                file = open(f'{M}/moved', 'wb', buffering=0); file.write(data[:4 << 20]); pause()
                os.mkdir(f'{M}/d'); os.rename(f'{M}/moved', f'{M}/d/a'); os.rename(f'{M}/d', f'{M}/e')
                file.write(data[4 << 20:]); file.close()
                check('e/a', data); assert os.listdir(f'{disk}/e') == ['a']
                file = open(f'{M}/e/gone', 'wb', buffering=0); file.write(data); pause('/e')
                os.unlink(f'{M}/e/gone'); os.unlink(f'{M}/e/a'); os.rmdir(f'{M}/e'); file.close()
                names = ['added', 'cut', 'header', 'mapped', 'sync']
                assert sorted(os.listdir(disk)) == names, os.listdir(disk)
                """, [mount.server.root])
        }
    }
}
