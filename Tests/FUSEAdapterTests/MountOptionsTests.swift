import Foundation
import Logging
import Posix
import Testing

@testable import FUSEAdapter

@Suite("Options of the mount")
struct MountOptionsTests {
    @Test("the words for libfuse: source, type, and never programs with other rights or devices")
    func defaults() {
        let options = MountOptions(mountpoint: "/mnt/x", source: "ftp.example.org:/pub")
        #expect(
            options.words == [
                "ftpsfs", "-ofsname=ftp.example.org:/pub", "-osubtype=ftpsfs", "-onosuid", "-onodev",
            ])
    }

    @Test("all that can be asked for is passed on, in a fixed order")
    func everything() {
        var options = MountOptions(mountpoint: "/mnt/x", source: "h")
        options.allowOther = true
        options.defaultPermissions = true
        options.readOnly = true
        options.debug = true
        options.flags = Set(MountOptions.Flag.allCases)
        #expect(
            options.words.dropFirst(5) == [
                "-oallow_other", "-odefault_permissions", "-oro", "-onoexec", "-onoatime", "-osync",
                "-odirsync",
                "-odebug",
            ])
    }

    @Test("allow_root wins over allow_other, for libfuse knows only one of them")
    func allowRoot() {
        var options = MountOptions(mountpoint: "/mnt/x", source: "h")
        options.allowOther = true
        options.allowRoot = true
        #expect(options.words.contains("-oallow_root"))
        #expect(!options.words.contains("-oallow_other"))
    }

    @Test("commas and backslashes in the source cannot add options")
    func escaping() {
        let options = MountOptions(mountpoint: "/mnt/x", source: #"h:/a,allow_other\b"#)
        #expect(options.words[1] == #"-ofsname=h:/a\,allow_other\\b"#)
    }

    @Test("durations become seconds")
    func durations() {
        #expect(Duration.milliseconds(1500).inSeconds == 1.5)
        #expect(Duration.zero.inSeconds == 0)
        #expect(Duration.seconds(-3).inSeconds == 0)
    }

    @Test("fuse.conf lets users open a mount to others by one line alone")
    func fuseConfiguration() {
        func lets(_ text: String) -> Bool { Mountpoint.letsUsersAllowOthers(Array(text.utf8)) }
        #expect(lets("# comment\nuser_allow_other\n"))
        #expect(lets("  user_allow_other  # yes"))
        #expect(!lets("#user_allow_other\n"))
        #expect(!lets("user_allow_others\n"))
        #expect(!lets(""))
    }
}

@Suite("The mountpoint")
struct MountpointTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func temporaryDirectory() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("ftpsfs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        return url
    }

    @Test("a mountpoint that does not exist, or is no directory, is said to be so")
    func unusable() throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let missing = directory.appendingPathComponent("none").path
        #expect(throws: MountError.missing(missing)) {
            try Mountpoint.resolve(MountOptions(mountpoint: missing, source: "h"), logger: logger)
        }
        let file = directory.appendingPathComponent("file").path
        #expect(FileManager.default.createFile(atPath: file, contents: nil))
        #expect(throws: MountError.notDirectory(file)) {
            try Mountpoint.resolve(MountOptions(mountpoint: file, source: "h"), logger: logger)
        }
        #expect(throws: MountError.notDirectory(file + "/x")) {
            try Mountpoint.resolve(MountOptions(mountpoint: file + "/x", source: "h"), logger: logger)
        }
    }

    @Test("each failure says what to do")
    func texts() {
        #expect("\(MountError.missing("/mnt/a"))".contains("mkdir -p /mnt/a"))
        #expect("\(MountError.stale("/mnt/a"))".contains("fusermount3 -u /mnt/a"))
        #expect("\(MountError.alreadyMounted("/mnt/a", source: "h:/"))".contains("umount /mnt/a"))
        #expect("\(MountError.noDevice)".contains("modprobe fuse"))
        #expect("\(MountError.deviceForbidden)".contains("chmod 666"))
        #expect("\(MountError.noHelper)".contains("package fuse3"))
        #expect("\(MountError.allowOtherForbidden)".contains("/etc/fuse.conf"))
        #expect("\(MountError.refused("/m", words: ["a", "b"]))".hasSuffix("a; b"))
        #expect("\(MountError.inaccessible("/m", Errno(EACCES)))".contains("Permission denied"))
    }
}

@Suite("The table of mounts")
struct MountTableTests {
    private let text = """
        22 27 0:21 / /proc rw,relatime - proc proc rw
        27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
        90 27 0:44 / /mnt/a\\040b rw,nosuid shared:12 master:3 - fuse.ftpsfs h:/x\\134y rw,user_id=0
        91 27 0:45 / /mnt/b rw - autofs systemd-1 rw
        92 27 0:46 / /mnt/b rw - fuse.ftpsfs h:/ rw
        nonsense

        """

    @Test("lines are read with and without optional fields, and escapes are undone")
    func parsing() {
        let table = MountTable(parsing: Array(text.utf8))
        #expect(table.entries.count == 5)
        let entry = table.top(at: Array("/mnt/a b".utf8))
        #expect(entry?.id == 90)
        #expect(entry?.device == "0:44")
        #expect(entry?.type == "fuse.ftpsfs")
        #expect(entry?.source == #"h:/x\y"#)
    }

    @Test("the last mount on a path lies on top")
    func order() {
        let table = MountTable(parsing: Array(text.utf8))
        #expect(table.top(at: Array("/mnt/b".utf8))?.id == 92)
        #expect(table.top(at: Array("/mnt".utf8)) == nil)
    }

    @Test("a mount is found again by its number, not by its path")
    func finding() throws {
        let table = MountTable(parsing: Array(text.utf8))
        var entry = try #require(table.top(at: Array("/mnt/b".utf8)))
        entry.path = Array("/moved".utf8)
        #expect(table.find(entry)?.path == Array("/mnt/b".utf8))
        entry.device = "0:47"
        #expect(table.find(entry) == nil)
    }

    @Test("the kernel's own table is understood")
    func ownTable() throws {
        let root = try MountTable.current().top(at: Array("/".utf8))
        #expect(root != nil)
    }
}
