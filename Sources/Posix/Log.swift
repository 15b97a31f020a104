package import Logging
import Glibc

/// The place log lines go to.
package final class LogSink: Sendable {
    private enum Target {
        case descriptor(FileDescriptorBox)
        case systemLog
    }

    // Held during a write, so that a long line stays in one piece where write(2) takes it in parts.
    private let target: Monitor<Target>
    private let incidents = Monitor(Incidents())

    private init(_ target: Target) {
        self.target = Monitor(target)
    }

    /// Standard error.
    package static let standardError = LogSink(.descriptor(FileDescriptorBox(borrowing: STDERR_FILENO)))

    /// The system's log, through syslog(3): the facility is `daemon`, the name `ftpsfs`.
    package static func systemLog() -> LogSink {
        // The name is kept for ever: openlog(3) stores the pointer.
        unsafe openlog(strdup("ftpsfs"), LOG_PID | LOG_NDELAY, LOG_DAEMON)
        return LogSink(.systemLog)
    }

    /// A file that is appended to; made for the user alone when it is not there.
    package static func file(_ path: String) throws(Errno) -> LogSink {
        let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, mode: 0o600)
        return LogSink(.descriptor(FileDescriptorBox(file)))
    }

    /// The newest lines of level `.warning` and above, the newest last; with their times, escaped.
    ///
    /// Does not block.
    package var incidentLines: [String] {
        incidents.withLock { $0.recentLines }.map(LogText.escaped)
    }

    /// Writes what is still to be said of lines that were held back; for the end of the program.
    ///
    /// Blocks as long as the target does.
    package func finish() {
        for line in incidents.withLock({ $0.takeAll() }) { write(line.level, line.text) }
    }

    /// Writes a line and keeps it if it tells of an incident; with `sumsUp` it is not written where the same place in the program has said
    /// the same, or much, just before: a summary follows then.
    ///
    /// Blocks as long as the target does.
    func accept(_ level: Logger.Level, _ text: String, from place: String, sumsUp: Bool) {
        let line = Incidents.Line(level: level, text: text)
        let lines = incidents.withLock { incidents in
            guard sumsUp else {
                incidents.remember(line, time: .now)
                return [line]
            }
            return incidents.admit(line, from: place, now: .now, time: .now)
        }
        for line in lines { write(line.level, line.text) }
    }

    /// Writes a line in one piece; `text` needs no line end and no escaping.
    ///
    /// Blocks as long as the target does. A line that cannot be written is lost.
    func write(_ level: Logger.Level, _ text: String) {
        let escaped = LogText.escaped(text)
        target.withLock { target in
            switch target {
            case .descriptor(let box):
                let line = Array("\(LogText.timestamp(of: .now)) \(level.rawValue): \(escaped)\n".utf8)
                writeWhole(line, to: box.raw)
            case .systemLog:
                unsafe escaped.withCString { pointer in
                    unsafe withVaList([pointer]) { unsafe vsyslog(LogSink.priority(of: level), "%s", $0) }
                }
            }
        }
    }

    /// The priority of syslog(3) for a level.
    static func priority(of level: Logger.Level) -> CInt {
        switch level {
        case .trace, .debug: LOG_DEBUG
        case .info: LOG_INFO
        case .notice: LOG_NOTICE
        case .warning: LOG_WARNING
        case .error: LOG_ERR
        case .critical: LOG_CRIT
        }
    }
}

/// A descriptor that several threads write to; owned unless it is one of the standard streams.
private final class FileDescriptorBox: Sendable {
    let raw: CInt
    private let isOwned: Bool

    init(borrowing raw: CInt) {
        self.raw = raw
        isOwned = false
    }

    init(_ file: consuming FileDescriptor) {
        raw = file.release()
        isOwned = true
    }

    deinit {
        if isOwned { _ = close(raw) }
    }
}

/// Writes events of the logging library as one line each: label, message, then metadata as `key=value`.
package struct LineLogHandler: LogHandler {
    /// Who speaks.
    private let label: String
    private let sink: LogSink
    /// The least important level that is written.
    package var logLevel: Logger.Level
    /// Values that go with every line.
    package var metadata: Logger.Metadata = [:]
    /// A source of further values.
    package var metadataProvider: Logger.MetadataProvider?

    /// Makes a handler that writes to a sink.
    package init(label: String, sink: LogSink, level: Logger.Level) {
        self.label = label
        self.sink = sink
        logLevel = level
    }

    /// Has all loggers made from now on write to a sink; to be called once in a process.
    package static func install(_ sink: LogSink, level: Logger.Level) {
        LoggingSystem.bootstrap { LineLogHandler(label: $0, sink: sink, level: level) }
    }

    /// A value that goes with every line.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    package func log(event: LogEvent) {
        var values = metadata
        if let metadataProvider { values.merge(metadataProvider.get()) { _, new in new } }
        if let own = event.metadata { values.merge(own) { _, new in new } }
        var text = label.isEmpty ? "\(event.message)" : "\(label): \(event.message)"
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { text += " \(key)=\(value)" }
        if let error = event.error { text += " error=\(error)" }
        // Who wants to see everything sees each line.
        sink.accept(
            event.level, text, from: "\(event.file):\(event.line)",
            sumsUp: event.level >= .notice && logLevel > .debug)
    }
}
