"""How each of the four FTPS servers is configured. `configure` returns the command line and the environment."""
import os
import subprocess

KINDS = ["vsftpd", "proftpd", "pureftpd", "pyftpdlib"]
UNPRIVILEGED = 65534


class Unsupported(Exception):
    """The server cannot do what was asked for, or is not there."""


def configure(server):
    programs = {"vsftpd": "usr/sbin/vsftpd", "proftpd": "usr/sbin/proftpd", "pureftpd": "usr/sbin/pure-ftpd",
                "pyftpdlib": "usr/lib/python3/dist-packages/pyftpdlib/__init__.py"}
    program = os.path.join(server.options.servers, programs[server.options.kind])
    if not os.path.exists(program):
        raise Unsupported(f"{server.options.kind} is not unpacked at {program}: run scripts/setup")
    return globals()[server.options.kind](server, program)


def refuse(server, **unsupported):
    """Raises for options that this kind of server cannot honour."""
    for name, value in unsupported.items():
        if value:
            raise Unsupported(f"{server.options.kind} has no --{name.replace('_', '-')}")


def write(path, text, mode=0o644):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def hashed(password):
    return subprocess.run(["openssl", "passwd", "-1", "-stdin"], input=password + "\n", capture_output=True,
                          text=True, check=True).stdout.strip()


def change_password(server, password):
    """Has later log-ins need another password; sessions that there are go on."""
    accounts = {"vsftpd": vsftpd_account, "proftpd": proftpd_account, "pureftpd": pureftpd_account}
    if server.options.kind not in accounts:
        raise Unsupported(f"{server.options.kind} keeps its password in memory")
    server.options.password = password
    accounts[server.options.kind](server)


def certificate(server, part):
    return os.path.join(server.pki, server.options.certificate + part)


def vsftpd_account(server):
    o = server.options
    write(server.path("etc", "shadow"), f"{o.user}:{hashed(o.password)}:19000:0:99999:7:::\n", 0o600)


def vsftpd(server, program):
    """Its one user exists in the passwd, shadow and PAM files that are mounted over those below /etc in a mount
    namespace of the server's own. (pam_exec would need less, but vsftpd 3.0.3 takes the end of its child for the end
    of the session's other half and waits for ever.)"""
    o = server.options
    etc = server.path("etc")
    os.makedirs(os.path.join(etc, "pam.d"), exist_ok=True)
    with open("/etc/passwd") as file:
        others = "".join(line for line in file if not line.startswith(o.user + ":"))
    write(os.path.join(etc, "passwd"), others + f"{o.user}:x:{UNPRIVILEGED}:{UNPRIVILEGED}::{server.root}:/bin/sh\n")
    vsftpd_account(server)
    write(os.path.join(etc, "pam.d", "ftpsfs"), "auth required pam_unix.so\naccount required pam_permit.so\n"
          "session required pam_permit.so\n")
    # A mount namespace holds on to every mount it inherits: an ftpsfs mount of somebody else must not live on in it
    # after its umount, or that program would wait for an end that never comes.
    write(server.path("run"), f"""#!/bin/sh -e
for name in passwd shadow pam.d; do mount --bind {etc}/$name /etc/$name; done
while read -r _ _ _ _ point rest; do
    case $rest in *" - fuse"*) umount -i -c -l "$(printf '%b' "$point")" || true ;; esac
done < /proc/self/mountinfo
exec {program} {server.path("conf")}
""", 0o700)
    settings = {
        "background": "NO", "listen": "NO" if o.ipv6 else "YES", "listen_ipv6": "YES" if o.ipv6 else "NO",
        "listen_address6" if o.ipv6 else "listen_address": o.host, "listen_port": server.port,
        "anonymous_enable": "NO", "local_enable": "YES", "write_enable": "YES", "mdtm_write": "YES",
        "pam_service_name": "ftpsfs", "nopriv_user": "nobody", "secure_chroot_dir": server.path("empty"),
        "local_root": server.root, "chroot_local_user": "YES", "allow_writeable_chroot": "YES",
        "local_umask": "022", "file_open_mode": "0666", "pasv_min_port": server.passive[0],
        "pasv_max_port": server.passive[-1],
        "ssl_enable": "YES", "force_local_logins_ssl": "YES", "force_local_data_ssl": "YES", "ssl_ciphers": "HIGH",
        "rsa_cert_file": certificate(server, ".pem"), "rsa_private_key_file": certificate(server, ".key"),
        "require_ssl_reuse": "NO" if o.no_reuse else "YES", "implicit_ssl": "YES" if o.implicit else "NO",
        "seccomp_sandbox": "NO", "isolate": "NO", "isolate_network": "NO", "tcp_wrappers": "NO",
        "delay_failed_login": 0, "max_clients": 0, "max_per_ip": o.max_clients or 0,
        "xferlog_enable": "YES", "xferlog_std_format": "NO", "log_ftp_protocol": "YES", "vsftpd_log_file": server.log,
    }
    if o.client_certificate:
        settings.update({"require_cert": "YES", "validate_cert": "YES", "ca_certs_file": server.pki + "/ca.pem"})
    if o.idle:
        settings["idle_session_timeout"] = o.idle
    if o.no_epsv:
        settings["cmds_denied"] = "EPSV"
    lines = [f"{key}={value}" for key, value in settings.items()] + o.extra
    write(server.path("conf"), "\n".join(lines) + "\n")
    return ["unshare", "--mount", "--propagation", "private", server.path("run")], {}


