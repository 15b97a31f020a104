"""The servers under measurement: `scripts/serve`, on loopback or at the far end of a link."""
import os
import re
import subprocess

from . import link as links

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


class Failure(Exception):
    """A reason to give up, in words for the user."""


class Server:
    """A running server of a kind that `scripts/serve` knows; `link` None means loopback.

    Its facts, as that program prints them, are attributes: host, port, user, password, root, ca."""

    def __init__(self, kind, link=None, folder="/tmp"):
        self.link = link
        command = [os.path.join(SCRIPTS, "serve"), kind]
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


def started(namespace):
    """What every process that is started here does first: it ends with its parent, and lives in its namespace.

    Not in the terminal's process group: ^C is for the parent, which ends it in its own time."""
    links.die_with_parent()
    os.setpgid(0, 0)
    if namespace is not None:
        links.enter(namespace)
