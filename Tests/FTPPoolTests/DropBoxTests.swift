import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("Directories that only take files")
struct DropBoxTests {
    private static let bytes = pattern(100_000)
    private static let forbidden = [
        "LIST", "NLST", "MLSD", "MLST", "SIZE", "MDTM", "RETR", "RNFR", "DELE", "MFMT", "SITE",
    ]

    private func run(_ reply: String, believes: Bool, _ body: (ScriptedStore, FTPStore) throws -> Void) throws
    {
        try ScriptedStore.run { fixture in
            for verb in Self.forbidden { fixture.server.at(.command(verb), .reply(reply)) }
            let store = FTPStore(
                pool: fixture.pool, profile: fixture.store.profile, logger: fixture.store.logger,
                believesUploads: believes)
            try body(fixture, store)
        }
    }

    private func replace(_ store: FTPStore, _ name: String) throws -> Attributes {
        try store.replace(
            path(name), with: BytesSource(Self.bytes), UploadOrder(expectation: .nothing, mode: 0o644),
            for: Request())
    }

    @Test(
        "an upload that cannot be checked is none, the reason names the option, and nothing is sent again soon",
        arguments: ["550 Permission denied", "550 No", "502 Not here"])
    func unchecked(reply: String) throws {
        try run(reply, believes: false) { fixture, store in
            for name in ["/file", "/other"] {
                let error = #expect(throws: RemoteError.self) { _ = try replace(store, name) }
                #expect(error?.kind == .denied)
                #expect(error?.words.contains("no_check_upload") == true)
            }
            #expect(fixture.arguments("STOR").count <= 1)
            #expect(fixture.tree.content("/file") == nil)
        }
    }

    @Test("not even then is an acknowledgement believed behind a connection that broke off")
    func brokenOff() throws {
        try run("550 No", believes: true) { fixture, store in
            fixture.server.at(.transfer("STOR"), times: 1, .cut(after: 50_000, .silent))
            fixture.server.at(.reply("STOR", 426), .reply("226 Transfer complete"))
            _ = try replace(store, "/file")
            #expect(fixture.tree.content("/file") == Self.bytes)
            #expect(fixture.arguments("STOR") == ["/file", "/file"])
        }
    }

    @Test(
        "with the option the server is believed, and names are free",
        arguments: ["550 Permission denied", "550 No", "502 Not here"])
    func believed(reply: String) throws {
        try run(reply, believes: true) { fixture, store in
            let attributes = try replace(store, "/file")
            #expect(attributes.size == UInt64(Self.bytes.count))
            #expect(fixture.tree.content("/file") == Self.bytes)
            #expect(fixture.tree.names(in: "/") == ["file"])
            #expect(fixture.arguments("STOR") == ["/file"])
            #expect(kind { _ = try store.attributes(of: path("/file"), for: Request()) } == .notFound)
            #expect(kind { _ = try store.list(.root, for: Request()) } != .notFound)
        }
    }

    @Test("with the option a size that is stated still counts, and so does a transfer that breaks")
    func stillChecked() throws {
        try ScriptedStore.run { fixture in
            let store = FTPStore(
                pool: fixture.pool, profile: fixture.store.profile, logger: fixture.store.logger,
                believesUploads: true)
            fixture.server.at(.transfer("STOR"), .endEarly(after: 1000))
            #expect(kind { _ = try replace(store, "/file") } != nil)
            fixture.server.behave()
            fixture.server.at(.transfer("STOR"), .cut(after: 1000, .reset))
            #expect(kind { _ = try replace(store, "/other") } != nil)
            #expect(waitUntil(within: .seconds(30)) { fixture.tree.content("/other") == nil })
        }
    }

    @Test(
        "ProFTPD with limits", .enabled(if: ServerKind.available.contains(.proftpd)),
        arguments: [false, true])
    func realServer(believes: Bool) throws {
        let limits = [
            "<Limit \(Self.forbidden.filter { $0 != "SITE" }.joined(separator: " ")) SITE_CHMOD>", "DenyAll",
            "</Limit>",
        ]
        let fixture = try StoreFixture(ServerFixture(.proftpd, ServerOptions { $0.extra = limits }))
        let store = FTPStore(
            pool: fixture.pool, profile: fixture.store.profile, logger: fixture.store.logger,
            believesUploads: believes)
        if believes {
            _ = try replace(store, "/file")
            #expect(fixture.server.content("file") == Self.bytes)
        } else {
            #expect(kind { _ = try replace(store, "/file") } == .denied)
            #expect(fixture.server.content("file") == nil)
        }
    }
}
