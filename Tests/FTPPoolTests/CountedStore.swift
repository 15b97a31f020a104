import FTPClient
import Posix
import Remote
import TestSupport

@testable import FTPPool

/// What is counted at a store.
enum StoreOperation: String, CaseIterable, Sendable {
    case logIn = "log in"
    case attributes
    case list
    case readSmall = "read a small file"
    case firstByte = "first byte of a large file"
    case readAnywhere = "4 KiB anywhere in a large file"
    case create
    case replace
    case append
    case makeDirectory = "make a directory"
    case removeFile = "remove a file"
    case removeDirectory = "remove a directory"
    case rename
}

/// A store behind a relay, with the hands of somebody who changes the server's files by other means.
struct CountedStore {
    let relay: CountingRelay
    let store: FTPStore
    let put: (String, [UInt8]) throws -> Void
    let makeDirectory: (String) throws -> Void
    /// Begins anew: opens a pool of its own, leases a first session and ends it.
    let logIn: (TripMeter) throws -> Void

    private static let small = pattern(1000)
    private static let large = pattern(4_000_000)

    /// Puts the files there that are read.
    func fill() throws {
        try makeDirectory("/dir")
        for number in 0..<10 { try put("/dir/file\(number)", Self.small) }
        try put("/large", Self.large)
    }

    /// One attempt at an operation, with what belongs before and after it.
    func attempt(_ operation: StoreOperation, _ meter: TripMeter, _ number: Int) throws {
        let request = Request()
        switch operation {
        case .logIn: try logIn(meter)
        case .attributes:
            let found = try meter.count { try store.attributes(of: path("/dir/file\(number)"), for: request) }
            guard found.size == 1000 else { throw SupportFailure("a wrong size: \(found)") }
        case .list:
            let listing = try meter.count { try store.list(path("/dir"), for: request) }
            guard listing.entries.count == 10 else { throw SupportFailure("a wrong listing") }
        case .readSmall: try read("/dir/file\(number)", at: 0, 1000, of: 1000, meter)
        case .firstByte: try read("/large", at: 0, 1, of: Self.large.count, meter)
        case .readAnywhere: try read("/large", at: 500_001 * (number + 1), 4096, of: Self.large.count, meter)
        case .create:
            let order = UploadOrder(expectation: .nothing)
            try meter.count { try upload("/new\(number)", order) }
        case .replace:
            let name = "/replaced\(number)"
            try put(name, Self.small.reversed())
            let old = try store.attributes(of: path(name), for: request)
            try meter.count { try upload(name, UploadOrder(expectation: .version(old.version))) }
        case .append:
            let name = "/log\(number)"
            try put(name, Self.large)
            let old = try store.attributes(of: path(name), for: request)
            let source = BytesSource(Self.large + Array("a line\n".utf8))
            let order = UploadOrder(expectation: .version(old.version))
            _ = try meter.count {
                try store.append(
                    to: path(name), at: UInt64(Self.large.count), from: source, order, for: request)
            }
        case .makeDirectory: try meter.count { try store.makeDirectory(path("/made\(number)"), for: request) }
        case .removeFile:
            try put("/gone\(number)", Self.small)
            try meter.count { try store.removeFile(path("/gone\(number)"), for: request) }
        case .removeDirectory:
            try makeDirectory("/empty\(number)")
            try meter.count { try store.removeDirectory(path("/empty\(number)"), for: request) }
        case .rename:
            let (old, new) = (path("/old\(number)"), path("/renamed\(number)"))
            try put("/old\(number)", Self.small)
            try meter.count { try store.rename(old, to: new, replacing: true, for: request) }
        }
    }

    private func upload(_ name: String, _ order: UploadOrder) throws {
        _ = try store.replace(path(name), with: BytesSource(Self.small), order, for: Request())
    }

    /// Counts until so many bytes are there; what the end of the transfer takes is not the reader's time.
    private func read(_ name: String, at offset: Int, _ count: Int, of size: Int, _ meter: TripMeter) throws {
        let block = Block(capacity: 64 << 10)
        let reader = try meter.count {
            let reader = try store.openReader(
                path(name), at: UInt64(offset), length: UInt64(size - offset), for: Request())
            var done = 0
            while done < count {
                let part = try block.withRoom(from: 0) { try reader.read(into: &$0, for: Request()) }
                guard part > 0 else { throw SupportFailure("\(name) is short") }
                done += part
            }
            return reader
        }
        reader.close()
    }
}
