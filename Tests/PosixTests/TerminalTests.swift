import Foundation
import Posix
import Testing

/// Asking for a password on a terminal, here a pseudo-terminal.
@Suite struct TerminalTests {
    private final class PseudoTerminal {
        let outer: CInt
        let inner: CInt

        init() throws {
            // What posix_openpt(3) and its company do, which Swift does not show: TIOCSPTLCK, TIOCGPTN.
            outer = open("/dev/ptmx", O_RDWR | O_NOCTTY)
            var unlocked: CInt = 0
            var number: CInt = 0
            try #require(ioctl(outer, 0x4004_5431, &unlocked) == 0 && ioctl(outer, 0x8004_5430, &number) == 0)
            inner = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
            try #require(inner >= 0)
        }

        deinit {
            close(inner)
            close(outer)
        }

        var echoes: Bool {
            var state = termios()
            tcgetattr(inner, &state)
            return state.c_lflag & tcflag_t(ECHO) != 0
        }

        func type(_ text: String) {
            let bytes = Array(text.utf8)
            write(outer, bytes, bytes.count)
        }

        /// Reads what the terminal shows until it ends with a text.
        func show(until end: String) -> String {
            // Bytes, since a String takes CR and LF for one character.
            var shown: [UInt8] = []
            var byte: UInt8 = 0
            while !shown.suffix(end.utf8.count).elementsEqual(end.utf8) {
                var slot = pollfd(fd: outer, events: Int16(POLLIN), revents: 0)
                guard poll(&slot, 1, 60_000) == 1, read(outer, &byte, 1) == 1 else { break }
                shown.append(byte)
            }
            return String(decoding: shown, as: UTF8.self)
        }
    }

    private enum Answer: Sendable, Equatable {
        case line(String)
        case failure(TerminalError)
    }

    private func ask(_ terminal: PseudoTerminal, typing text: String) throws -> Answer {
        let answer = Monitor<Answer?>(nil)
        let inner = terminal.inner
        let thread = try Posix.Thread(named: "ask") {
            let result: Answer
            do {
                let secret = try Terminal.readSecret(on: inner, prompt: "Password: ")
                result = .line(
                    secret.withBytes { bytes in
                        String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
                    })
            } catch let error as TerminalError {
                result = .failure(error)
            } catch {
                result = .failure(.interrupted)
            }
            answer.withLock { $0 = result }
        }
        #expect(terminal.show(until: ": ") == "Password: ")
        #expect(!terminal.echoes)
        terminal.type(text)
        thread.join()
        return try #require(answer.withLock { $0 })
    }

    @Test("the line is read, nothing of it is shown, and the terminal shows input again afterwards")
    func line() throws {
        let terminal = try PseudoTerminal()
        #expect(terminal.echoes)
        #expect(try ask(terminal, typing: "hunter2\n") == .line("hunter2"))
        #expect(terminal.echoes)
        #expect(terminal.show(until: "\n") == "\r\n")
    }

    @Test("an empty line is an empty password, Ctrl-D none")
    func ends() throws {
        let terminal = try PseudoTerminal()
        #expect(try ask(terminal, typing: "\n") == .line(""))
        #expect(terminal.show(until: "\n") == "\r\n")
        #expect(try ask(terminal, typing: "\u{4}") == .failure(.endOfInput))
        #expect(terminal.echoes)
    }

    @Test("what is no terminal is refused")
    func noTerminal() throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer {
            close(ends[0])
            close(ends[1])
        }
        #expect(throws: TerminalError.noTerminal) { try Terminal.readSecret(on: ends[0], prompt: "") }
    }
}
