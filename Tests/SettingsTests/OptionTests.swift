import Settings
import Testing

/// Each option, alias and refusal, through the table that the program uses.
@Suite struct OptionTests {
    struct Effect: Sendable {
        let option: String
        let holds: @Sendable (MountSettings) -> Bool

        init(_ option: String, _ holds: @escaping @Sendable (MountSettings) -> Bool) {
            self.option = option
            self.holds = holds
        }
    }

    static let pin = String(repeating: "0a", count: 32)
    static let spacedPin = (0..<32).map { _ in "0A" }.joined(separator: ":")

    static let effects: [Effect] = [
        Effect("port=2121") { $0.server.port == 2121 },
        Effect("tls=implicit") { $0.tls.mode == .implicit && $0.server.port == 990 },
        Effect("tls=explicit") { $0.tls.mode == .explicit && $0.server.port == 21 },
        Effect("port=990") { $0.tls.mode == .implicit },
        Effect("port=990,tls=explicit") { $0.tls.mode == .explicit && $0.server.port == 990 },
        Effect("auth=SSL") { $0.tls.mechanism == .ssl },
        Effect("port=21") { $0.tls.mechanism == .tls && !$0.server.protectionComesFirst },
        Effect("ccc=try") { $0.tls.clearing == .tried && $0.warnings.count == 1 },
        Effect("ccc=require") { $0.tls.clearing == .required && $0.warnings.count == 1 },
        Effect("ccc=require,ccc=no") { $0.tls.clearing == .never && $0.warnings.isEmpty },
        Effect("workaround=noarm") { $0.server.shortcuts == [.pipelining, .patching, .following] },
        Effect("workaround=nopipeline:noarm:nopatch:nofollow") { $0.server.shortcuts.isEmpty },
        Effect("workaround=noarm,workaround=nopipeline") {
            $0.server.shortcuts == [.patching, .following]
        },
        Effect("workaround=rename:none") { $0.server.shortcuts == .all },
        Effect("no_strict_eof") { !$0.tls.demandsClose },
        Effect("no_strict_eof,strict_eof") { $0.tls.demandsClose },
        Effect("login_order=prot-first") { $0.server.protectionComesFirst },
        Effect("account=a b") { $0.credentials.account == "a b" },
        Effect("before_auth=CLNT x,before_auth=*opts UTF8 ON") {
            $0.server.beforeAuth.map(\.line) == [Array("CLNT x".utf8), Array("opts UTF8 ON".utf8)]
                && $0.server.beforeAuth.map(\.mayFail) == [false, true]
        },
        Effect("before_login=HOST ftp.example.com") {
            $0.server.beforeLogin.map(\.line) == [Array("HOST ftp.example.com".utf8)]
        },
        Effect("after_login=SITE UMASK 022") {
            $0.server.afterLogin.map(\.line) == [Array("SITE UMASK 022".utf8)]
        },
        Effect("tls_min=1.3") { $0.tls.minimum == .tls13 },
        Effect("tls_max=1.2") { $0.tls.maximum == .tls12 },
        Effect("disable_tls13") { $0.tls.maximum == .tls12 },
        Effect("cacert=/ca.pem") { $0.tls.authorityFile == "/ca.pem" },
        Effect("cacert=ca.pem") { $0.tls.authorityFile == "/work/dir/ca.pem" },
        Effect("cacert=~/ca.pem") { $0.tls.authorityFile == "/home/me/ca.pem" },
        Effect("capath=/ca") { $0.tls.authorityDirectory == "/ca" },
        Effect("crl=/lists.pem") { $0.tls.revocationFile == "/lists.pem" },
        Effect("cn_fallback") { $0.tls.acceptsCommonName && $0.tls.verifiesHostName },
        Effect("no_verify_hostname") { !$0.tls.acceptsCommonName && $0.tls.namesProtocol },
        Effect("no_alpn") { !$0.tls.namesProtocol },
        Effect("cert=/c.pem") { $0.tls.certificateFile == "/c.pem" && $0.tls.keyFile == "/c.pem" },
        Effect("cert=/c.pem,key=/k.pem") { $0.tls.keyFile == "/k.pem" },
        Effect("ciphers=HIGH:!aNULL") { $0.tls.ciphers == "HIGH:!aNULL" && $0.tls.cipherSuites == nil },
        Effect("ciphers=TLS_AES_256_GCM_SHA384") {
            $0.tls.ciphers == nil && $0.tls.cipherSuites == "TLS_AES_256_GCM_SHA384"
        },
        Effect("ciphers=TLS_AES_128_GCM_SHA256:HIGH:TLS_CHACHA20_POLY1305_SHA256:!MD5") {
            $0.tls.ciphers == "HIGH:!MD5"
                && $0.tls.cipherSuites == "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
        },
        Effect("ciphersuites=TLS_AES_128_GCM_SHA256") {
            $0.tls.ciphers == nil && $0.tls.cipherSuites == "TLS_AES_128_GCM_SHA256"
        },
        Effect("ciphersuites=TLS_AES_128_GCM_SHA256,ciphers=HIGH") {
            $0.tls.ciphers == "HIGH" && $0.tls.cipherSuites == "TLS_AES_128_GCM_SHA256"
        },
        Effect("tls_groups=X25519:P-256") { $0.tls.groups == "X25519:P-256" },
        Effect("trust_server_cert=/s.pem,no_verify_peer") {
            $0.tls.pinnedFiles == ["/s.pem"] && $0.warnings.isEmpty
        },
        Effect("tls_pin=sha256:\(pin)") { $0.tls.pins == [[UInt8](repeating: 10, count: 32)] },
        Effect("tls_pin=SHA256:\(spacedPin)") { $0.tls.pins == [[UInt8](repeating: 10, count: 32)] },
        Effect("no_verify_peer") {
            !$0.tls.verifiesPeer && $0.warnings.contains { $0.contains("no_verify_peer") }
        },
        Effect("no_check_certificate") { !$0.tls.verifiesPeer },
        Effect("no_verify_hostname") {
            !$0.tls.verifiesHostName && $0.tls.verifiesPeer && $0.warnings.count == 1
        },
        Effect("credentials=/cred") { $0.credentials.file == "/cred" },
        Effect("cred=/cred") { $0.credentials.file == "/cred" },
        Effect("netrc=/n") { $0.credentials.netrc == .file("/n") },
        Effect("netrc") { $0.credentials.netrc == .required },
        Effect("password_stdin") { $0.credentials.fromStandardInput },
        Effect("max_conns=3") { $0.server.maximumConnections == 3 },
        Effect("concurrency=4") { $0.server.maximumConnections == 4 },
        Effect("nconnect=5") { $0.server.maximumConnections == 5 },
        Effect("connect_timeout=7") { $0.server.connectTimeout == .seconds(7) },
        Effect("ConnectTimeout=7") { $0.server.connectTimeout == .seconds(7) },
        Effect("contimeout=7") { $0.server.connectTimeout == .seconds(7) },
        Effect("timeout=1.5") { $0.server.timeout == .milliseconds(1500) },
        Effect("read_timeout=5m") { $0.server.timeout == .seconds(300) },
        Effect("idle_timeout=90s") { $0.server.idleTimeout == .seconds(90) },
        Effect("idle_timeout=0") { $0.server.idleTimeout == nil },
        Effect("ipv4") { $0.server.addresses == .ipv4 },
        Effect("ipv6") { $0.server.addresses == .ipv6 },
        Effect("ipv4,ipv6") { $0.server.addresses == .any },
        Effect("enable_epsv") { $0.server.passiveMode == .extendedOnly },
        Effect("disable_epsv") { $0.server.passiveMode == .plainOnly },
        Effect("pasv_ip") {
            $0.server.usesNamedAddress && $0.warnings.contains { $0.contains("pasv_ip") }
        },
        Effect("pasv_ip,skip_pasv_ip") { !$0.server.usesNamedAddress && $0.warnings.isEmpty },
        Effect("active") { $0.server.active?.ports == nil && $0.server.active?.address == nil },
        Effect("active,active_ports=40000-40010") { $0.server.active?.ports == 40000...40010 },
        Effect("active,active_ports=40000") { $0.server.active?.ports == 40000...40000 },
        Effect("active,active_address=192.0.2.7") {
            $0.server.active?.address == "192.0.2.7" && $0.server.addresses == .ipv4
        },
        Effect("active,active_address=2001:db8::7") {
            $0.server.active?.address == "2001:db8::7" && $0.server.addresses == .ipv6
        },
        Effect("data=private") { $0.tls.dataProtection == .private && $0.warnings.isEmpty },
        Effect("data=clear") {
            $0.tls.dataProtection == .clear && $0.warnings.contains { $0.contains("contents of files") }
        },
        Effect("data=clear-listings") {
            $0.tls.dataProtection == .clearListings && $0.warnings.contains { $0.contains("names of files") }
        },
        Effect("list=mlsd") { $0.server.listing == .mlsd },
        Effect("list=list") { $0.server.listing == .list },
        Effect("list=list-a") { $0.server.listing == .listAll },
        Effect("list=auto") { $0.server.listing == .automatic },
        Effect("disable_mlsd") { $0.server.listing == .listAll },
        Effect("custom_list=LIST -a") { $0.server.listing == .listAll },
        Effect("uid=1234,gid=5678") { $0.presentation.userID == 1234 && $0.presentation.groupID == 5678 },
        Effect("uid=alice,gid=staff") { $0.presentation.userID == 501 && $0.presentation.groupID == 50 },
        Effect("umask=077") {
            $0.presentation.shownFileMode(0o664) == 0o600 && $0.presentation.shownDirectoryMode(nil) == 0o700
        },
        Effect("umask=002") {
            $0.presentation.shownFileMode(nil) == 0o664 && $0.presentation.shownDirectoryMode(nil) == 0o775
        },
        Effect("fmask=0137,dmask=0027") {
            $0.presentation.shownFileMode(nil) == 0o640 && $0.presentation.shownDirectoryMode(nil) == 0o750
        },
        Effect("umask=022,fmask=0") {
            $0.presentation.shownFileMode(0o666) == 0o666
                && $0.presentation.shownDirectoryMode(0o777) == 0o755
        },
        Effect("file_mode=0400,dir_mode=0500") {
            $0.presentation.shownFileMode(0o777) == 0o400 && $0.presentation.shownDirectoryMode(nil) == 0o500
        },
        Effect("allow_other") { $0.kernel.allowOther && $0.kernel.defaultPermissions },
        Effect("allow_other") {
            $0.presentation.shownFileMode(0o666) == 0o644 && $0.presentation.shownFileMode(nil) == 0o644
                && $0.presentation.shownDirectoryMode(0o777) == 0o755
        },
        Effect("allow_other,umask=0") { $0.presentation.shownFileMode(0o666) == 0o666 },
        Effect("allow_other,dmask=0") { $0.presentation.shownFileMode(0o666) == 0o666 },
        Effect("allow_other,no_default_permissions") {
            $0.kernel.allowOther && !$0.kernel.defaultPermissions
        },
        Effect("no_default_permissions,default_permissions") { $0.kernel.defaultPermissions },
        Effect("allow_root") {
            $0.kernel.allowRoot && !$0.kernel.allowOther && !$0.kernel.defaultPermissions
        },
        Effect("default_permissions") { $0.kernel.defaultPermissions },
        Effect("ro") { $0.kernel.readOnly },
        Effect("ro,rw") { !$0.kernel.readOnly },
        Effect("fsname=a\\,b\\\\c") { $0.kernel.sourceName == "a,b\\c" },
        Effect("dcache_timeout=3") { $0.cache.directoryTimeout == .seconds(3) },
        Effect("cache_timeout=3") { $0.cache.directoryTimeout == .seconds(3) },
        Effect("dir_cache_time=1h") { $0.cache.directoryTimeout == .seconds(3600) },
        Effect("actimeo=0") { $0.cache.directoryTimeout == .zero },
        Effect("dir_refresh=250ms") { $0.cache.directoryTimeout == .milliseconds(250) },
        Effect("attr_timeout=2") { $0.kernel.attributeTimeout == .seconds(2) },
        Effect("entry_timeout=2.25") { $0.kernel.entryTimeout == .milliseconds(2250) },
        Effect("negative_timeout=0") { $0.kernel.negativeTimeout == .zero },
        Effect("cache_dir=/c") { $0.cache.directory == "/c" },
        Effect("cache_dir=c") { $0.cache.directory == "/work/dir/c" },
        Effect("cache_size=512M") { $0.cache.size == 512 << 20 },
        Effect("verify=auto") { $0.server.verifiesChecksums },
        Effect("verify=hash,verify=size") { !$0.server.verifiesChecksums },
        Effect("no_check_upload") {
            $0.server.believesUploads && $0.warnings.contains { $0.contains("no_check_upload") }
        },
        Effect("spool_size=2G") { $0.cache.spoolSize == 2 << 30 },
        Effect("write_back=5") { $0.cache.writeBack == .seconds(5) },
        Effect("vfs_write_back=500ms") { $0.cache.writeBack == .milliseconds(500) },
        Effect("delay_upload=1m") { $0.cache.writeBack == .seconds(60) },
        Effect("max_upload_attempts=3") { $0.cache.uploadAttempts == 3 },
        Effect("no_lookahead") { !$0.cache.looksAhead },
        Effect("no_lookahead,lookahead") { $0.cache.looksAhead },
        Effect("disk_size=10T") { $0.cache.reportedDiskSize == 10 << 40 },
        Effect("vfs_disk_space_total_size=2GiB") { $0.cache.reportedDiskSize == 2 << 30 },
        Effect("readahead=16M") { $0.cache.readAhead == 16 << 20 },
        Effect("readahead=0") { $0.cache.readAhead == 0 },
        Effect("max_readahead=131072") { $0.cache.readAhead == 128 << 10 },
        Effect("streams=3") { $0.cache.streamsPerFile == 3 },
        Effect("streams=3,streams=auto") { $0.cache.streamsPerFile == nil },
        Effect("debug") { $0.foreground && $0.log.level == .debug && $0.log.destination == .standardError },
        Effect("debug,loglevel=trace") { $0.log.level == .trace },
        Effect("log=/var/log/x") { $0.log.destination == .file("/var/log/x") && !$0.foreground },
        Effect("debug,log=syslog") { $0.log.destination == .systemLog },
        Effect("debug,log=stderr") { $0.log.destination == .standardError },
        Effect("loglevel=error") { $0.log.level == .error },
        Effect("noexec,noatime,sync,dirsync") {
            $0.kernel.flags == ["noexec", "noatime", "sync", "dirsync"]
        },
        Effect("noexec,exec,sync,async,noatime,atime") { $0.kernel.flags == [] },
        Effect("user=me") { $0.credentials.userName == "me" },
    ]

