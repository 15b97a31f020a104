/// The text of `ftpsfs -h`.
package enum HelpText {
    /// The whole text, as wide as a terminal of 80 columns.
    package static var text: String {
        var lines = [
            "Mount a directory of an FTPS server (FTP protected by TLS).",
            "",
            "usage: ftpsfs [USER@]HOST[:PORT]:[/PATH] MOUNTPOINT [options]",
            "       ftpsfs ftp://[USER@]HOST[:PORT][/PATH] MOUNTPOINT [options]",
            "       ftpsfs umount [-l] MOUNTPOINT",
            "       ftpsfs status MOUNTPOINT",
            "       ftpsfs recover list | upload | export | discard ...",
            "       ftpsfs probe SOURCE [--json] [--write] [options]",
            "",
            "ftp:// and ftpes:// mean explicit TLS on port 21, ftps:// implicit TLS on 990.",
            "Without a PATH the log-in directory is mounted. Everything travels through TLS,",
            "unless the options data, ccc or before_auth say otherwise.",
            "",
            "  -o OPTIONS              mount options as below, commas between them",
            "  -p PORT                 the same as -o port=PORT",
            "  -f                      stay in the foreground",
            "  -d                      -f, and show the dialogue with the server",
            "  -s                      answer one request at a time",
            "  -h, --help              this text",
            "  -V, --version           the version",
            "  --generate-completion-script SHELL",
            "                          completions for bash, zsh or fish",
        ]
        for (title, options) in OptionTable.groups {
            lines += ["", "\(title):"]
            for option in options { lines += entry(option) }
        }
        lines += ["", "Generic mount options, accepted:"]
        lines += wrapped(OptionTable.accepted.map(\.synopsis) + ["x-*"], indent: 2)
        lines += [
            "", "A password is never taken from the command line. Manual: man ftpsfs",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static let column = 26

    private static func entry(_ option: MountOption) -> [String] {
        var help = option.help
        if !option.defaultText.isEmpty { help += " (\(option.defaultText))" }
        if !option.aliases.isEmpty { help += "; also \(option.aliases.joined(separator: ", "))" }
        var lines = wrapped(help.split(separator: " ").map(String.init), indent: column)
        let head = "  " + option.synopsis
        guard head.count < column, let first = lines.first else { return [head] + lines }
        lines[0] = head + String(repeating: " ", count: column - head.count) + first.dropFirst(column)
        return lines
    }

    private static func wrapped(_ words: [String], indent: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = margin
        for word in words {
            if line.count > indent, line.count + 1 + word.count > 80 {
                lines.append(line)
                line = margin
            }
            line += line.count > indent ? " " + word : word
        }
        if line.count > indent { lines.append(line) }
        return lines
    }
}
