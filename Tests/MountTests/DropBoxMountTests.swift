import TestSupport
import Testing

/// A directory that takes files and shows nothing.
@Suite("Drop boxes", .enabled(if: Program.servers.contains(.proftpd)))
struct DropBoxMountTests {
    private static let options = ServerOptions {
        $0.extra = [
            "<Limit LIST NLST MLSD MLST SIZE MDTM RETR RNFR DELE MFMT SITE_CHMOD>", "DenyAll", "</Limit>",
        ]
    }

    @Test("without no_check_upload nothing is stored in silence")
    func refused() throws {
        let server = try ServerFixture(.proftpd, Self.options)
        let mount = try MountFixture(server, MountOptions { $0.keepsFirstListing = true })
        let copy = try mount.attempt("echo content > \"$L/file\" && cp \"$L/file\" \"$M/file\"")
        #expect(copy.status != 0)
        #expect(server.content("file") == nil)
        #expect(mount.log.contains("no_check_upload"))
        #expect(try mount.unmount() == 0)
    }

    @Test("with no_check_upload files can be put into it")
    func believed() throws {
        let server = try ServerFixture(.proftpd, Self.options)
        var options = MountOptions("no_check_upload")
        options.keepsFirstListing = true
        let mount = try MountFixture(server, options)
        try mount.run(
            "echo content > \"$L/file\" && cp \"$L/file\" \"$M/file\" && cp \"$L/file\" \"$M/other\"")
        try mount.run("echo shell > \"$M/third\"")
        #expect(waitUntil(within: .seconds(30)) { server.content("third") == Array("shell\n".utf8) })
        #expect(server.content("file") == Array("content\n".utf8))
        #expect(server.content("other") == Array("content\n".utf8))
        #expect(try mount.attempt("ls \"$M\"").status != 0)
        #expect(try mount.unmount() == 0)
    }
}