def proftpd_account(server):
    o = server.options
    write(server.path("users"),
          f"{o.user}:{hashed(o.password)}:{UNPRIVILEGED}:{UNPRIVILEGED}::{server.root}:/bin/sh\n", 0o600)


def proftpd(server, program):
    o = server.options
    users, groups = server.path("users"), server.path("groups")
    proftpd_account(server)
    write(groups, f"nogroup:x:{UNPRIVILEGED}:\n", 0o600)
    # Not mod_tls_shmcache: with TLS 1.3 a session of 1.3.8 ends by signal 11 after some 160 downloads, whatever the client
    # (curl and Python's ftplib too). Sessions are resumed without it.
    modules = ["tls", "copy", "digest", "site_misc"]
    tls_options = ["NoSessionReuseRequired"] if o.no_reuse else []
    tls_options += ["UseImplicitSSL"] if o.implicit else []
    versions = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}.get(o.tls, "TLSv1.2 TLSv1.3")
    lines = [
        "ServerType standalone", "ServerName ftpsfs", "DefaultServer on", f"Port {server.port}",
        f"DefaultAddress {o.host}", f"UseIPv6 {'on' if o.ipv6 else 'off'}", "SocketBindTight on",
        f"ModulePath {o.servers}/usr/lib/proftpd", *(f"LoadModule mod_{name}.c" for name in modules),
        "User nobody", "Group nogroup", "AuthOrder mod_auth_file.c", f"AuthUserFile {users}",
        f"AuthGroupFile {groups}", "RequireValidShell off", "UseFtpUsers off", "DefaultRoot ~", "Umask 022 022",
        "AllowOverwrite on", "AllowStoreRestart on", "AllowRetrieveRestart on", "UseReverseDNS off", "TimesGMT on",
        f"PassivePorts {server.passive[0]} {server.passive[-1]}",
        f"PidFile {server.path('pid')}", f"ScoreboardFile {server.path('scoreboard')}",
        f"DelayTable {server.path('delay')}", "DelayEngine off", "WtmpLog off",
        f"SystemLog {server.path('system-log')}", "TransferLog none",
        'LogFormat dialogue "%{iso8601} [%P] %r -> %s %S"', f"ExtendedLog {server.log} ALL dialogue",
        "TLSEngine on", "TLSRequired on", f"TLSProtocol {versions}", f"TLSLog {server.path('tls-log')}",
        f"TLSRSACertificateFile {certificate(server, '.pem')}",
        f"TLSRSACertificateKeyFile {certificate(server, '.key')}",
        "TLSRenegotiate none",
        "<Limit SITE_CHMOD>", "  AllowAll", "</Limit>",
    ]
    lines += [f"TLSOptions {' '.join(tls_options)}"] if tls_options else []
    lines += [f"TLSCACertificateFile {server.pki}/ca.pem"]
    lines += ["TLSVerifyClient on"] if o.client_certificate else ["TLSVerifyClient off"]
    lines += [f"MaxClientsPerHost {o.max_clients}"] if o.max_clients else []
    lines += [f"TimeoutIdle {o.idle}", f"TimeoutNoTransfer {o.idle}"] if o.idle else []
    lines += ["<Limit EPSV>", "  DenyAll", "</Limit>"] if o.no_epsv else []
    # Of two lines with the same directive ProFTPD takes the first.
    overridden = {line.split()[0] for line in o.extra if not line.startswith("<")}
    lines = [line for line in lines if line.split()[0] not in overridden]
    write(server.path("conf"), "\n".join(lines + o.extra) + "\n")
    return [program, "-n", "-q", "-c", server.path("conf")], {}


