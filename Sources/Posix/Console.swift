import Glibc

/// Standard output and standard error, for the few lines a program says before and instead of logging.
package enum Console {
    /// Where text goes.
    package enum Stream: CInt, Sendable {
        /// Standard output: what was asked for.
        case output = 1
        /// Standard error: what went wrong.
        case error = 2
    }

    /// Writes a text as it is; blocks as long as the reader does, and gives up on errors, which nobody could be told of.
    package static func write(_ text: String, to stream: Stream) {
        writeWhole(Array(text.utf8), to: stream.rawValue)
    }

    /// Opens standard input, output and error on /dev/null where they are closed.
    ///
    /// Otherwise the next file that is opened would take their place and receive what is meant for them. To be called first.
    package static func openMissingStreams() {
        for stream in 0...CInt(2) where fcntl(stream, F_GETFD) == -1 {
            // The lowest free number is this one, those below being open by now.
            _ = unsafe open("/dev/null", stream == 0 ? O_RDONLY : O_WRONLY)
        }
    }

    /// Points standard input, output and error to /dev/null.
    static func silence() throws(Errno) {
        let null = try FileDescriptor.open("/dev/null", O_RDWR)
        let raw = null.raw
        for stream in 0...CInt(2) where stream != raw { try retrying { dup2(raw, stream) } }
    }
}

/// Writes bytes to a descriptor until all are out or an error comes.
func writeWhole(_ bytes: [UInt8], to raw: CInt) {
    var done = 0
    while done < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe write(raw, buffer.baseAddress?.advanced(by: done), bytes.count - done)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        done += count
    }
}
