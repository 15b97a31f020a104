/// What is wrong with the command line, an option or a source of credentials.
package struct SettingsError: Error, Hashable, Sendable {
    /// The number the program ends with.
    package let code: ExitStatus
    /// One line for the user: what is wrong, and what to do about it; never holds a secret.
    package let message: String

    /// Makes an error; bad usage unless something else is said.
    package init(_ message: String, code: ExitStatus = .usage) {
        self.code = code
        self.message = message
    }
}

extension SettingsError: CustomStringConvertible {
    /// The message.
    package var description: String { message }
}