def pureftpd_account(server):
    o = server.options
    write(server.path("users"), f"{o.user}:{hashed(o.password)}:{UNPRIVILEGED}:{UNPRIVILEGED}::{server.root}/./"
          "::::::::::::\n", 0o600)
    subprocess.run([os.path.join(o.servers, "usr/bin/pure-pw"), "mkdb", server.path("users.pdb"), "-f",
                    server.path("users")], check=True)


def pureftpd(server, program):
    """Its log goes to syslog alone; the log file here only has the transfers."""
    o = server.options
    refuse(server, implicit=o.implicit, client_certificate=o.client_certificate, no_epsv=o.no_epsv)
    pureftpd_account(server)
    database = server.path("users.pdb")
    command = [
        program, "--bind", f"{o.host},{server.port}", "--ipv6only" if o.ipv6 else "--ipv4only",
        "--login", f"puredb:{database}", "--noanonymous", "--chrooteveryone", "--minuid", "1", "--dontresolve",
        "--tls", "3", "--certfile", certificate(server, ".all"), "--umask", "133:022",
        "--maxclientsnumber", "200", "--passiveportrange", f"{server.passive[0]}:{server.passive[-1]}",
        "--altlog", f"clf:{server.log}", "--pidfile", server.path("pid"),
    ]
    command += ["--maxclientsperip", str(o.max_clients)] if o.max_clients else []
    command += ["--maxidletime", str((o.idle + 59) // 60)] if o.idle else []
    return command + o.extra, {}


def pyftpdlib(server, program):
    o = server.options
    refuse(server, client_certificate=o.client_certificate, no_epsv=o.no_epsv)
    packages = os.path.dirname(os.path.dirname(program))
    script = os.path.join(os.path.dirname(os.path.realpath(__file__)), "pyftpd.py")
    # The server itself runs as nobody and writes this log; its key is read before it changes its user.
    os.chown(server.log, UNPRIVILEGED, UNPRIVILEGED)
    command = [
        "/usr/bin/python3", script, "--host", o.host, "--port", str(server.port), "--root", server.root,
        "--user", o.user, "--certificate", certificate(server, ".all"), "--log", server.log,
        "--idle", str(o.idle or 300), "--max-clients", str(o.max_clients or 0),
    ]
    command += ["--passive", f"{server.passive[0]}-{server.passive[-1]}"] if o.passive else []
    command += ["--implicit"] if o.implicit else []
    for line in o.extra:
        command += ["--set", line]
    return command, {"PYTHONPATH": packages, "FTPD_PASSWORD": o.password, "PYTHONWARNINGS": "ignore",
                     "PYTHONDONTWRITEBYTECODE": "1"}
