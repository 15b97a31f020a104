"""The servers under measurement: `scripts/serve`, on loopback or at the far end of a link."""
import gzip
import os
import re
import signal
import subprocess

from . import link as links

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

# What a kind needs to be told so that every client can work with it, and its package.
PURE_FTPD_LISTS_ALL = ["--extra=--limitrecursion", "--extra=1000000:10"]  # it cuts listings at 10,000 entries else
ARGUMENTS = {"pyftpdlib": ["--extra=early_hello=true"], "pureftpd": PURE_FTPD_LISTS_ALL}
PACKAGES = {"vsftpd": "vsftpd", "proftpd": "proftpd-core", "pureftpd": "pure-ftpd", "pyftpdlib": "python3-pyftpdlib"}


class Failure(Exception):
    """A reason to give up, in words for the user."""


class Server:
    """A running server of a kind that `scripts/serve` knows; `link` None means loopback.

    Its facts, as that program prints them, are attributes: host, port, user, password, root, ca."""

    def __init__(self, kind, link=None, folder="/tmp"):
        self.link = link
        command = [os.path.join(SCRIPTS, "serve"), kind, *ARGUMENTS.get(kind, [])]
        if link:
            command += ["--host", links.SERVER_ADDRESS]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                        preexec_fn=lambda: started(link and link.server))
        line = self.process.stdout.readline()
        facts = dict(re.findall(r"(\w+)=(\S+)", line))
        if "port" not in facts:
            self.stop()
            raise Failure(f"{kind} did not start")
        self.__dict__.update(facts)
        if not link:
            self.host = "localhost"
        self.credentials = os.path.join(folder, f"credentials-{self.port}")
        with open(os.open(self.credentials, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"username={self.user}\npassword={self.password}\n")

    def enter(self):
        """For a client process, after fork: the server's network neighbour."""
        started(self.link and self.link.client)

    def settings(self, folder):
        """ftpsfs's options to mount it, with `folder` for its cache."""
        return f"port={self.port},cacert={self.ca},credentials={self.credentials},cache_dir={folder}"

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()  # what belongs to it ends with it
            self.process.wait()


def version(kind):
    """The version of the server's package, from its change log: the servers are unpacked, not installed."""
    servers = os.environ.get("FTPSFS_SERVERS") or os.path.join(SCRIPTS, "..", ".build", "servers")
    path = os.path.join(servers, "root/usr/share/doc", PACKAGES[kind], "changelog.Debian.gz")
    try:
        with gzip.open(path, "rt") as file:
            return re.search(r"\((.*?)\)", file.readline()).group(1)
    except (OSError, AttributeError):
        return "unknown"


def started(namespace):
    """What every process that is started here does first: it is told to end when its parent has ended, and lives in its namespace.

    Not in the terminal's process group: ^C is for the parent, which ends it in its own time."""
    links.die_with_parent(signal.SIGTERM)
    os.setpgid(0, 0)
    if namespace is not None:
        links.enter(namespace)
