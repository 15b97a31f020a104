import CFUSE
import Foundation
import Logging
import TestSupport
import Testing
import VFS

@testable import FUSEAdapter

/// Mounts that end before they are served; nobody looks into them, so no other process is needed.
@Suite("Ends of mounts that are not served", .enabled(if: Program.canMount)) struct MountEndTests {
    /// A mount of an empty store that is not made yet, and its mount point.
    private final class Prepared {
        let point: String
        let mount: Mount
        private let volume: Volume
        private let directory: TemporaryDirectory

        init() throws {
            directory = try TemporaryDirectory("end")
            point = directory.path + "/mnt"
            mkdir(point, 0o755)
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let spool = try Spool(
                cacheDirectory: directory.path + "/cache", source: "test", cacheSize: 1 << 20, logger: logger)
            volume = Volume(
                environment: ContentEnvironment(store: MemoryStore(), spool: spool, logger: logger),
                configuration: VolumeConfiguration())
            mount = Mount(
                volume, FUSEAdapter.MountOptions(mountpoint: point, source: "test"), logger: logger)
        }

        var isMounted: Bool { MountFixture.isMounted(point) }

        deinit { volume.shutDown() }
    }

    @Test("a mount that is not going to be served can be taken away again")
    func end() throws {
        let prepared = try Prepared()
        try prepared.mount.mount()
        #expect(prepared.isMounted)
        prepared.mount.end()
        #expect(!prepared.isMounted)
        prepared.mount.end()
    }

    @Test("a stop that comes before the mount keeps it from coming about")
    func stopBefore() throws {
        let prepared = try Prepared()
        prepared.mount.stop()
        #expect(throws: MountError.stopped(prepared.point)) { try prepared.mount.mount() }
        #expect(!prepared.isMounted)
    }

    @Test("a stop that comes between mounting and serving takes the mount away, and serving ends at once")
    func stopBetween() throws {
        let prepared = try Prepared()
        try prepared.mount.mount()
        prepared.mount.stop()
        #expect(!prepared.isMounted)
        #expect(prepared.mount.run() == 0)
    }

    @Test("a mount that somebody took away leaves the next one alone, which the kernel gives its numbers")
    func endAfterUnmounting() throws {
        for _ in 0..<8 {
            let (gone, next) = (try Prepared(), try Prepared())
            try gone.mount.mount()
            #expect(ftpsfs_detach(gone.point) == 0)
            #expect(!gone.isMounted)
            try next.mount.mount()
            gone.mount.end()
            #expect(next.isMounted)
            next.mount.end()
        }
    }

    @Test("a connection that ends while it is read from is the end of the mount, and no failure")
    func endWhileReading() {
        #expect(Session.outcome(ofLoop: -ECONNABORTED) == 0)
        #expect(Session.outcome(ofLoop: 0) == 0)
        #expect(Session.outcome(ofLoop: -EIO) == -EIO)
    }
}
