package import FTPWire
import Posix
package import Remote
import TLS

/// A way to have a file's checksum from a server.
package struct ChecksumMethod: Hashable, Sendable {
    /// The command that is asked.
    enum Way: Hashable {
        /// HASH, behind OPTS HASH with this name (draft-bryan-ftpext-hash).
        case hash(String)
        /// One of the older commands, each of its own algorithm.
        case command(Command.Checksum)
    }

    /// What is computed.
    let algorithm: Digest.Algorithm
    let way: Way

    /// The algorithm's name, for messages.
    package var name: String { algorithm.name }
}

/// The checksum of a content that is sent, perhaps in several attempts.
///
/// Used by one thread at a time.
package final class SentDigest {
    private let digest: Digest
    /// Up to where the content is in it.
    package private(set) var end: UInt64 = 0
    private var checksum: [UInt8]?

    /// Begins with nothing; nil where OpenSSL does not offer the algorithm.
    package init?(_ method: ChecksumMethod) {
        guard let digest = Digest(method.algorithm) else { return nil }
        self.digest = digest
    }

    /// Adds what has not been added yet of bytes that belong at an offset; all before it must have been.
    package func add(_ bytes: RawSpan, at offset: UInt64) {
        guard offset <= end, offset + UInt64(bytes.byteCount) > end else { return }
        digest.add(bytes.extracting(droppingFirst: Int(end - offset)))
        end = offset + UInt64(bytes.byteCount)
    }

    /// The checksum of a content of so many bytes, after which nothing more may be added; nil where some of it was not added.
    package func finish(size: UInt64) -> [UInt8]? {
        guard end == size else { return nil }
        let checksum = checksum ?? digest.finish()
        self.checksum = checksum
        return checksum.isEmpty ? nil : checksum
    }
}

extension Features {
    /// The ways to have a file's checksum, the strongest first; HASH before the others, of which nobody has written down how a path with a space
    /// is to be put.
    package var checksumMethods: [ChecksumMethod] {
        let hashes = hashAlgorithms.compactMap { offered -> ChecksumMethod? in
            let name = offered.name.uppercased()
            let known = Digest.Algorithm.allCases.first { $0.name == name || $0.name == name + "32" }
            return known.map { ChecksumMethod(algorithm: $0, way: .hash(offered.name)) }
        }
        let commands = checksums.map { ChecksumMethod(algorithm: $0.algorithm, way: .command($0)) }
        return Digest.Algorithm.allCases.reversed().flatMap { algorithm in
            ((hasHASH ? hashes : []) + commands).filter { $0.algorithm == algorithm }
        }
    }
}

extension Session {
    /// Asks for the checksum of a whole file; nil where the reply has none in it.
    ///
    /// Throws `.refused` where the server gives none. Blocks as long as one reply may take and the server needs to read so many bytes.
    package func checksum(
        of path: RemotePath, size: UInt64, by method: ChecksumMethod
    ) throws(FTPError) -> [UInt8]? {
        let commands: [Command]
        do throws(CommandError) {
            switch method.way {
            case .hash(let name): commands = try [.optsHash(name), .hash(path)]
            case .command(let command):
                let isQuoted = path.bytes.contains(UInt8(ascii: " ")) && software.quotesChecksumPaths
                commands = try [.checksum(command, path, quoted: isQuoted)]
            }
        } catch {
            throw FTPError(error)
        }
        for command in commands.dropLast() { try perform(command) }
        guard let command = commands.last else { return nil }
        let patience = Duration.seconds(Int64(clamping: size / Self.slowestReading))
        let reply = try run(command, within: control.replyTimeout + patience)
        guard reply.isSuccess else { throw .refused(command.verb, reply) }
        return reply.checksum(method)
    }

    /// How many bytes a second a server is thought to read at least, while it computes.
    private static let slowestReading: UInt64 = 8 << 20
}

extension Command.Checksum {
    /// What the command computes.
    fileprivate var algorithm: Digest.Algorithm {
        switch self {
        case .crc: .crc32
        case .md5, .plainMD5: .md5
        case .sha, .sha1: .sha1
        case .sha256: .sha256
        case .sha512: .sha512
        }
    }
}

extension Reply {
    /// The checksum in a reply to one of these commands: the word of the last line that can be one.
    ///
    /// Names come behind it, but for MD5 (draft-twine-ftpmd5), where they come before. A CRC may lack zeros in front.
    fileprivate func checksum(_ method: ChecksumMethod) -> [UInt8]? {
        guard let line = lines.last else { return nil }
        let words = line.split {
            $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "=")
        }
        if case .hash(let name) = method.way {
            // A server that has not taken OPTS HASH computes something else.
            let named = words.contains {
                String(decoding: $0, as: UTF8.self).uppercased() == name.uppercased()
            }
            guard named else { return nil }
        }
        let digits = method.algorithm.byteCount * 2
        let found = words.compactMap { word -> [UInt8]? in
            let isShort = method.algorithm == .crc32 && word.count < digits
            guard word.count == digits || isShort else { return nil }
            let padded = [UInt8](repeating: UInt8(ascii: "0"), count: digits - word.count) + word
            let bytes = stride(from: 0, to: digits, by: 2).compactMap {
                UInt8(String(decoding: padded[$0..<($0 + 2)], as: UTF8.self), radix: 16)
            }
            return bytes.count * 2 == digits ? bytes : nil
        }
        return method.way == .command(.plainMD5) ? found.last : found.first
    }
}
