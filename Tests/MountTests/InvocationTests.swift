import Foundation
import TestSupport
import Testing

/// The command line of the built program, as far as it needs no server.
@Suite struct InvocationTests {
    private func invoke(_ arguments: String...) throws -> CommandResult {
        try Shell.attempt(
            "program=$1; shift; exec \"$program\" \"$@\" < /dev/null", [Program.path] + arguments)
    }

    @Test(
        "wrong command lines end with 1 and one line that says what to do",
        arguments: [
            ([], "nothing to mount"), (["host:"], "mountpoint"), (["host:", "/mnt", "more"], "more"),
            (["host:", "/mnt", "-q"], "-q"), (["host", "/mnt"], "colon"), (["host:", "/mnt", "-o"], "-o"),
            (["host:", "/mnt", "-o", "conect_timeout=3"], "did you mean 'connect_timeout'"),
            (["host:", "/mnt", "-oconect_timeout=3"], "did you mean 'connect_timeout'"),
            (["host:", "/mnt", "-p", "x"], "port"),
            (["host:", "/mnt", "-o", "password=secret"], "credentials="),
            (["u:secret@host:", "/mnt"], "credentials="),
            (["ftps://u:secret@host/", "/mnt"], "credentials="),
            (["http://host/", "/mnt"], "ftps://"), (["umount"], "mountpoint"), (["umount", "/", "/"], "/"),
            (["status"], "mountpoint"),
            (["host:", "/mnt", "-o", "credentials=/nowhere"], "cannot be read"),
            (["me@host:", "/mnt", "-o", "log=stderr"], "-f"),
            (["me@host:", "/mnt", "-o", "password_stdin"], "password_stdin"),
        ])
    func usage(arguments: [String], hint: String) throws {
        let result = try Shell.attempt(
            "program=$1; shift; exec env -u HOME \"$program\" \"$@\" < /dev/null", [Program.path] + arguments)
        #expect(result.status == 1)
        #expect(result.output == "")
        #expect(result.errors.hasPrefix("ftpsfs: ") && result.errors.contains(hint), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1 && !result.errors.contains("secret"))
    }

    @Test("umount says what is not mounted, and leaves other mounts alone")
    func umount() throws {
        let nothing = try invoke("umount", "/nowhere/at/all")
        #expect(nothing.status == 39 && nothing.errors.contains("nothing is mounted here"))
        let foreign = try invoke("umount", "/proc")
        #expect(foreign.status == 39 && foreign.errors.contains("type proc"))
    }

    @Test("status says what is no mount of ours")
    func status() throws {
        let nothing = try invoke("status", "/nowhere/at/all")
        #expect(nothing.status == 39 && nothing.errors.contains("nothing is mounted here"))
        let foreign = try invoke("status", "/proc")
        #expect(foreign.status == 39 && foreign.errors.contains("type proc") && foreign.output == "")
    }

