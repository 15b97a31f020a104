import Glibc

/// What a command left behind.
package struct CommandResult: Sendable {
    /// 0...255, or 128 and the number of the signal that ended it.
    package let status: CInt
    /// Its standard output, byte for byte.
    package let outputBytes: [UInt8]
    /// Its standard error; invalid UTF-8 is replaced.
    package let errors: String

    /// Its standard output as text without the last line feed; invalid UTF-8 is replaced.
    package var output: String {
        let text = String(decoding: outputBytes, as: UTF8.self)
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}

/// A command that failed or did not end in time.
package struct CommandFailure: Error, CustomStringConvertible {
    package let description: String
}

/// Runs bash scripts in subprocesses.
///
/// Anything that touches a mount goes through here: a process that serves or waits for a mount and uses it as
/// well can deadlock, and a subprocess can be killed.
package enum Shell {
    /// Runs a script and returns whatever it does; throws only when it has not ended within `timeout` (it is
    /// killed then, with its children) or could not be started.
    ///
    /// `$0` is "test"; `arguments` are `$1` and so on.
    package static func attempt(
        _ script: String, _ arguments: [String] = [], in directory: String? = nil,
        environment: [String: String] = [:], timeout: Duration = .seconds(120)
    ) throws -> CommandResult {
        let place = try TemporaryDirectory("shell")
        let output = place.path + "/out"
        let errors = place.path + "/err"
        let child = try ChildProcess(
            ["/bin/bash", "-c", script, "test"] + arguments, environment: environment, directory: directory,
            output: output, errors: errors)
        let status = child.wait(for: timeout)
        if status == nil { child.signal(SIGKILL) }
        let result = CommandResult(
            status: status ?? -1, outputBytes: TestFile.read(output) ?? [], errors: TestFile.text(errors))
        guard status != nil else {
            throw CommandFailure(description: describe(script, "did not end within \(timeout)", result))
        }
        return result
    }

    /// Runs a script that must succeed (bash -e, with pipefail) and returns its output.
    @discardableResult
    package static func run(
        _ script: String, _ arguments: [String] = [], in directory: String? = nil,
        environment: [String: String] = [:], timeout: Duration = .seconds(120)
    ) throws -> String {
        let result = try attempt(
            "set -e -o pipefail\n" + script, arguments, in: directory, environment: environment,
            timeout: timeout)
        guard result.status == 0 else {
            throw CommandFailure(description: describe(script, "ended with status \(result.status)", result))
        }
        return result.output
    }

    private static func describe(_ script: String, _ what: String, _ result: CommandResult) -> String {
        "`\(script)` \(what)\nstdout: \(tail(result.output))\nstderr: \(tail(result.errors))"
    }

    /// The last part of a long text.
    package static func tail(_ text: String, characters: Int = 3000) -> String {
        text.count <= characters ? text : "[...]" + text.suffix(characters)
    }
}
