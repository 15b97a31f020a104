"""Programs that transfer without a mount: curl and lftp. They show what the protocol allows.

Both are measured without their log-in (but for `mount`), as a mount is logged in too: curl tells the time of each transfer, and the
first one is left out; lftp is made to tell the time between its commands."""
import concurrent.futures
import os
import random
import shutil
import subprocess

from .scene import DEADLINE, SMALL, Clock, Failure


ENOUGH = 20  # operations of one kind, which are all alike: what more of them would take is taken from these


class Tool:
    """What the two have in common: `run` starts the program as a neighbour of the server, and returns its output and seconds."""

    has_mount = False

    def __init__(self, name, scene):
        self.name, self.scene = name, scene

    def run(self, command, script):
        clock = Clock()
        with clock:
            try:
                result = subprocess.run(command, input=script, capture_output=True, text=True, check=False, timeout=DEADLINE,
                                        preexec_fn=self.scene.server.enter)
            except subprocess.TimeoutExpired:
                raise Failure(f"not over after {DEADLINE:.0f} s") from None
        if result.returncode != 0:
            raise Failure(f"{self.name} ended with {result.returncode}: {result.stderr.strip()[-300:]}")
        return result.stdout, clock.total

    def stop(self):
        """Nothing of it runs between the measurements."""


