import Foundation
import Posix
import Remote
import Testing

@testable import FUSEAdapter

@Suite("Which signals interrupt a request")
struct SignalStateTests {
    private static func bits(_ signals: CInt...) -> UInt64 {
        signals.reduce(0) { $0 | 1 << UInt64($1 - 1) }
    }

    @Test("the status file's lines are read, thread and process together")
    func parsing() throws {
        let text = """
            Name:\tcat
            State:\tS (sleeping)
            Groups:\t4 24 27
            Seccomp:\t0
            SigQ:\t1/95976
            SigPnd:\t0000000000000100
            ShdPnd:\t0000000000004002
            SigBlk:\t0000000000010000
            SigIgn:\t0000000000001000
            SigCgt:\t0000000180014a03
            CapInh:\t0000000000000000

            """
        let state = try #require(SignalState(status: Array(text.utf8)))
        #expect(state.pending == 0x4102)
        #expect(state.blocked == 0x10000)
        #expect(state.ignored == 0x1000)
        #expect(state.caught == 0x1_8001_4a03)
    }

    @Test(
        "a status without signals is no status",
        arguments: ["", "Name:\tcat\n", "SigPnd:\t00\nSigBlk:\tzz\n"])
    func broken(text: String) {
        #expect(SignalState(status: Array(text.utf8)) == nil)
    }

    @Test("the kernel's own file is understood")
    func ownProcess() {
        #expect(SignalState.current(of: getpid()) != nil)
        #expect(SignalState.current(of: 0) == nil)
        #expect(SignalState.current(of: -1) == nil)
    }

    @Test(
        "a signal that ends the program interrupts",
        arguments: [SIGINT, SIGTERM, SIGKILL, SIGALRM, SIGUSR1, SIGPIPE, SIGSEGV])
    func fatal(signal: CInt) {
        var state = SignalState()
        state.pending = Self.bits(signal)
        #expect(state.asksToStop)
    }

    @Test(
        "a request to stop interrupts though the program handles it",
        arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
    func handledRequest(signal: CInt) {
        var state = SignalState()
        state.pending = Self.bits(signal)
        state.caught = Self.bits(signal)
        #expect(state.asksToStop)
    }

    @Test(
        "a timer, a preemption, a child's end, a new window size and a stop do not interrupt",
        arguments: [SIGALRM, SIGPROF, SIGURG, SIGCHLD, SIGWINCH, SIGIO, SIGUSR1, SIGTSTP, SIGCONT])
    func handledOther(signal: CInt) {
        var state = SignalState()
        state.pending = Self.bits(signal)
        state.caught = Self.bits(signal)
        #expect(!state.asksToStop)
    }

    @Test(
        "what is harmless by default does not interrupt",
        arguments: [SIGURG, SIGCHLD, SIGWINCH, SIGCONT, SIGTSTP, SIGTTIN])
    func harmless(signal: CInt) {
        var state = SignalState()
        state.pending = Self.bits(signal)
        #expect(!state.asksToStop)
    }

    @Test("what is blocked or ignored does not interrupt", arguments: [SIGINT, SIGTERM, SIGALRM])
    func heldBack(signal: CInt) {
        var state = SignalState()
        state.pending = Self.bits(signal)
        state.blocked = Self.bits(signal)
        #expect(!state.asksToStop)
        state.blocked = 0
        state.ignored = Self.bits(signal)
        #expect(!state.asksToStop)
    }

    @Test("a program that has ended waits for nothing")
    func dead() throws {
        let text = "State:\tZ (zombie)\nSigPnd:\t0\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0\n"
        let state = try #require(SignalState(status: Array(text.utf8)))
        #expect(state.isDead && state.asksToStop)
        // Beyond the largest number of a thread (proc_sys_kernel(5), pid_max).
        #expect(SignalState.current(of: .max)?.isDead == true)
    }

    @Test("the first signal to stop ends the mount, the second the process")
    func decisions() {
        for signal in [SIGINT, SIGTERM] {
            for isUsable in [false, true] {
                #expect(SignalWatch.decide(signal, isStopping: false, isUsable: isUsable) == .stop)
                #expect(SignalWatch.decide(signal, isStopping: true, isUsable: isUsable) == .endNow)
            }
        }
    }

    @Test("a hang-up ends what is not usable yet, and nothing after that")
    func hangUp() {
        #expect(SignalWatch.decide(SIGHUP, isStopping: false, isUsable: true) == .reload)
        #expect(SignalWatch.decide(SIGHUP, isStopping: true, isUsable: true) == .reload)
        #expect(SignalWatch.decide(SIGHUP, isStopping: false, isUsable: false) == .stop)
        #expect(SignalWatch.decide(SIGHUP, isStopping: true, isUsable: false) == .endNow)
    }
}

@Suite("Requests in flight")
struct InFlightTests {
    /// A program whose signals stay undelivered since it is stopped.
    private final class StoppedProgram {
        let id: pid_t

        init() throws {
            // The threads that run tests block signals, which a program started from them would inherit.
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            var none = sigset_t()
            sigemptyset(&none)
            posix_spawnattr_setsigmask(&attributes, &none)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
            var words = [strdup("sleep"), strdup("600"), nil]
            defer { for word in words { free(word) } }
            var id: pid_t = 0
            try #require(posix_spawn(&id, "/bin/sleep", nil, &attributes, &words, nil) == 0)
            self.id = id
            kill(id, SIGSTOP)
            var status: CInt = 0
            try #require(waitpid(id, &status, WUNTRACED) == id)
        }

        deinit {
            kill(id, SIGKILL)
            var status: CInt = 0
            waitpid(id, &status, 0)
        }
    }

    @Test("a request whose program is told to end is cancelled, another one is not")
    func givenUp() throws {
        let program = try StoppedProgram()
        let inFlight = InFlight(interval: .milliseconds(5))
        let watcher = try Thread(named: "watch") { inFlight.watch() }
        let waiting = Request()
        let other = Request()
        let cancelled = Monitor(false)
        _ = waiting.onCancel { cancelled.update { $0 = true } }
        let first = inFlight.begin(waiting, of: nil, thread: program.id)
        let second = inFlight.begin(other, of: nil, thread: getpid())
        // Delivered to nobody as long as the program is stopped.
        kill(program.id, SIGTERM)
        let seen = cancelled.wait(until: .after(.seconds(60))) { $0 ? true : nil }
        #expect(seen == true)
        #expect(!other.isCancelled)
        inFlight.end(first)
        inFlight.end(second)
        inFlight.stopWatching()
        watcher.join()
    }

    @Test("all requests are cancelled when the mount ends, those that are over are not")
    func cancelAll() {
        let inFlight = InFlight()
        let calls = (0..<5).map { _ in Request() }
        let tickets = calls.map { inFlight.begin($0, of: nil, thread: 0) }
        inFlight.end(tickets[1])
        inFlight.end(tickets[3])
        let late = Request()
        let ticket = inFlight.begin(late, of: nil, thread: 0)
        inFlight.cancelAll()
        #expect(calls.map(\.isCancelled) == [true, false, true, false, true])
        #expect(late.isCancelled)
        inFlight.end(ticket)
    }

    @Test("the watching thread ends while nothing happens, and while requests come and go")
    func ending() throws {
        let inFlight = InFlight(interval: .milliseconds(1))
        let watcher = try Thread(named: "watch") { inFlight.watch() }
        for _ in 0..<1000 {
            inFlight.end(inFlight.begin(Request(), of: nil, thread: getpid()))
        }
        inFlight.stopWatching()
        watcher.join()
    }
}