    @Test("as a helper of mount(8) the flags have mount(8)'s meaning, and the exit status is the same")
    func helper() throws {
        let place = try TemporaryDirectory("helper")
        for name in ["mount.ftpsfs", "mount.fuse.ftpsfs"] {
            let path = "\(place.path)/\(name)"
            try Shell.run("ln -s \"$1\" \"$2\"", [Program.path, path])
            let flags = ["-sfnvw", "-N", "/proc/self/ns/mnt", "-t", "fuse.ftpsfs"]
            let fake = try Shell.attempt(
                "\"$@\"", [path, "me@host:", "/mnt"] + flags + ["-o", "rw,_netdev,odd"])
            #expect(
                fake.status == 0 && fake.errors.contains("odd") && fake.errors.hasPrefix(name + ": warning"))
            let unknown = try Shell.attempt("\"$@\"", [path, "me@host:", "/mnt", "-o", "odd"])
            #expect(unknown.status == 1 && unknown.errors.hasPrefix(name + ": unknown option 'odd'"))
            #expect(try Shell.attempt("\"$1\"", [path]).status == 1)
        }
    }

    @Test(
        "help, version and completions go to standard output", arguments: ["-h", "--help", "-V", "--version"])
    func answers(flag: String) throws {
        let result = try invoke(flag)
        #expect(result.status == 0 && result.errors == "" && result.output.contains("ftpsfs"))
    }

    @Test(
        "completions are scripts that their shell understands, and know the options",
        arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) throws {
        let result = try invoke("--generate-completion-script", shell)
        #expect(
            result.status == 0 && result.output.contains("umount") && result.output.contains("status")
                && result.output.contains("max_conns="))
        if shell == "bash" {
            try Shell.run("\"$1\" --generate-completion-script bash | bash -n", [Program.path])
        }
    }

    @Test("a mount point that is of no use is named before a password is asked for")
    func mountPoint() throws {
        let result = try invoke("me@host.invalid:", "/nowhere/at/all")
        #expect(result.status == 39 && result.errors.contains("/nowhere/at/all"))
    }

    @Test("neither arguments nor environment hold the password, and other users cannot look into the process")
    func hiddenPassword() throws {
        // A server that never greets keeps the program in the state in which it has the password and nothing else.
        let script = """
            import os, socket, subprocess, sys
            server = socket.create_server(("127.0.0.1", 0))
            server.settimeout(60)
            program = subprocess.Popen(
                [sys.argv[1], "alice@127.0.0.1:%d:" % server.getsockname()[1], sys.argv[2], "-f", "-o",
                 "password_stdin,timeout=50,cache_dir=" + sys.argv[2] + "/cache"], stdin=subprocess.PIPE)
            program.stdin.write(b"hunter2\\n")
            program.stdin.close()
            connection, _ = server.accept()
            seen = b"".join(open("/proc/%d/%s" % (program.pid, f), "rb").read() for f in ("cmdline", "environ"))
            status = open("/proc/%d/limits" % program.pid).read()
            owner = os.stat("/proc/%d/environ" % program.pid).st_uid
            core = [line for line in status.splitlines() if "core file" in line][0].split()[4:6]
            print(b"alice" in seen, b"hunter2" in seen, owner, core)
            connection.close()
            print(program.wait(60))
            """
        let point = try TemporaryDirectory("point")
        let result = try Shell.run(
            "python3 -c \"$2\" \"$1\" \"$3\" 2>&1", [Program.path, script, point.path], timeout: .seconds(120)
        )
        #expect(result.contains("True False 0 ['0', '0']"), "\(result)")
        #expect(result.hasSuffix("\n34") && !result.contains("hunter2"), "\(result)")
    }

    @Test("closed standard streams do no harm")
    func closedStreams() throws {
        let result = try Shell.attempt(
            "\"$1\" -V <&- >&- 2>&-; a=$?; \"$1\" me@host: /mnt -o odd <&- >&- 2>&-; echo $a $?",
            [Program.path])
        #expect(result.output == "0 1")
    }

    /// Runs the program on a terminal, answers its prompt with bytes or a signal, and reports what came of it.
    private func prompt(_ action: String) throws -> String {
        let script = """
            import os, pty, select, signal, sys, termios, time
            pid, terminal = pty.fork()
            if pid == 0:
                os.environ["HOME"] = "/nowhere"
                os.execv(sys.argv[1], ["ftpsfs", "alice@host.invalid:", sys.argv[2], "-f"])
            def echoes(): return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
            shown = b""
            def read():
                global shown
                ready, _, _ = select.select([terminal], [], [], 60)
                try: part = os.read(terminal, 4096) if ready else b""
                except OSError: part = b""
                shown += part
                return part
            while b"host.invalid: " not in shown and read(): pass
            hidden = not echoes()
            \(action)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            restored = echoes()
            print(hidden, restored, status, b"hunter2" in shown, b"alice at host.invalid" in shown)
            """
        let point = try TemporaryDirectory("point")
        return try Shell.run(
            "python3 -c \"$2\" \"$1\" \"$3\"", [Program.path, script, point.path], timeout: .seconds(120))
    }

    @Test("a terminal is asked without echo, and shows input again when the prompt is interrupted")
    func terminal() throws {
        #expect(
            try prompt("os.kill(pid, signal.SIGTERM)").hasPrefix("True True -15 False True"))
        #expect(try prompt("os.write(terminal, b'\\x03')").hasPrefix("True True -2 False True"))
        #expect(try prompt("os.write(terminal, b'\\x04')").hasPrefix("True True 8 False True"))
        let answered = try prompt("os.write(terminal, b'hunter2\\n')\nwhile read(): pass")
        #expect(answered.hasPrefix("True True ") && answered.hasSuffix("False True"))
    }
}
