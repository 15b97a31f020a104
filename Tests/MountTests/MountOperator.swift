import Foundation
import TestSupport

/// A program that does what it is told on a mount, one operation at a time: the test's own process must not touch it.
///
/// Orders and answers go through a connection, so that the test learns of an operation's return at once.
final class MountOperator {
    private let process: ChildProcess
    private let connection: TestConnection

    /// Starts the program and waits until it is there; `functions` in Python are orders besides those it knows.
    init(_ mount: MountFixture, knowing functions: String = "") throws {
        let listener = try TestListener()
        process = try mount.startPython(
            Self.program(listener.port, functions), output: "operator")
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
        let answer = try attempt(words)
        guard answer.hasPrefix("ok") else { throw SupportFailure("\(words): \(answer)") }
    }

    /// Has an operation tried; returns "ok" and what it returns, or its error number's name and the exception.
    ///
    /// Throws when it has not returned within a minute: it hangs.
    func attempt(_ words: [String]) throws -> String {
        try connection.write(words.joined(separator: "\t") + "\n")
        var answer = ""
        while !answer.hasSuffix("\n") {
            let part = try connection.read()
            guard !part.isEmpty else { throw SupportFailure("the operator has gone") }
            answer += String(decoding: part, as: UTF8.self)
        }
        return String(answer.dropLast())
    }

    private static func program(_ port: UInt16, _ functions: String) -> String {
        #"""
        import socket
        class Operations:
            files = []
            def stat(name): return os.stat(M + name).st_size
            def list(name): return ','.join(sorted(os.listdir(M + name)))
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
            def chmod(name, mode): os.chmod(M + name, int(mode, 8))
            def load(name, offset, seed, count):
                file = os.open(M + name, os.O_RDONLY)
                try:
                    data = b''
                    while len(data) < int(count):
                        part = os.pread(file, int(count) - len(data), int(offset) + len(data))
                        if not part: raise ValueError(f'only {len(data)} bytes')
                        data += part
                    if data != pattern(seed, offset, count): raise ValueError('other bytes')
                finally: os.close(file)
            def store(name, flags, offset, seed, count, *sync):
                bits = {'new': os.O_CREAT | os.O_EXCL, 'cut': os.O_TRUNC, 'append': os.O_APPEND, 'within': 0}[flags]
                file = os.open(M + name, os.O_WRONLY | bits)
                try:
                    if flags == 'within': os.lseek(file, int(offset), 0)
                    data = pattern(seed, 0, count)
                    while data: data = data[os.write(file, data):]
                    if sync: os.fsync(file)
                finally: os.close(file)
            def compare(name, root):
                seen, stored = view(M + name), view(root + name)
                if seen != stored: raise ValueError(f'the mount shows {seen}, the server has {stored}')
        def pattern(seed, offset, count):
            period = bytes((i * 7 + int(seed)) % 251 for i in range(int(offset), int(offset) + 251))
            return (period * (int(count) // 251 + 1))[:int(count)]
        def view(path):
            rows = {}
            for name in os.listdir(path):
                full = f'{path}/{name}'
                if os.path.isdir(full): rows[name] = 'directory'
                else:
                    with open(full, 'rb') as file: data = file.read()
                    rows[name] = (len(data), hashlib.sha256(data).hexdigest()[:16])
            return rows
        MORE
        stream = socket.create_connection(('127.0.0.1', PORT)).makefile('rw')
        for line in stream:
            verb, *words = line.rstrip('\n').split('\t')
            try:
                value = (getattr(Operations, verb, None) or globals()[verb])(*words)
                answer = 'ok' if value is None else f'ok {value}'
            except OSError as error: answer = f'{errno.errorcode.get(error.errno)} {error!r}'
            except Exception as error: answer = repr(error)
            stream.write(answer + '\n')
            stream.flush()

        """#.replacingOccurrences(of: "PORT", with: String(port))
            .replacingOccurrences(of: "MORE", with: functions)
    }
}
