import Glibc
import Posix
import Settings

/// The program's entry point, under all its names.
@main
enum Main {
    static func main() {
        Console.openMissingStreams()
        Daemon.ignoreBrokenPipes()
        let arguments = CurrentProcess.arguments.map { ArgumentText.text($0) }
        let name = arguments.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "ftpsfs"
        let code: ExitStatus
        do {
            code = try Invocation(name: name, arguments: Array(arguments.dropFirst())).run()
        } catch {
            Console.write("\(name): \(LogText.escaped(error.message))\n", to: .error)
            code = error.code
        }
        exit(code.rawValue)
    }
}
