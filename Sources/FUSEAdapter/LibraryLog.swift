import CFUSE
import Glibc
import Logging
import Posix

/// Where libfuse's own messages go: into the program's log, and, while a mount is being made, into the error.
enum LibraryLog {
    private struct State {
        var logger: Logger?
        var collected: [String]?
    }

    private static let state = Monitor(State())

    /// Takes the messages of libfuse from now on; the last logger given counts, since libfuse knows one receiver.
    static func install(_ logger: Logger) {
        state.withLock { $0.logger = logger }
        unsafe fuse_set_log_func { level, format, arguments in
            // libfuse ends its threads with pthread_cancel(3); a thread must not end here, with a lock held.
            var before: CInt = 0
            unsafe pthread_setcancelstate(CInt(PTHREAD_CANCEL_DISABLE), &before)
            if let format = unsafe format, let arguments = unsafe arguments {
                unsafe LibraryLog.take(level, format, arguments)
            }
            pthread_setcancelstate(before, nil)
        }
    }

    /// Runs the body and returns the complaints that libfuse made meanwhile, on whatever thread.
    static func collecting<Result>(_ body: () -> Result) -> (result: Result, words: [String]) {
        state.withLock { $0.collected = [] }
        let result = body()
        let words = state.withLock { state in
            defer { state.collected = nil }
            return state.collected ?? []
        }
        return (result, words)
    }

    private static func take(
        _ level: fuse_log_level, _ format: UnsafePointer<CChar>, _ arguments: CVaListPointer
    ) {
        var buffer = [CChar](repeating: 0, count: 1024)
        // SAFETY: format and arguments belong together and are valid during the call; vsnprintf(3) ends the text within the buffer.
        guard unsafe vsnprintf(&buffer, buffer.count, format, arguments) > 0 else { return }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        var text = String(decoding: bytes, as: UTF8.self)
        while text.last?.isWhitespace == true { text.removeLast() }
        guard !text.isEmpty else { return }
        let severity = severity(of: level)
        let logger = state.withLock { state in
            if severity >= .warning { state.collected?.append(text) }
            return state.logger
        }
        logger?.log(level: severity, "\(text)")
    }

    private static func severity(of level: fuse_log_level) -> Logger.Level {
        switch level {
        case FUSE_LOG_EMERG, FUSE_LOG_ALERT, FUSE_LOG_CRIT: .critical
        case FUSE_LOG_ERR: .error
        case FUSE_LOG_WARNING: .warning
        case FUSE_LOG_NOTICE: .notice
        case FUSE_LOG_INFO: .info
        default: .debug
        }
    }
}
