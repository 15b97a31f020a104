import TestSupport

/// What the tests of man/ftpsfs-semantics.7 share: the numbers in front of their names are those of the page.
enum Semantics {
    /// The server of tests that are about this program alone.
    static let server = ServerKind.proftpd

    /// Python: `fails(code, action, ...)`, `put(path, bytes)`, `get(path)`, and `D`, the server's directory on disk, from argv[1].
    static let prologue = """
        D = sys.argv[1]
        def fails(code, action, *arguments, **named):
            try: action(*arguments, **named)
            except OSError as error: assert error.errno == code, error
            else: raise AssertionError(f'{action} {arguments} succeeded')
        def put(path, data):
            with open(path, 'wb', buffering=0) as file: file.write(data)
        def get(path):
            with open(path, 'rb') as file: return file.read()

        """

    /// Runs a Python program on a mount, with the prologue.
    static func run(_ mount: MountFixture, _ program: String) throws {
        try mount.python(prologue + program, [mount.server.root])
    }

    /// Runs a Python program with two mounts of one server's directory, A in `A` and B in `B`; `f` is there with "old".
    ///
    /// Opens look at the server each time. `body` may look at both mounts afterwards.
    static func runTwo(
        _ program: String, options: String...,
        after body: (MountFixture, MountFixture) throws -> Void = { _, _ in }
    ) throws {
        try withServer(server) { server in
            try server.put("f", "old".utf8)
            let mountOptions = MountOptions { $0.options = ["attr_timeout=0"] + options }
            try withMount(of: server, mountOptions) { first in
                try withMount(of: server, mountOptions) { second in
                    try first.python(
                        prologue + "A, B = M, sys.argv[2]\n" + program, [server.root, second.point])
                    try body(first, second)
                }
            }
        }
    }

    /// The bytes of the one file in a mount's rescue folder, its note apart; nil when there is none.
    static func rescued(_ mount: MountFixture) -> [UInt8]? {
        mount.rescued.first { !$0.hasSuffix(".note.txt") }.flatMap { TestFile.read($0) }
    }
}
