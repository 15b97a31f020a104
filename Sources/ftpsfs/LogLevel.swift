import Logging
import Posix
import Settings

extension LogSettings.Level {
    /// The same level in the terms of the logging library.
    var loggerLevel: Logger.Level {
        switch self {
        case .critical: .critical
        case .error: .error
        case .warning: .warning
        case .notice: .notice
        case .info: .info
        case .debug: .debug
        case .trace: .trace
        }
    }
}

extension LogSettings {
    /// Sends what is logged from here on where the settings say; returns that place.
    @discardableResult
    func start() throws(Failure) -> LogSink {
        let sink: LogSink
        switch destination {
        case .standardError: sink = .standardError
        case .systemLog: sink = .systemLog()
        case .file(let path):
            do {
                sink = try LogSink.file(path)
            } catch {
                throw Failure(.usage, "log=\(path): cannot be opened: \(error)")
            }
        }
        LineLogHandler.install(sink, level: level.loggerLevel)
        return sink
    }
}
