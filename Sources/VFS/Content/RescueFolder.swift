import Posix

/// The folder for bytes that could not be stored on the server; nothing in it is ever touched again by this program.
final class RescueFolder: Sendable {
    /// Its path, for messages.
    let path: String
    private let directory: Directory

    /// What the name of the note beside a file ends with.
    static let noteSuffix = ".note.txt"

    /// Takes an open folder.
    init(_ directory: consuming Directory, path: String) {
        self.directory = directory
        self.path = path
    }

    /// Moves a file in, under the time and its remote name, and a note beside it; returns its path.
    ///
    /// File, note and names are on the disk (fsync(2)) when this returns.
    func take(_ name: String, from source: borrowing Directory, named remoteName: [UInt8]?, note: String)
        throws(Errno) -> String
    {
        let (now, _) = WallClock.now()
        let stem = "\(WallClock.text(now))-\(Self.plainName(remoteName ?? Array("unknown".utf8), limit: 180))"
        var target = stem
        var number = 1
        while true {
            do throws(Errno) {
                try source.rename(name, into: directory, as: target, replacing: false)
                break
            } catch {
                guard error == .fileExists, number < 10_000 else { throw error }
                number += 1
                target = "\(stem).\(number)"
            }
        }
        // From here on the bytes are safe; a note that cannot be written must not look like a failure to move them.
        do throws(Errno) {
            let file = try directory.openFile(target, .readOnly)
            try file.synchronizeData()
            let text = try directory.openFile(target + Self.noteSuffix, .createExclusively, mode: 0o600)
            try text.write(note)
            try text.synchronizeData()
            try directory.synchronize()
            try source.synchronize()
        } catch {
            return "\(path)/\(target) (not surely on the disk yet: \(error))"
        }
        return "\(path)/\(target)"
    }

    /// A file name of letters, digits and a few signs, for names that may hold any bytes.
    static func plainName(_ bytes: [UInt8], limit: Int) -> String {
        var text = ""
        for byte in bytes.prefix(limit) {
            let isPlain =
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "@"), UInt8(ascii: "+"):
                    true
                case UInt8(ascii: "."): !text.isEmpty
                default: false
                }
            text.unicodeScalars.append(isPlain ? UnicodeScalar(byte) : "_")
        }
        return text
    }
}