    @Test("an option does what the manual says", arguments: effects.indices)
    func effect(index: Int) throws {
        let effect = Self.effects[index]
        #expect(effect.holds(try settings(effect.option)), "\(effect.option)")
    }

    @Test("every option in the table is exercised by one of these tests")
    func coverage() throws {
        let harmless: Set = ["rw", "ssl", "reconnect", "skip_pasv_ip", "utf8", "soft", "cto", "username"]
        let used = try Set(Self.effects.flatMap { try OptionElement.list($0.option).map(\.name) })
        let all = OptionTable.groups.flatMap(\.options).flatMap { [$0.name] + $0.aliases }
        #expect(Set(all).subtracting(used).subtracting(harmless) == [])
    }

    @Test(
        "options without effect and those of other programs are accepted",
        arguments: [
            "rw,ssl,reconnect,skip_pasv_ip,utf8,soft,cto",
            "_netdev,nofail,auto,noauto,user,users,nouser,owner,group,defaults,comment=a b,relatime,nosuid,suid,dev",
            "x-systemd.automount,x-systemd.idle-timeout=10min,x-gvfs-show,X-mount.mkdir=0755,uhelper=x,subtype=ftpsfs",
            "", ",,", "rw,",
        ])
    func accepted(options: String) throws {
        #expect(complaint(options) == nil)
    }

