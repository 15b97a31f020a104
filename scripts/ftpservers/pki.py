"""A throw-away certificate authority with server and client certificates, made with the openssl program."""
import contextlib
import fcntl
import os
import subprocess
import time

LIFETIME = "30"  # days
RENEWAL = 20  # days after which a shared directory gets new ones

HOSTS = {
    # 127.0.0.2 is where the tests' relay listens, 192.0.2.1 the far end of the benchmark's link.
    "server": "DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:192.0.2.1,IP:::1",
    "wrong-host": "DNS:elsewhere.example",
}


class Failed(Exception):
    """openssl did not do what it was asked."""


def openssl(directory, *arguments):
    result = subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise Failed(f"openssl {arguments[0]}: {result.stderr.strip()}")


def create(directory):
    """Fills `directory` unless that is done: ca.pem, then NAME.pem (certificate), NAME.key and NAME.all (both) for
    server, wrong-host, self-signed and client. Safe to call from several processes at once."""
    os.makedirs(directory, mode=0o755, exist_ok=True)
    with open(os.path.join(directory, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = os.path.join(directory, "complete")
        with contextlib.suppress(FileNotFoundError), open(complete) as file:
            if file.read() == str(HOSTS) and time.time() - os.stat(complete).st_mtime < RENEWAL * 86400:
                return
        authority = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", LIFETIME, "-sha256"]
        openssl(directory, *authority, "-subj", "/CN=ftpsfs test authority", "-keyout", "ca.key", "-out", "ca.pem",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl(directory, *authority, "-subj", "/CN=localhost", "-keyout", "self-signed.key",
                "-out", "self-signed.pem", "-addext", "subjectAltName=" + HOSTS["server"])
        for name in ("server", "wrong-host", "client"):
            extensions = ["basicConstraints=CA:FALSE"]
            extensions += [f"subjectAltName={HOSTS[name]}"] if name in HOSTS else ["extendedKeyUsage=clientAuth"]
            with open(os.path.join(directory, name + ".ext"), "w") as file:
                file.write("\n".join(extensions) + "\n")
            subject = {"server": "localhost", "wrong-host": "elsewhere.example", "client": "alice"}[name]
            openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}",
                    "-keyout", name + ".key", "-out", name + ".csr")
            openssl(directory, "x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                    "-CAcreateserial", "-days", LIFETIME, "-sha256", "-extfile", name + ".ext", "-out", name + ".pem")
        for name in ("server", "wrong-host", "self-signed", "client"):
            with open(os.path.join(directory, name + ".all"), "w") as both:
                for part in (".pem", ".key"):
                    with open(os.path.join(directory, name + part)) as file:
                        both.write(file.read())
            os.chmod(os.path.join(directory, name + ".all"), 0o600)
        with open(complete, "w") as file:
            file.write(str(HOSTS))
