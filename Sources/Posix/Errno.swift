import Glibc

/// An error number of the operating system.
package struct Errno: Error, Hashable, Sendable {
    /// The number as in errno(3).
    package let rawValue: CInt

    /// Wraps a number; 0 is turned into EIO, for an error that claims to be none must not pass as success.
    package init(_ rawValue: CInt) {
        self.rawValue = rawValue == 0 ? EIO : rawValue
    }

    /// The calling thread's errno; to be read in the statement after the failed call.
    package static var current: Errno { Errno(errno) }
}

extension Errno: CustomStringConvertible {
    /// The text of strerror(3).
    package var description: String {
        var buffer = [CChar](repeating: 0, count: 128)
        let result = unsafe strerror_r(rawValue, &buffer, buffer.count)
        guard result == 0 else { return "error \(rawValue)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Runs a system call that answers -1 on failure, again as long as it was interrupted by a signal.
///
/// Throws the errno of the last try.
@discardableResult
package func retrying<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
    while true {
        let result = call()
        guard result == -1 else { return result }
        let error = Errno.current
        guard error.rawValue == EINTR else { throw error }
    }
}
