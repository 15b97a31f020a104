import Settings

/// Why the program ends without success: one line for the user, and the number to end with.
struct Failure: Error {
    /// The number the program ends with.
    let code: ExitStatus
    /// One line without the program's name and without a secret.
    let message: String

    /// Makes a failure.
    init(_ code: ExitStatus, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Takes over what is wrong with the settings.
    init(_ error: SettingsError) {
        self.init(error.code, error.message)
    }
}