    @Test(
        "what is wrong is named, with what to do",
        arguments: [
            ("conect_timeout=3", "unknown option 'conect_timeout': did you mean 'connect_timeout'?"),
            ("max_cons=3", "did you mean 'max_conns'?"),
            ("connecttimeout=3", "did you mean 'ConnectTimeout'?"),
            ("allow-other", "did you mean 'allow_other'?"),
            ("reda_timeout=3", "did you mean 'read_timeout'?"),
            ("frobnicate", "unknown option 'frobnicate': the nearest known one is"),
            ("password=secret", "option 'password' is refused"),
            ("pass=secret", "credentials=FILE"),
            ("user=me:secret", "credentials=FILE"),
            ("ssl_try", "clear text"), ("ssl_control", "clear text"),
            ("remount,ro", "unmount it"), ("nosymfollow", "'nosymfollow' is refused"),
            ("port", "option 'port' needs a value: port=NUMBER"),
            ("port=", "port"), ("port=0", "1 up to 65535"), ("port=65536", "1 up to 65535"),
            ("port=+21", "1 up to 65535"), ("port=ftp", "1 up to 65535"),
            ("ro=1", "option 'ro' takes no value"),
            ("max_conns=0", "max_conns=0: use a number, 1 up to 64"), ("max_conns=65", "1 up to 64"),
            ("timeout=0", "timeout=0: use seconds"), ("timeout=-1", "use seconds"),
            ("timeout=1e3", "use seconds"),
            ("timeout=1.", "use seconds"), ("timeout=", "use seconds"),
            ("timeout=9999999999999", "use seconds"),
            ("timeout=1w", "use seconds"), ("connect_timeout=2h", "use seconds"),
            ("streams=0", "1 up to 64"), ("streams=many", "1 up to 64"), ("readahead=far", "512M"),
            ("cache_size=1", "at least"), ("cache_size=x", "512M"), ("cache_size=", "512M"),
            ("cache_size=99999999P", "too large"), ("disk_size=-1", "512M"),
            ("umask=9", "octal"), ("umask=77777", "octal"), ("umask=", "octal"), ("file_mode=rw", "octal"),
            ("uid=nobody-here", "uid=nobody-here: this machine has no such user"), ("uid=-1", "no such user"),
            ("uid=4294967295", "below 4294967295"), ("uid=12x", "below 4294967295"),
            ("gid=nowhere", "no such group"),
            ("tls=auto", "tls=auto: use one of explicit, implicit"), ("tls_min=1.1", "use one of 1.2, 1.3"),
            ("tls_min=1.3,tls_max=1.2", "no version"),
            ("auth=tls", "use one of TLS, SSL, TLS-C, TLS-P"),
            ("auth=TLS,tls=implicit", "has no AUTH"), ("before_auth=CLNT x,port=990", "has no AUTH"),
            ("before_login=", "use a command of FTP"), ("before_login= HOST x", "use a command of FTP"),
            ("after_login=user bob", "USER is sent by the program itself"),
            ("before_auth=*PASS secret", "PASS is sent by the program itself"),
            ("after_login=prot C", "PROT is sent by the program itself"),
            ("after_login=NOOP\\015\\012DELE x", "one line"),
            ("login_order=first", "use one of user-first, prot-first"),
            ("account=", "the value is empty"), ("account=a\\012b", "line end"),
            ("data=none", "use one of private, clear, clear-listings"),
            ("data=clear-listings,ccc=try", "CCC rules out"),
            ("pasv_ip,enable_epsv", "EPSV names no address"), ("active,pasv_ip", "mean nothing with active"),
            ("active,disable_epsv", "mean nothing with active"),
            ("active_ports=2000-3000", "need active"), ("active_address=192.0.2.1", "need active"),
            ("active,active_ports=80", "1024 up to 65535"), ("active,active_ports=3000-2000", "LOW-HIGH"),
            ("active,active_ports=2000-70000", "LOW-HIGH"), ("active,active_ports=2000-", "LOW-HIGH"),
            ("active,active_ports=1-2-3", "LOW-HIGH"), ("active,active_address=me", "numeric address"),
            ("active,active_address=0.0.0.0", "numeric address"),
            ("active,active_address=224.0.0.1", "numeric address"),
            ("active,active_address=192.0.2.1,ipv6", "active_address=192.0.2.1 and ipv6 contradict"),
            ("active,active_address=2001:db8::1,ipv4", "active_address=2001:db8::1 and ipv4 contradict"),
            ("list=nlst", "use one of auto, mlsd, list, list-a"),
            ("custom_list=NLST", "use one of LIST, LIST -a"),
            ("cacert=/missing", "cacert=/missing: cannot be read"), ("cert=/missing", "cannot be read"),
            ("crl=/missing", "cannot be read"), ("crl=/l.pem,no_verify_peer", "no authority is looked at"),
            ("crl=/l.pem,tls_pin=sha256:\(pin)", "no authority is looked at"),
            ("crl=/l.pem,trust_server_cert=/s.pem", "no authority is looked at"),
            ("cn_fallback=1", "no value"),
            ("cacert=", "the value is empty"), ("key=/k.pem", "cert=FILE"),
            ("tls_pin=abc", "sha256:"), ("tls_pin=sha256:0a", "64 hexadecimal digits"),
            ("tls_pin=sha256:\(String(repeating: "0g", count: 32))", "64 hexadecimal digits"),
            ("allow_other,allow_root", "exclude each other"),
            ("log=stderr", "needs -f"), ("loglevel=loud", "use one of critical"),
            ("fsname=\"a", "double quote"), ("username=", "user name"), ("username=other", "contradict"),
        ])
    func refusals(options: String, hint: String) throws {
        let message = try #require(complaint(options))
        #expect(message.contains(hint), "\(message)")
        #expect(!message.contains("secret") && !message.contains("\n"))
    }

