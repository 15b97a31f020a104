import Glibc
import Posix
import Settings

/// The program's entry point, under all its names.
@main
enum Main {
    static func main() {
        Console.openMissingStreams()
        Daemon.ignoreBrokenPipes()
        CurrentProcess.returnFreedMemory()
        CurrentProcess.spareAddressSpace()
        CurrentProcess.raiseFileLimit()
        let arguments = CurrentProcess.arguments.map { ArgumentText.text($0) }
        let name = arguments.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "ftpsfs"
        let code: ExitStatus
        do {
            code = try Invocation(name: name, arguments: Array(arguments.dropFirst())).run()
        } catch {
            // Each line by itself: a line end inside one of them comes from elsewhere and must not make another.
            let lines = ["\(name): \(error.message)"] + error.details
            Console.write(lines.map { LogText.escaped($0) + "\n" }.joined(), to: .error)
            code = error.code
        }
        exit(code.rawValue)
    }
}
