package import FTPWire
import Posix
package import Remote

/// Transfers of files.
extension Session {
    /// Starts to read a file at an offset in bytes.
    ///
    /// `expected` is the number of bytes that will come, where it is known.
    ///
    /// The session is taken until the download has ended or was aborted. An offset beyond the end is refused
    /// or reads as empty.
    package func download(
        _ path: RemotePath, from offset: UInt64 = 0, expecting expected: UInt64? = nil
    ) throws(FTPError) -> Download {
        let commands: [Command] = offset == 0 ? [.retr(path)] : [.rest(offset), .retr(path)]
        return Download(try openTransfer(commands), expected: expected)
    }

    /// Starts to read a file at an offset in bytes, with questions about it ahead of the transfer; `expecting` makes of the answers how many
    /// bytes will come, where they tell.
    package func download(
        _ path: RemotePath, from offset: UInt64, asking questions: [Command],
        expecting: ([Reply]) -> UInt64?
    ) throws(FTPError) -> Download {
        let commands: [Command] = offset == 0 ? [.retr(path)] : [.rest(offset), .retr(path)]
        let channel = try openTransfer(asking: questions, commands)
        return Download(channel, expected: expecting(channel.answers))
    }

    /// Starts to write a file.
    ///
    /// The server may have emptied the file when this throws.
    ///
    /// The session is taken until the upload has ended or was aborted.
    ///
    /// The answers to `questions` are those of the moment before; whatever they are, the transfer begins.
    package func upload(
        _ path: RemotePath, _ mode: UploadMode, asking questions: [Command] = []
    ) throws(FTPError) -> Upload {
        switch mode {
        case .store: return Upload(try openTransfer(asking: questions, [.stor(path)]))
        case .append: return Upload(try openTransfer(asking: questions, [.appe(path)]))
        case .restart(let offset): return Upload(try openRestart(path, offset, asking: questions))
        }
    }

    /// Writes bytes to a file and waits until they are acknowledged.
    ///
    /// Throws as `upload` does; the server may have part of the bytes then.
    package func put(_ bytes: [UInt8], to path: RemotePath, _ mode: UploadMode) throws(FTPError) {
        let upload = try upload(path, mode)
        do throws(FTPError) {
            try bytes.withRawSpan { (span) throws(FTPError) in try upload.write(span) }
            _ = try upload.finish()
        } catch {
            upload.abort()
            throw error
        }
    }

    /// REST has to be granted before STOR is sent: a STOR behind a refused REST empties the file.
    private func openRestart(
        _ path: RemotePath, _ offset: UInt64, asking questions: [Command]
    ) throws(FTPError) -> DataChannel {
        try openTransfer(asking: questions, [.rest(offset), .stor(path)], oneByOne: true)
    }
}