class Curl(Tool):
    """curl: one connection, one transfer after the other.

    Release 7.88 sleeps 200 or 1000 ms in most downloads, between connecting and its next command, whatever the link."""

    def transfers(self, requests, arguments=()):
        """Carries out requests, each a list of configuration lines; returns the rows that `-w` gives for them, and the seconds."""
        server = self.scene.server
        common = ["silent", "show-error", "ssl-reqd", f'cacert = "{server.ca}"', f'user = "{server.user}:{server.password}"',
                  'write-out = "%{time_starttransfer} %{time_total}\\n"']
        script = "\nnext\n".join("\n".join(common + request) for request in requests)
        output, seconds = self.run(["curl", "-q", *arguments, "-K", "-"], script)
        rows = [[float(field) for field in line.split()] for line in output.splitlines()]
        if len(rows) != len(requests):
            raise Failure(f"curl reported {len(rows)} transfers instead of {len(requests)}")
        return rows, seconds

    def url(self, path=""):
        server = self.scene.server
        return f'url = "ftp://{server.host}:{server.port}/{path}"'

    def fetch(self, slot, name):
        return [self.url(f"{slot.name}/{name}"), 'output = "/dev/null"']

    def send(self, slot, source, name):
        return [f'upload-file = "{source}"', self.url(f"{slot.name}/{name}")]

    def warm_up(self, slot):
        """A first transfer, whose time is left out because it has the log-in in it."""
        slot.write("first", b"x")
        return self.fetch(slot, "first")

    def total(self, slot, requests, seconds_of=lambda first, end: end, common=(), enough=ENOUGH):
        """The seconds of the requests, log-in left out: `seconds_of` their first byte and their end, each counted from the beginning
        of the request. `common` are options of all of them."""
        some = requests[:enough]
        rows, _ = self.transfers([request + list(common) for request in [self.warm_up(slot), *some]])
        return sum(seconds_of(*row) for row in rows[1:]) * len(requests) / len(some)

    def listing(self, path):
        # vsftpd has no MLSD.
        return [self.url(path), 'output = "/dev/null"'] + ([] if self.scene.kind == "vsftpd" else ['request = "MLSD"'])

    def mount(self, slot):
        return self.transfers([self.listing("")])[1]

    def small(self, slot, count):
        return self.total(slot, [self.fetch(slot, name) for name in slot.small_files(count)])

    def first(self, slot, count, size):
        requests = [self.fetch(slot, name) + ['range = "0-4095"'] for name in slot.large_files(count, size)]
        return self.total(slot, requests, lambda first, end: first)

    def random(self, slot, count, size):
        name, = slot.large_files(1, size)
        offsets = [number * SMALL for number in random.Random(count).sample(range(size // SMALL), count)]
        requests = [self.fetch(slot, name) + [f'range = "{offset}-{offset + SMALL - 1}"'] for offset in offsets]
        return self.total(slot, requests, enough=5)  # it logs in again after each

    def read(self, slot, size):
        """From the first byte on: it is to show what the connection carries."""
        return self.total(slot, [self.fetch(slot, name) for name in slot.large_files(1, size)], lambda first, end: end - first)

    def whole(self, slot, size):
        return self.total(slot, [self.fetch(slot, name) for name in slot.large_files(1, size)])

    def parallel(self, slot, size, users=8):
        """Of as many processes (within one, ProFTPD does not take the TLS sessions that they share), from the first byte on."""
        requests = [self.fetch(slot, name) for name in slot.large_files(users, size)]
        with concurrent.futures.ThreadPoolExecutor(users) as pool:
            rows = [rows[0] for rows, _ in pool.map(lambda request: self.transfers([request]), requests)]
        return max(end for _, end in rows) - min(first for first, _ in rows)

    def write(self, slot, size):
        seconds = self.total(slot, [self.send(slot, self.scene.local(f"upload-{size}", size), "new")])
        slot.expect({"new": size})
        return seconds

    def list(self, slot, count):
        slot.entries(count)
        return self.total(slot, [self.listing(f"{slot.name}/many/")])

    def uploads(self, slot, requests):
        """With TLS 1.2, in which a session serves for many connections: of TLS 1.3 curl uses tickets up that uploads do not renew."""
        return self.total(slot, requests, common=['tls-max = "1.2"'])

    def create(self, slot, count):
        source, names = self.scene.local("upload-small", SMALL), [f"new-{number}" for number in range(count)]
        seconds = self.uploads(slot, [self.send(slot, source, name) for name in names])
        slot.expect(dict.fromkeys(names[:ENOUGH], SMALL))
        return seconds

    def append(self, slot, count, size):
        source, names = self.scene.local("line", 14), slot.copies(count, size)
        seconds = self.uploads(slot, [["append", *self.send(slot, source, name)] for name in names])
        slot.expect(dict.fromkeys(names[:ENOUGH], size + 14))
        return seconds


class Lftp(Tool):
    """lftp: one connection unless it is told otherwise."""

    def commands(self, slot, *commands):
        """The seconds that commands need in a slot, once it is logged in and there."""
        server, scratch = self.scene.server, os.path.join(self.scene.folder, "lftp")
        shutil.rmtree(scratch, ignore_errors=True)
        os.makedirs(scratch)
        slot.write("first", b"x")
        script = "\n".join([
            "set cmd:fail-exit true", "set ftp:ssl-force true", "set ftp:ssl-protect-data true", f"set ssl:ca-file {server.ca}",
            "set ssl:check-hostname false", "set net:max-retries 2", "set cache:enable false", f"lcd {scratch}",
            f"open -u {server.user},{server.password} ftp://{server.host}:{server.port}", f"cd {slot.name}", "cat first > /dev/null",
            "!date +stamp=%s.%N", *commands, "!date +stamp=%s.%N", ""])
        output, _ = self.run(["lftp", "--norc", "-f", "/dev/stdin"], script)
        begin, end = (float(line[6:]) for line in output.splitlines() if line.startswith("stamp="))
        shutil.rmtree(scratch)
        return end - begin

    def mount(self, slot):
        server = self.scene.server
        script = (f"set ftp:ssl-force true\nset ftp:ssl-protect-data true\nset ssl:ca-file {server.ca}\nset ssl:check-hostname false\n"
                  f"open -u {server.user},{server.password} ftp://{server.host}:{server.port}\nls > /dev/null\n")
        return self.run(["lftp", "--norc", "-f", "/dev/stdin"], script)[1]

    def small(self, slot, count):
        names = slot.small_files(min(count, ENOUGH))
        return self.commands(slot, f"cat {' '.join(names)} > /dev/null") * count / len(names)

    def readers(self, slot, count, users=8):
        """With the listing of the folder."""
        slot.small_files(count, "many")
        return self.commands(slot, f"mirror --parallel={users} many copy")

    def read(self, slot, size):
        return self.commands(slot, f"cat {slot.large_files(1, size)[0]} > /dev/null")

    whole = read

    def write(self, slot, size):
        seconds = self.commands(slot, f"put {self.scene.local(f'upload-{size}', size)} -o new")
        slot.expect({"new": size})
        return seconds

    def list(self, slot, count):
        slot.entries(count)
        return self.commands(slot, "cls -l many > /dev/null")

    def find(self, slot):
        slot.tree(folders=4)  # a fifth of the tree, for the time that it takes
        return self.commands(slot, "find tree > /dev/null") * 221 / 45

    def grep(self, slot, count):
        """Fetching the files is what it can do for that."""
        some = len(slot.small_files(min(count, 2 * ENOUGH), "many"))
        return self.commands(slot, "mirror many copy") * count / some

    def copy(self, slot, count):
        seconds = self.commands(slot, f"mirror --reverse {self.scene.local_folder(count)} copy")
        slot.expect({f"copy/file-{number:05}": SMALL for number in range(count)})
        return seconds

    def create(self, slot, count):
        source, names = self.scene.local("upload-small", SMALL), [f"new-{number}" for number in range(count)]
        seconds = self.commands(slot, *(f"put {source} -o {name}" for name in names))
        slot.expect(dict.fromkeys(names, SMALL))
        return seconds

    def mkdir(self, slot, count):
        return self.commands(slot, "mkdir " + " ".join(f"folder-{number}" for number in range(count)))

    def rename(self, slot, count):
        return self.commands(slot, *(f"mv {name} {name}-renamed" for name in slot.small_files(count)))

    def unlink(self, slot, count):
        return self.commands(slot, "rm " + " ".join(slot.small_files(count)))
