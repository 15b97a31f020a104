import TestSupport
import Testing

/// More programs than connections.
@Suite("A crowd on two connections") struct CrowdTests {
    /// Who sets the bound: the user, or the server with fewer connections than the user allows.
    enum Bound: String, CaseIterable, CustomTestStringConvertible {
        case mount, server

        var testDescription: String { "by the \(rawValue)" }
    }

    @Test(
        "64 readers and writers at once all have the right bytes in the end", arguments: Program.servers,
        Bound.allCases)
    func crowd(_ kind: ServerKind, _ bound: Bound) throws {
        let server = ServerOptions { $0.maxClients = bound == .server ? 2 : nil }
        try withMount(kind, server, MountOptions("max_conns=\(bound == .server ? 6 : 2)")) { mount in
            try mount.python(
                Python.together + """
                    def body(number): return random.Random(number).randbytes(50000 + 20000 * (number % 8))
                    for number in range(0, 64, 2):
                        with open(f'{sys.argv[1]}/r{number}', 'wb') as file: file.write(body(number))
                    def work(number):
                        if number % 2 == 0:
                            with open(f'{M}/r{number}', 'rb') as file:
                                if file.read() != body(number): sys.exit(f'{number} is another one')
                        else:
                            with open(f'{M}/w{number}', 'wb') as file: file.write(body(number))
                    together(64, work)
                    for number in range(1, 64, 2):
                        for place in [M, sys.argv[1]]:
                            with open(f'{place}/w{number}', 'rb') as file:
                                if file.read() != body(number): sys.exit(f'{place}/w{number} is another one')
                    """, [mount.server.root])
        }
    }
}
