import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// What the many ways to refuse a log-in mean: whether the same password may be sent again soon.
@Suite struct RefusedLoginTests {
    @Test(
        "a password that is refused as if for the moment is refused all the same",
        arguments: [
            "430 Invalid username or password", "421 Login incorrect.", "421 Too many failed attempts",
            "421 Too many failed login attempts, try again later", "431 Authentication failed",
            "450 Wrong password.", "530 Login incorrect.", "421 Authentication failed, closing",
        ], ["220 ready", "220 ProFTPD Server ready"])
    func refused(_ reply: String, _ banner: String) throws {
        #expect(try outcome(banner, pass: reply) == "loginRefused")
    }

    @Test(
        "what is said of the service, of connections or of time is no verdict on the password",
        arguments: [
            ("421 Service not available, closing control connection.", "unavailable"),
            ("421 Login timeout (300 seconds): closing control connection", "unavailable"),
            ("451 Temporary authentication failure, please try again later", "unavailable"),
            ("421 Authentication service is not available", "unavailable"),
            ("421 Server is going down", "unavailable"),
            ("421 Connection denied, service temporarily unavailable", "unavailable"),
            ("421 User database is locked, try again later", "unavailable"),
            ("421 Too many connections (8) from this IP", "tooManyConnections"),
            (
                "530 Sorry, the maximum number of clients (3) for this user are already connected.",
                "tooManyConnections"
            ),
        ], ["220 ready", "220 ProFTPD Server ready"])
    func transient(_ answer: (reply: String, name: String), _ banner: String) throws {
        #expect(try outcome(banner, pass: answer.reply) == answer.name)
    }

    @Test("a 421 to USER is no verdict on the password, unless it speaks of failed log-ins")
    func refusedUser() throws {
        #expect(try outcome(user: "421 Login is not possible now") == "unavailable")
        #expect(try outcome(user: "421 Too many failed attempts") == "loginRefused")
    }

    /// The name of the error of a log-in whose USER or PASS is answered so.
    private func outcome(
        _ banner: String = "220 ready", user: String = "331 who are you", pass: String = ""
    ) throws -> String? {
        var name: String?
        try play { script in
            try script.protect(banner: banner)
            try script.answer("USER", user)
            if user.hasPrefix("331") { try script.answer("PASS", pass) }
            while (try? script.line()) != nil { try? script.reply("530 Please login with USER and PASS.") }
        } client: { configuration, _ in
            name = failure { try open(configuration).close() }?.name
        }
        return name
    }
}
