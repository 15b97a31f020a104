package import Remote
import Posix

/// A store around another one that fails, or waits, where a test says so.
package final class FailingStore: RemoteStore {
    /// When a rule acts, seen from the effect on the server.
    package enum Moment: Sendable {
        /// The server never hears of the call.
        case before
        /// The server has done it, but the caller does not learn so.
        case after
    }

    /// What happens to the calls that meet a rule.
    package struct Rule: Sendable {
        /// The operation met; nil meets all.
        package var operation: StoreOperation?
        /// The path met; nil meets all.
        package var path: RemotePath?
        /// The urgency met; nil meets both.
        package var urgency: Request.Urgency?
        /// So many calls pass before the rule acts.
        package var skips: Int
        /// The rule acts so many times, then it is used up.
        package var times: Int
        /// When it acts.
        package var moment: Moment
        /// A gate to wait at first; interruption of the request ends the wait.
        package var gate: Gate?
        /// The error thrown then; nil lets the call go on.
        package var error: RemoteError.Kind?
    }

    private struct State {
        var rules: [Rule] = []
        var dice: (@Sendable (StoreCall, Moment) -> RemoteError.Kind?)?
        var calls: [StoreCall] = []
        var spareCalls: [StoreCall] = []
    }

    /// The store that does the work.
    package let base: any RemoteStore
    private let state = Monitor(State())

    /// Wraps a store; without rules nothing fails.
    package init(_ base: any RemoteStore) {
        self.base = base
    }

    package var traits: StoreTraits { base.traits }
    package var report: [String: String] { base.report }

    /// All calls so far in order, those that failed before their effect included.
    package var calls: [StoreCall] { state.withLock { $0.calls } }

    /// The calls among them that were made ahead, for nobody who waits.
    package var spareCalls: [StoreCall] { state.withLock { $0.spareCalls } }

    /// Adds a rule that makes calls fail.
    package func fail(
        _ operation: StoreOperation?, _ path: String? = nil, with kind: RemoteError.Kind,
        _ moment: Moment = .before, _ urgency: Request.Urgency? = nil, skips: Int = 0, times: Int = 1
    ) {
        add(
            Rule(
                operation: operation, path: path.flatMap { RemotePath($0) }, urgency: urgency, skips: skips,
                times: times, moment: moment, gate: nil, error: kind))
    }

    /// Adds a rule that makes one call wait at a gate, and fail then if an error is given.
    package func hold(
        _ operation: StoreOperation?, _ path: String? = nil, at gate: Gate, _ moment: Moment = .before,
        with kind: RemoteError.Kind? = nil, _ urgency: Request.Urgency? = nil, skips: Int = 0, times: Int = 1
    ) {
        add(
            Rule(
                operation: operation, path: path.flatMap { RemotePath($0) }, urgency: urgency, skips: skips,
                times: times, moment: moment, gate: gate, error: kind))
    }

    /// Adds a rule.
    package func add(_ rule: Rule) {
        state.withLock { $0.rules.append(rule) }
    }

    /// Asks a function about every call, before and after its effect; it runs under a lock and answers with an error to throw.
    package func failWhen(_ dice: (@Sendable (StoreCall, Moment) -> RemoteError.Kind?)?) {
        state.withLock { $0.dice = dice }
    }

    /// Drops all rules.
    package func heal() {
        state.withLock { state in
            state.rules = []
            state.dice = nil
        }
    }

    // MARK: The store

    package func list(_ directory: RemotePath, for request: Request) throws(RemoteError) -> Listing {
        try around(.list, directory, request) { () throws(RemoteError) in
            try base.list(directory, for: request)
        }
    }

    package func attributes(of path: RemotePath, for request: Request) throws(RemoteError) -> Attributes {
        try around(.attributes, path, request) { () throws(RemoteError) in
            try base.attributes(of: path, for: request)
        }
    }

    package func exactTimes(
        of paths: [RemotePath], for request: Request
    ) throws(RemoteError) -> [Timestamp?] {
        try around(.exactTimes, paths.first ?? .root, request) { () throws(RemoteError) in
            try base.exactTimes(of: paths, for: request)
        }
    }

    package func resolvedAttributes(
        of path: RemotePath, for request: Request
    ) throws(RemoteError) -> Attributes {
        try around(.resolvedAttributes, path, request) { () throws(RemoteError) in
            try base.resolvedAttributes(of: path, for: request)
        }
    }

    package func openReader(
        _ path: RemotePath, at offset: UInt64, length: UInt64?, for request: Request
    ) throws(RemoteError) -> any RemoteReader {
        let reader = try around(.openReader, path, request) { () throws(RemoteError) in
            try base.openReader(path, at: offset, length: length, for: request)
        }
        return FailingReader(reader, path: path, store: self)
    }

    package func replace(
        _ path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes {
        try around(.replace, path, request) { () throws(RemoteError) in
            try base.replace(path, with: source, order, for: request)
        }
    }

    package func openWriter(
        _ path: RemotePath, isNew: Bool, for request: Request
    ) throws(RemoteError) -> any RemoteWriter {
        let writer = try around(.openWriter, path, request) { () throws(RemoteError) in
            try base.openWriter(path, isNew: isNew, for: request)
        }
        return FailingWriter(writer, path: path, store: self)
    }

    package func append(
        to path: RemotePath, at offset: UInt64, from source: any UploadSource, _ order: UploadOrder,
        for request: Request
    ) throws(RemoteError) -> Attributes {
        try around(.append, path, request) { () throws(RemoteError) in
            try base.append(to: path, at: offset, from: source, order, for: request)
        }
    }

    package func patch(
        _ path: RemotePath, _ ranges: [Range<UInt64>], from source: any UploadSource, _ order: UploadOrder,
        began: () -> Void, for request: Request
    ) throws(RemoteError) -> Attributes {
        try around(.patch, path, request) { () throws(RemoteError) in
            try base.patch(path, ranges, from: source, order, began: began, for: request)
        }
    }

    package func makeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try around(.makeDirectory, path, request) { () throws(RemoteError) in
            try base.makeDirectory(path, for: request)
        }
    }

    package func removeFile(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try around(.removeFile, path, request) { () throws(RemoteError) in
            try base.removeFile(path, for: request)
        }
    }

    package func removeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try around(.removeDirectory, path, request) { () throws(RemoteError) in
            try base.removeDirectory(path, for: request)
        }
    }

    package func rename(
        _ old: RemotePath, to new: RemotePath, replacing: Bool, for request: Request
    ) throws(RemoteError) {
        try around(.rename, old, request) { () throws(RemoteError) in
            try base.rename(old, to: new, replacing: replacing, for: request)
        }
    }

    @discardableResult
    package func setModified(
        _ path: RemotePath, kind: FileKind, to time: Timestamp, for request: Request
    ) throws(RemoteError) -> Attributes? {
        try around(.setModified, path, request) { () throws(RemoteError) in
            try base.setModified(path, kind: kind, to: time, for: request)
        }
    }

    package func setMode(_ path: RemotePath, to mode: UInt16, for request: Request) throws(RemoteError) {
        try around(.setMode, path, request) { () throws(RemoteError) in
            try base.setMode(path, to: mode, for: request)
        }
    }

    package func makeSymlink(
        _ path: RemotePath, target: [UInt8], for request: Request
    ) throws(RemoteError) {
        try around(.makeSymlink, path, request) { () throws(RemoteError) in
            try base.makeSymlink(path, target: target, for: request)
        }
    }

    // MARK: Rules

    /// Runs a call between the rules for both moments.
    func around<Result>(
        _ operation: StoreOperation, _ path: RemotePath, _ request: Request,
        _ body: () throws(RemoteError) -> Result
    ) throws(RemoteError) -> Result {
        let call = StoreCall(operation, path)
        state.withLock { state in
            state.calls.append(call)
            if request.urgency == .spare { state.spareCalls.append(call) }
        }
        try apply(.before, to: call, request)
        let result = try body()
        try apply(.after, to: call, request)
        return result
    }

    private func apply(_ moment: Moment, to call: StoreCall, _ request: Request) throws(RemoteError) {
        let (gate, kind) = state.withLock { state in
            if let kind = state.dice?(call, moment) { return (nil as Gate?, kind as RemoteError.Kind?) }
            for index in state.rules.indices {
                let rule = state.rules[index]
                guard rule.times > 0, rule.moment == moment,
                    rule.operation == nil || rule.operation == call.operation,
                    rule.urgency == nil || rule.urgency == request.urgency,
                    rule.path == nil || rule.path == call.path
                else { continue }
                if rule.skips > 0 {
                    state.rules[index].skips -= 1
                    continue
                }
                state.rules[index].times -= 1
                return (rule.gate, rule.error)
            }
            return (nil, nil)
        }
        if let gate {
            let token = request.onCancel { gate.wake() }
            defer { request.remove(token) }
            guard gate.pass(isGivenUp: { request.isCancelled }) else {
                throw RemoteError(.interrupted, operation: call.operation.rawValue, path: call.path)
            }
        }
        guard let kind else { return }
        throw RemoteError(kind, operation: call.operation.rawValue, path: call.path, words: "scripted")
    }
}

