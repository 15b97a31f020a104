import Settings

/// Why the program ends without success: a line for the user, more where one has no room, and the number to end with.
struct Failure: Error {
    /// The number the program ends with.
    let code: ExitStatus
    /// One line without the program's name and without a secret.
    let message: String
    /// Lines to be shown below it.
    let details: [String]

    /// Makes a failure.
    init(_ code: ExitStatus, _ message: String, details: [String] = []) {
        self.code = code
        self.message = message
        self.details = details
    }

    /// Takes over what is wrong with the settings.
    init(_ error: SettingsError) {
        self.init(error.code, error.message)
    }
}
