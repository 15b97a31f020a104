import TestSupport

/// What a program does on a mount whose program is killed meanwhile; each in a directory of its own.
enum KillOperation: String, CaseIterable, Sendable {
    case create
    case createLarge = "create a large file"
    case replace, append
    case change = "change in place"
    case synchronize = "fsync, then more"
    case truncate, rename
    case save = "save by rename"
    case makeDirectory = "mkdir"

    /// How far the program came, as it says itself.
    enum Stage: String {
        /// open(2), or the only call, did not return.
        case opening
        /// open(2) returned, write(2) did not.
        case writing
        /// All calls of write(2) returned, close(2) or fsync(2) did not.
        case written
        /// fsync(2) returned, write(2) after it did not.
        case synchronized
        /// It did, and close(2) did not.
        case extended
        /// close(2) returned, and rename(2) did not.
        case closed
        /// All returned.
        case done

        /// The stage that an answer of the operator tells; nil for none.
        init?(_ answer: String) {
            let words = answer.split(separator: " ")
            guard words.first == "ok" else { return nil }
            self.init(rawValue: words.count > 1 ? String(words[1]) : "done")
        }
    }

    private static let small = content(seed: 1, count: 1000)
    private static let book = content(seed: 3, count: 1_200_000)
    private static let written = content(seed: 4, count: 40_000)
    private static let large = content(seed: 4, count: 1_500_000)
    private static let more = content(seed: 5, count: 50_000)
    private static let page = content(seed: 6, count: 100_000)

    /// Bytes that the operator makes too.
    private static func content(seed: Int, count: Int) -> [UInt8] {
        var bytes = (0..<251).map { UInt8(($0 * 7 + seed) % 251) }
        while bytes.count < count { bytes += bytes }
        return Array(bytes[..<count])
    }

    /// What the directory holds before.
    var before: FaultOperation.State {
        switch self {
        case .create, .createLarge, .synchronize, .makeDirectory: [:]
        case .replace, .append, .save, .truncate: ["file": Self.small]
        case .rename: ["file": Self.small, "other": Self.written]
        case .change: ["book": Self.book]
        }
    }

    /// What it holds when all has returned.
    var after: FaultOperation.State {
        switch self {
        case .create: ["file": Self.written]
        case .createLarge: ["file": Self.large]
        case .replace, .save: ["file": Self.written]
        case .append: ["file": Self.small + Self.more]
        case .change: ["book": Self.book[..<700_000] + Self.page + Self.book[800_000...]]
        case .synchronize: ["file": Self.written + Self.more]
        case .truncate: ["file": Array(Self.small[..<300])]
        case .rename: ["other": Self.small]
        case .makeDirectory: ["made": nil]
        }
    }

    /// What it may hold, once the next mount has had its time, when the program came so far.
    func outcomes(_ stage: Stage) -> [FaultOperation.State] {
        switch (self, stage) {
        // A name that was made or emptied, and part of a write(2) that did not return: the kernel hands it on in pieces.
        case (.create, .writing), (.create, .opening), (.synchronize, .opening), (.synchronize, .writing),
            (.replace, .opening), (.replace, .writing), (.createLarge, .opening):
            [before, ["file": []], after]
        case (.createLarge, .writing):
            [before, after] + [0, 1 << 20].map { ["file": Array(Self.large[..<$0])] }
        case (.synchronize, .written): [["file": Self.written]]
        case (.synchronize, .synchronized): [["file": Self.written], after]
        case (.save, .opening), (.save, .writing):
            [before, ["file": Self.small, "new": []], ["file": Self.small, "new": Self.written]]
        case (.save, .written): [["file": Self.small, "new": Self.written]]
        case (.save, .closed): [["file": Self.small, "new": Self.written], after]
        case (_, .opening), (_, .writing): [before, after]
        case (_, .written), (_, .synchronized), (_, .extended), (_, .closed), (_, .done): [after]
        }
    }

    /// The order to the operator.
    func words(in directory: String) -> [String] {
        let d = "/" + directory
        switch self {
        case .create: return ["staged", d + "/file", "new", "0", "4", "40000"]
        case .createLarge: return ["staged", d + "/file", "new", "0", "4", "1500000"]
        case .replace: return ["staged", d + "/file", "cut", "0", "4", "40000"]
        case .append: return ["staged", d + "/file", "append", "0", "5", "50000"]
        case .change: return ["staged", d + "/book", "within", "700000", "6", "100000"]
        case .synchronize: return ["staged", d + "/file", "new", "0", "4", "40000", "fsync", "5", "50000"]
        case .truncate: return ["single", "truncate", d + "/file", "300"]
        case .rename: return ["single", "rename", d + "/file", d + "/other"]
        case .save: return ["staged", d + "/new", "new", "0", "4", "40000", "rename", d + "/file"]
        case .makeDirectory: return ["single", "mkdir", d + "/made"]
        }
    }

    /// The orders in Python: they return the stage at which the mount died, if it did.
    static let functions = """
        def staged(name, flags, offset, seed, count, then='', *words):
            bits = {'new': os.O_CREAT | os.O_EXCL, 'cut': os.O_TRUNC, 'append': os.O_APPEND, 'within': 0}[flags]
            stage = 'opening'
            try:
                file = os.open(M + name, os.O_WRONLY | bits)
                stage = 'writing'
                try:
                    if flags == 'within': os.lseek(file, int(offset), 0)
                    whole(file, pattern(seed, 0, count))
                    stage = 'written'
                    if then == 'fsync':
                        os.fsync(file)
                        stage = 'synchronized'
                        whole(file, pattern(words[0], 0, words[1]))
                        stage = 'extended'
                finally: os.close(file)
                stage = 'closed'
                if then == 'rename': os.rename(M + name, M + words[0])
            except OSError as error: return f'{stage} {error!r}'
        def whole(file, data):
            while data: data = data[os.write(file, data):]
        def single(kind, name, word=None):
            try:
                if kind == 'truncate': os.truncate(M + name, int(word))
                elif kind == 'rename': os.rename(M + name, M + word)
                else: os.mkdir(M + name)
            except OSError as error: return f'opening {error!r}'
        """
}