/// A reader whose reads meet the rules for `.read`.
private final class FailingReader: RemoteReader {
    private let base: any RemoteReader
    private let path: RemotePath
    private let store: FailingStore

    init(_ base: any RemoteReader, path: RemotePath, store: FailingStore) {
        self.base = base
        self.path = path
        self.store = store
    }

    func read(into bytes: inout MutableRawSpan, for request: Request) throws(RemoteError) -> Int {
        try store.check(.read, path, request)
        return try base.read(into: &bytes, for: request)
    }

    func close() { base.close() }

    func onReclaim(_ action: @escaping @Sendable () -> Void) { base.onReclaim(action) }
}

/// A writer whose calls meet the rules for `.write` and `.replace`.
private final class FailingWriter: RemoteWriter {
    private let base: any RemoteWriter
    private let path: RemotePath
    private let store: FailingStore

    init(_ base: any RemoteWriter, path: RemotePath, store: FailingStore) {
        self.base = base
        self.path = path
        self.store = store
    }

    func write(_ bytes: RawSpan, for request: Request) throws(RemoteError) {
        try store.around(.write, path, request) { () throws(RemoteError) in
            try base.write(bytes, for: request)
        }
    }

    func finish(
        as path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes {
        defer { close() }
        return try store.around(.replace, path, request) { () throws(RemoteError) in
            try base.finish(as: path, with: source, order, for: request)
        }
    }

    func close() { base.close() }

    func onReclaim(_ action: @escaping @Sendable () -> Void) { base.onReclaim(action) }
}

extension FailingStore {
    /// Meets the rules of one call whose effect needs no wrapping.
    fileprivate func check(
        _ operation: StoreOperation, _ path: RemotePath, _ request: Request
    ) throws(RemoteError) {
        try around(operation, path, request) { () throws(RemoteError) in }
    }
}
