import Foundation
import TestSupport

/// A program that does what it is told on a mount, one operation at a time: the test's own process must not touch it.
///
/// Orders and answers go through a connection, so that the test learns of an operation's return at once.
final class MountOperator {
    private let process: ChildProcess
    private let connection: TestConnection

    /// Starts the program and waits until it is there.
    init(_ mount: MountFixture) throws {
        let listener = try TestListener()
        process = try mount.startPython(Self.program(listener.port), output: "operator")
        guard let connection = listener.accept(within: 60_000) else {
            throw SupportFailure("the operator does not come: \(mount.output("operator"))")
        }
        self.connection = connection
    }

    deinit {
        process.signal(9)
    }

    /// Has an operation done.
    ///
    /// Blocks for a minute at the most; throws when the operation fails. The words are a function's name in the program and its arguments.
    func perform(_ words: String...) throws { try perform(words) }

    /// The same with the words in an array.
    func perform(_ words: [String]) throws {
        try connection.write(words.joined(separator: "\t") + "\n")
        var answer = ""
        while !answer.hasSuffix("\n") {
            let part = try connection.read()
            guard !part.isEmpty else { throw SupportFailure("the operator has gone") }
            answer += String(decoding: part, as: UTF8.self)
        }
        guard answer == "ok\n" else { throw SupportFailure("\(words): \(answer)") }
    }

    private static func program(_ port: UInt16) -> String {
        #"""
        import socket
        class Operations:
            files = []
            def stat(name): os.stat(M + name)
            def list(name): os.listdir(M + name)
            def mkdir(name): os.mkdir(M + name)
            def unlink(name): os.unlink(M + name)
            def rmdir(name): os.rmdir(M + name)
            def rename(old, new): os.rename(M + old, M + new)
            def read(name, offset, count):
                Operations.files.append(os.open(M + name, os.O_RDONLY))
                Operations.again(offset, count)
            def again(offset, count):
                if len(os.pread(Operations.files[-1], int(count), int(offset))) != int(count): raise OSError('short')
            def close():
                while Operations.files: os.close(Operations.files.pop())
            def write(name, flags, offset, text):
                bits = {'new': os.O_CREAT | os.O_EXCL, 'cut': os.O_TRUNC, 'append': os.O_APPEND, 'within': 0}[flags]
                file = os.open(M + name, os.O_WRONLY | bits)
                try:
                    if flags == 'within': os.lseek(file, int(offset), 0)
                    os.write(file, text.encode())
                finally: os.close(file)
        stream = socket.create_connection(('127.0.0.1', PORT)).makefile('rw')
        for line in stream:
            verb, *words = line.rstrip('\n').split('\t')
            try:
                getattr(Operations, verb)(*words)
                answer = 'ok'
            except Exception as error: answer = repr(error)
            stream.write(answer + '\n')
            stream.flush()

        """#.replacingOccurrences(of: "PORT", with: String(port))
    }
}
