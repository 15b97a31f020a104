import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// Real servers that run full, die or fall silent in the middle of a transfer.
@Suite struct MishapTests {
    @Test("a full disk on the server fails the upload", arguments: ServerKind.available)
    func diskFull(_ kind: ServerKind) throws {
        try withServer(kind, ServerOptions { $0.tmpfs = "4m" }) { server in
            let session = try server.session()
            defer { session.close() }
            let error = failure { try session.put(path("/large"), noise(20_000_000)) }
            // pyftpdlib closes the data connection and says nothing, or 426.
            if kind == .pyftpdlib {
                #expect(error?.name == "dataConnection" || error?.code == 426)
            } else {
                #expect(error?.verb == "STOR")
                #expect([451, 452, 552].contains(error?.code ?? 0))
                #expect(session.isUsable)
                try session.delete(path("/large"))
                try session.put(path("/small"), noise(1000))
                #expect(server.content("/small") == noise(1000))
            }
        }
    }

    @Test(
        "a server that dies during a download is never taken for the end of the file",
        arguments: ServerKind.available)
    func killedDuringDownload(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            try server.put("/large", noise(40_000_000))
            let session = try server.session { $0.receiveBuffer = 64 << 10 }
            defer { session.close() }
            let download = try session.download(path("/large"))
            try download.some()
            try server.kill()
            let error = failure { _ = try download.rest() }
            #expect(["dataConnection", "connectionLost"].contains(error?.name))
            #expect(!session.isUsable)
        }
    }

    @Test("a server that dies during an upload fails it", arguments: ServerKind.available)
    func killedDuringUpload(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            let session = try server.session()
            defer { session.close() }
            let upload = try session.upload(path("/large"), .store)
            try noise(100_000).withRawSpan { try upload.write($0) }
            try server.kill()
            let error = failure {
                try noise(20_000_000).withRawSpan { try upload.write($0) }
                _ = try upload.finish()
            }
            #expect(["dataConnection", "connectionLost"].contains(error?.name))
            upload.abort()
            #expect(!session.isUsable)
        }
    }

    @Test(
        "a server that falls silent during a transfer costs the time limit", arguments: ServerKind.available)
    func frozenDuringTransfer(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            try server.put("/large", noise(40_000_000))
            let session = try server.session {
                $0.stallTimeout = .seconds(1)
                $0.receiveBuffer = 64 << 10
            }
            defer { session.close() }
            let download = try session.download(path("/large"))
            try download.some()
            try server.freeze()
            #expect(failure { _ = try download.rest() }?.name == "timedOut")
            #expect(!session.isUsable)
            try server.thaw()
        }
    }
}
