import Settings
import Testing

/// What holds without options.
@Suite struct DefaultTests {
    @Test("the defaults are those of the manual")
    func defaults() throws {
        let plain = try settings()
        #expect(plain.server.port == 21 && plain.tls.mode == .explicit)
        #expect(plain.tls.minimum == .tls12 && plain.tls.maximum == nil)
        #expect(plain.tls.verifiesPeer && plain.tls.verifiesHostName && plain.tls.pins.isEmpty)
        #expect(plain.server.maximumConnections == 6 && plain.server.connectTimeout == .seconds(10))
        #expect(plain.server.timeout == .seconds(30) && plain.server.idleTimeout == .seconds(60))
        #expect(plain.server.addresses == .any && plain.server.passiveMode == .automatic)
        #expect(plain.server.active == nil && !plain.server.usesNamedAddress)
        #expect(plain.tls.dataProtection == .private && plain.warnings.isEmpty)
        #expect(plain.presentation.userID == 1000 && plain.presentation.groupID == 1001)
        #expect(plain.presentation.shownFileMode(nil) == 0o644)
        #expect(plain.presentation.shownDirectoryMode(nil) == 0o755)
        #expect(plain.presentation.shownFileMode(0o664) == 0o664)
        #expect(plain.cache.directoryTimeout == .seconds(20) && plain.cache.size == 1 << 30)
        #expect(plain.cache.looksAhead)
        #expect(plain.cache.reportedDiskSize == 1 << 50 && plain.cache.directory == "/home/me/.cache/ftpsfs")
        #expect(plain.kernel.attributeTimeout == .seconds(1) && plain.kernel.entryTimeout == .seconds(1))
        #expect(plain.kernel.negativeTimeout == .seconds(1) && !plain.kernel.readOnly)
        #expect(!plain.kernel.allowOther && !plain.kernel.defaultPermissions && plain.kernel.flags == [])
        #expect(plain.kernel.sourceName == "me@host:")
        #expect(plain.log.destination == .systemLog && plain.log.level == .notice)
        #expect(!plain.foreground && plain.warnings == [])
    }
}
