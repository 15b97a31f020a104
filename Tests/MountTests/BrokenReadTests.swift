import Foundation
import TestSupport
import Testing

/// Reads whose transfer breaks while the file becomes another one.
@Suite("Broken reads")
struct BrokenReadTests {
    @Test(
        "a file that is replaced by one of the same size while the server is away is stale, never a mixture",
        arguments: Program.servers)
    func replacedMeanwhile(kind: ServerKind) throws {
        try withMount(kind) { mount in
            let size = 48 << 20
            try mount.server.put("file", [UInt8](repeating: 1, count: size))
            let reader = try mount.startPython(
                """
                import errno
                file = os.open(f'{M}/file', os.O_RDONLY)
                assert set(os.read(file, 1 << 16)) == {1}
                print('begun'); wait('go')
                place = 1 << 16
                while True:
                    try: data = os.pread(file, 1 << 20, place)
                    except OSError as error: print('end', errno.errorcode[error.errno]); break
                    if not data: print('end', 'EOF'); break
                    if set(data) != {1}: print('end', 'MIXTURE', place); break
                    place += len(data)
                """, output: "reader")
            try mount.waitFor("begun", in: "reader")
            try mount.server.kill()
            let other = [UInt8](repeating: 2, count: size)
            try mount.server.put("file", other)
            try mount.run("touch -d '2020-01-01 12:00' \"$1\"", [mount.server.onDisk("file")])
            try mount.server.start()
            try mount.release("go")
            #expect(try mount.end(of: reader) == 0, "\(mount.output("reader"))")
            #expect(mount.output("reader").contains("end ESTALE"), "\(mount.output("reader"))")
            #expect(try mount.run("head -c 1 \"$M/file\" | od -An -tu1").contains("2"))
        }
    }
}
