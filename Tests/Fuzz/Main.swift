import CFuzzer
import Glibc

/// Fuzz targets for all that reads what others have written, one of them a run: `fuzz TARGET [options and corpora of libFuzzer]`.
///
/// A target checks the promises of what it feeds: a trap is a finding, and so is a run that takes long. `make fuzz` builds and runs them.
@main
enum Fuzz {
    /// The targets by their names, which are also those of their folders in Corpus.
    private static let targets: [String: @Sendable ([UInt8]) -> Void] = [
        "replies": WireTargets.replies, "answers": WireTargets.answers, "mlsd": WireTargets.machineListing,
        "list": WireTargets.listing, "commands": WireTargets.commands, "options": SettingsTargets.options,
        "source": SettingsTargets.source, "credentials": SettingsTargets.credentials,
        "netrc": SettingsTargets.netrc,
    ]

    /// What is fed in this run; set before the first input and never again.
    nonisolated(unsafe) private static var target: @Sendable ([UInt8]) -> Void = { _ in }

    static func main() {
        var arguments = CommandLine.arguments
        guard arguments.count > 1, let chosen = targets[arguments.remove(at: 1)] else {
            print(targets.keys.sorted().joined(separator: "\n"))
            exit(arguments.count > 1 ? 2 : 0)
        }
        target = chosen
        var pointers = arguments.map { strdup($0) } + [nil]
        var count = CInt(arguments.count)
        let status = pointers.withUnsafeMutableBufferPointer { buffer in
            var base = buffer.baseAddress
            return LLVMFuzzerRunDriver(&count, &base) { data, size in
                let input = Array(UnsafeBufferPointer(start: data, count: size))
                Fuzz.target(input)
                if Fuzz.isForLength(input) { Fuzz.target(Fuzz.repeated(input)) }
                return 0
            }
        }
        exit(status)
    }

    /// Whether an input is also tried at length: few are, always the same ones.
    private static func isForLength(_ input: [UInt8]) -> Bool {
        !input.isEmpty && input.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 } % 512 == 0
    }

    /// An input over and over, long enough for a time that grows with the square of the length to be noticed (-timeout).
    private static func repeated(_ input: [UInt8]) -> [UInt8] {
        Array(repeatElement(input, count: max(1, (1 << 17) / input.count)).joined())
    }
}

/// Says what promise was broken, and ends the run.
func promise(_ isKept: Bool, _ what: String, line: UInt = #line) {
    if !isKept { fatalError("broken: \(what), line \(line)") }
}

/// Whether a text can be shown on a terminal without doing anything to it.
func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) }
}