    @Test("options given in several lists count in their order; a name of the source wins over none")
    func lists() throws {
        let both = try settings("ro,timeout=3", "rw")
        #expect(!both.kernel.readOnly && both.server.timeout == .seconds(3))
        #expect(try settings("username=bob", source: "host:").credentials.userName == "bob")
        #expect(try settings("username=me").credentials.userName == "me")
    }

    @Test("mount(8)'s -s turns unknown options into warnings, and nothing else")
    func sloppy() throws {
        let request = MountRequest(
            source: "me@host:", mountPoint: "/mnt", optionLists: ["frobnicate,ro"],
            toleratesUnknownOptions: true)
        let lax = try MountSettings(request, surroundings())
        #expect(lax.kernel.readOnly && lax.warnings.count == 1 && lax.warnings[0].contains("frobnicate"))
        var wrong = request
        wrong.optionLists = ["port=x"]
        #expect(throws: SettingsError.self) { try MountSettings(wrong, surroundings()) }
    }

    @Test("debug keeps the program in the foreground for a person, and only speaks up for mount(8)")
    func debugging() throws {
        var request = MountRequest(source: "me@host:", mountPoint: "/mnt", optionLists: ["debug"])
        request.isForMount = true
        let helper = try MountSettings(request, surroundings())
        #expect(!helper.foreground && helper.log.level == .debug && helper.log.destination == .systemLog)
        request.optionLists = ["debug,log=stderr"]
        #expect(throws: SettingsError.self) { try MountSettings(request, surroundings()) }
    }

