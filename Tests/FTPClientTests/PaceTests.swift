import FTPClient
import FTPWire
import Glibc
import Posix
import Remote
import TestSupport
import Testing

/// Transfers that get on, but at no pace that leads anywhere.
@Suite struct PaceTests {
    @Test("a listing that drips is given up, while rows still come")
    func drippingListing() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("MLSD")
            for row in 0..<200 where !script.control.hasHungUp {
                let name = String(repeating: "n", count: 80)
                try? data.write("type=file;size=1; \(name)\(row)\r\n")
                usleep(20_000)
            }
            data.sendClose()
            try? script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.stallTimeout = .milliseconds(400)
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.list(.root) }?.name == "timedOut")
        }
    }

    @Test("an upload of which the server takes next to nothing is given up")
    func drippingUpload() throws {
        try play { script in
            try script.logIn(level: "C")
            let listener = try TestListener(receiveBuffer: 1)
            try script.answer("EPSV", "229 here (|||\(listener.port)|)")
            try script.answer("STOR", "150 go on")
            guard let data = listener.accept(within: 60_000) else { return }
            // A hundred bytes at a time open the window by some hundred now and then.
            for _ in 0..<60 where !script.control.hasHungUp {
                guard let bytes = try? data.read(atMost: 100), !bytes.isEmpty else { break }
                usleep(200_000)
            }
            data.close()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.stallTimeout = .seconds(3)
            configuration.dataProtection = .clear
            let session = try open(configuration)
            defer { session.close() }
            let error = failure { try session.put(path("/f"), noise(8_000_000)) }
            #expect(error?.name == "timedOut", "\(error?.error as Any)")
        }
    }
}
