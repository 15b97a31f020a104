extension MountSettings {
    /// What the user is reminded of at each mount: protection that options have taken away.
    static func warnings(_ server: ServerSettings, _ tls: TLSSettings) -> [String] {
        var warnings: [String] = []
        if !tls.verifiesPeer, !tls.pinsPeer {
            warnings.append(
                "no_verify_peer: the server's certificate is not checked, anyone on the way can read the password"
            )
        } else if !tls.verifiesHostName, !tls.pinsPeer {
            warnings.append("no_verify_hostname: a certificate made out to another name is accepted")
        }
        if tls.clearing != .never {
            warnings.append(
                "ccc: after the log-in commands travel in clear text, anyone on the way can read names, and have files changed or sent to himself"
            )
        }
        switch tls.dataProtection {
        case .private: break
        case .clear:
            warnings.append(
                "data=clear: names and contents of files travel without TLS, anyone on the way can read and change them"
            )
        case .clearListings:
            warnings.append(
                "data=clear-listings: names of files travel without TLS, anyone on the way can read and change them"
            )
        }
        if server.usesNamedAddress {
            warnings.append("pasv_ip: data connections go wherever the server says, other machines included")
        }
        if server.believesUploads {
            warnings.append(
                "no_check_upload: what the server only says to have stored counts, and files are written in place"
            )
        }
        return warnings
    }
}
