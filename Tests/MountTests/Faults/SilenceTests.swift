import TestSupport
import Testing

/// All connections of a mount are lost without a word: the machine was suspended, or its address has changed, or a router has forgotten them.
@Suite("Connections that fall silent") struct SilenceTests {
    @Test(
        "programs that were at work go on over new connections, and nothing is left of the old ones",
        arguments: Program.servers)
    func allAtOnce(_ kind: ServerKind) throws {
        let server = try ServerFixture(kind, ServerOptions { $0.passivePorts = 60 })
        let relay = try FaultRelay(before: server)
        defer { relay.stop() }
        try Shell.run("head -c 60000000 /dev/urandom > \"$1/large\"", [server.root])
        try server.makeDirectory("unseen")
        let options = MountOptions {
            $0.host = FaultRelay.host
            $0.options = ["timeout=2", "connect_timeout=2", "dcache_timeout=3600"]
        }
        try withMount(of: server, options) { mount in
            let work = """
                for i in 1 2 3 4 5 6; do tail -c +$((i * 4000000)) "$M/large" | head -c 1000000 > /dev/null & done; wait
                echo x > "$M/small"
                """
            try mount.run(work)
            let descriptors = mount.openDescriptors
            for round in 1...2 {
                let reader = try mount.startPython(
                    """
                    with open(f'{M}/large', 'rb', buffering=0) as file:
                        digest = hashlib.sha256(file.read(1000000)); print('begun')
                        wait('go\(round)')
                        while part := file.read(1000000): digest.update(part)
                    print(digest.hexdigest())
                    """, output: "reader\(round)")
                let writer = try mount.startPython(
                    """
                    data = random.Random(\(round)).randbytes(24000000)
                    with open(f'{M}/up', 'wb', buffering=0) as file:
                        file.write(data[:12000000]); print('begun')
                        wait('go\(round)')
                        file.write(data[12000000:])
                    print(hashlib.sha256(data).hexdigest())
                    """, output: "writer\(round)")
                for name in ["reader", "writer"] { try mount.waitFor("begun", in: "\(name)\(round)") }
                relay.turn(.silent)
                relay.turn(.fair)
                // The next operation of somebody else.
                #expect(
                    try mount.run("ls \"$M/unseen\"; echo \(round) > \"$M/unseen/f\(round)\"; ls \"$M\"")
                        != "")
                try mount.release("go\(round)")
                for (name, process) in [("reader", reader), ("writer", writer)] {
                    let status = try mount.end(of: process, within: .seconds(120))
                    #expect(status == 0, "\(mount.output("\(name)\(round)"))")
                }
                for (name, file) in [("reader", "large"), ("writer", "up")] {
                    let digest = try mount.run("sha256sum < \"$1/\(file)\"", [server.root]).prefix(64)
                    #expect(mount.output("\(name)\(round)").contains(digest))
                }
            }
            try mount.run(work)
            // A connection more or less may be open at either moment.
            #expect(waitUntil(within: .seconds(60)) { mount.openDescriptors <= descriptors + 6 })
            #expect(
                waitUntil(within: .seconds(60)) { relay.linkCount <= 12 }, "\(relay.linkCount) connections")
            let isTidy = try waitUntil(within: .seconds(90)) {
                try Shell.run("find \"$1\" -name '*.part'", [server.root]) == ""
            }
            #expect(isTidy)
        }
    }
}