    @Test("-p gives way to port=, and both must agree with the source")
    func ports() throws {
        let request = MountRequest(source: "me@host:", mountPoint: "/mnt", port: "2121")
        #expect(try MountSettings(request, surroundings()).server.port == 2121)
        var other = request
        other.optionLists = ["port=2222"]
        #expect(try MountSettings(other, surroundings()).server.port == 2222)
        other.source = "me@host:2222:"
        #expect(try MountSettings(other, surroundings()).server.port == 2222)
        other.source = "me@host:21:"
        #expect(throws: SettingsError.self) { try MountSettings(other, surroundings()) }
        #expect(try settings(source: "ftps://host/").server.port == 990)
        #expect(try settings("tls=explicit", source: "ftps://host/").server.port == 21)
    }

    @Test("the cache directory is found without HOME, and is the same for root with and without it")
    func cacheDirectory() {
        #expect(surroundings(["CACHE_DIRECTORY": "/var/cache/a:/b"]).cacheDirectory == "/var/cache/a")
        #expect(surroundings(["XDG_CACHE_HOME": "/x", "HOME": "/h"]).cacheDirectory == "/x/ftpsfs")
        #expect(surroundings(["XDG_CACHE_HOME": "x", "HOME": "/h"]).cacheDirectory == "/h/.cache/ftpsfs")
        #expect(surroundings([:]).cacheDirectory == "/home/me/.cache/ftpsfs")
        #expect(surroundings([:], user: 7).cacheDirectory == "/var/cache/ftpsfs")
        #expect(surroundings(["HOME": "/root"], user: 0).cacheDirectory == "/var/cache/ftpsfs")
        #expect(surroundings([:], user: 0).cacheDirectory == "/var/cache/ftpsfs")
    }

    @Test("the mount point becomes absolute; one that is not UTF-8 is unusable")
    func mountPoint() throws {
        #expect(try settings(point: "mnt").mountPoint == "/work/dir/mnt")
        let error = try #require(throws: SettingsError.self) {
            try settings(point: ArgumentText.text([0x2F, 0xFF]))
        }
        #expect(error.code == .mountPointUnusable)
    }
}
