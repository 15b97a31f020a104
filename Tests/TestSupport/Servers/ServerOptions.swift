import Glibc

/// The FTPS servers the tests run against.
package enum ServerKind: String, CaseIterable, Sendable, CustomStringConvertible {
    case vsftpd, proftpd, pureftpd, pyftpdlib

    /// The server's own name.
    package var description: String {
        switch self {
        case .vsftpd: "vsftpd"
        case .proftpd: "ProFTPD"
        case .pureftpd: "Pure-FTPd"
        case .pyftpdlib: "pyftpdlib"
        }
    }

    /// The kinds to test: those that are unpacked, or all when FTPSFS_REQUIRE_SERVERS is set, so that a
    /// missing server is then a failure.
    ///
    /// Empty when not root, which the servers need.
    package static let available: [ServerKind] = {
        if getenv("FTPSFS_REQUIRE_SERVERS") != nil { return allCases }
        return geteuid() == 0 ? allCases.filter { access($0.program, F_OK) == 0 } : []
    }()

    /// The kinds to test without those that have a named gap.
    package static func available(except gaps: ServerKind...) -> [ServerKind] {
        available.filter { !gaps.contains($0) }
    }

    private var program: String {
        let chosen = getenv("FTPSFS_SERVERS").map { String(cString: $0) } ?? ""
        let servers = chosen.isEmpty ? packageRoot + "/.build/servers" : chosen
        let path =
            switch self {
            case .vsftpd: "sbin/vsftpd"
            case .proftpd: "sbin/proftpd"
            case .pureftpd: "sbin/pure-ftpd"
            case .pyftpdlib: "lib/python3/dist-packages/pyftpdlib/__init__.py"
            }
        return "\(servers)/root/usr/\(path)"
    }
}

/// The TLS versions a server accepts.
package enum TLSVersions: String, CaseIterable, Sendable, CustomStringConvertible {
    case only12 = "1.2"
    case only13 = "1.3"
    case both

    package var description: String { self == .both ? "TLS 1.2 and 1.3" : "TLS \(rawValue)" }
}

/// Which certificate a server presents.
package enum ServerCertificate: String, Sendable {
    /// Of the tests' authority, for localhost, 127.0.0.1 and ::1.
    case valid = "server"
    /// Of the tests' authority, for another host.
    case wrongHost = "wrong-host"
    /// For localhost, of no authority.
    case selfSigned = "self-signed"
}

/// How a server is to be configured; what a kind of server cannot do makes `ServerFixture.init` throw.
package struct ServerOptions: Sendable {
    package var tls = TLSVersions.both
    /// TLS from the first byte (not on Pure-FTPd).
    package var implicit = false
    /// Whether data connections must resume the control connection's session, as vsftpd and ProFTPD alone can.
    package var requireReuse = true
    package var certificate = ServerCertificate.valid
    /// Require a client certificate of the tests' authority (vsftpd and ProFTPD).
    package var clientCertificate = false
    /// Connections allowed from one address.
    package var maxClients: Int?
    /// Seconds; Pure-FTPd rounds up to minutes.
    package var idleLimit: Int?
    package var ipv6 = false
    /// How many passive ports the server has to itself, as a relay before it needs; otherwise it takes any of a wide range.
    package var passivePorts: Int?
    /// Refuse EPSV (vsftpd and ProFTPD).
    package var refuseEPSV = false
    /// A directory to serve instead of a new one.
    package var root: String?
    /// Serve a tmpfs of this size ("8m"), to let it run full.
    package var tmpfs: String?
    /// The server's TZ.
    package var timezone: String?
    /// Log-in name and password.
    package var user = "alice"
    package var password = "kite-4711"
    /// Further configuration lines; for Pure-FTPd command-line arguments, for pyftpdlib `attribute=value` of the handler.
    package var extra: [String] = []

    package init() {}

    /// Changes that read well in a test: `ServerOptions { $0.implicit = true }`.
    package init(_ change: (inout ServerOptions) -> Void) { change(&self) }

    /// A server that leaves it to the client whether TLS protects data connections.
    package static func allowingClearData(_ kind: ServerKind) -> ServerOptions {
        let line =
            switch kind {
            case .vsftpd: "force_local_data_ssl=NO"
            case .proftpd: "TLSRequired ctrl"
            case .pureftpd: "--tls=2"
            case .pyftpdlib: "tls_data_required=false"
            }
        return ServerOptions { $0.extra = [line] }
    }

    var arguments: [String] {
        var result = ["--tls", tls.rawValue, "--certificate", certificate.rawValue]
        result += ["--user", user, "--password", password]
        if implicit { result.append("--implicit") }
        if !requireReuse { result.append("--no-reuse") }
        if clientCertificate { result.append("--client-certificate") }
        if ipv6 { result.append("--ipv6") }
        if refuseEPSV { result.append("--no-epsv") }
        if let passivePorts { result += ["--passive", String(passivePorts)] }
        if let maxClients { result += ["--max-clients", String(maxClients)] }
        if let idleLimit { result += ["--idle", String(idleLimit)] }
        if let root { result += ["--root", root] }
        if let tmpfs { result += ["--tmpfs", tmpfs] }
        if let timezone { result += ["--timezone", timezone] }
        for line in extra { result.append("--extra=" + line) }
        return result
    }
}
