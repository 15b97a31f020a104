"""Programs that mount the server: ftpsfs, rclone, curlftpfs. The same measurements for all of them."""
import concurrent.futures
import contextlib
import os
import random
import shutil
import subprocess
import time

from .scene import MEBIBYTE, SMALL, Clock, Failure, timed

MOUNT_DEADLINE = 60.0
PAUSE = 0.3  # seconds between single operations whose own cost is asked for, not that of a busy connection


class Mount:
    """A mounted server. Each measurement returns seconds: in total, whatever the number of files or bytes.

    `command` is given the mount point, and must stay in the foreground."""

    has_mount = True

    def __init__(self, name, scene, command):
        self.name, self.scene, self.command = name, scene, command
        self.point = os.path.join(scene.folder, f"mnt-{name}")
        os.makedirs(self.point, exist_ok=True)
        self.log = os.path.join(scene.folder, f"{name}.log")
        self.process = None
        try:
            self.seconds = self.start()
        except BaseException:
            self.stop()
            raise

    def start(self):
        """Mounts, and returns the seconds until `ls` has answered."""
        clock = Clock()
        with clock, open(self.log, "w") as log:
            self.process = subprocess.Popen(self.command(self.point), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=self.scene.server.enter)
            begin = time.monotonic()
            while not is_mounted(self.point):
                if self.process.poll() is not None or time.monotonic() - begin > MOUNT_DEADLINE:
                    with open(self.log) as file:
                        raise Failure(f"{self.name} does not mount: {file.read()[-500:].strip()}")
                time.sleep(0.001)
            timed(lambda: len(os.listdir(self.point)))
        return clock.total

    def stop(self):
        """Unmounts, by force where it has to be."""
        if self.process is None:
            return
        if is_mounted(self.point):
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(["fusermount3", "-u", self.point], check=False, stderr=subprocess.DEVNULL, timeout=30)
        else:
            self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if is_mounted(self.point):
            subprocess.run(["umount", "-l", self.point], check=False)
        self.process = None

    def memory(self):
        """The peak of resident memory in MiB, since the mount exists."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))

    def place(self, slot):
        """The slot behind the mount, listed, so that its names and sizes are known."""
        path = os.path.join(self.point, slot.name)
        if sorted(os.listdir(path)) != sorted(os.listdir(slot.path)):
            raise Failure(f"the listing of {slot.name} differs from what the server has")
        return path

    def mount(self, slot):
        twin = Mount(self.name + "-twin", self.scene, self.command)
        twin.stop()
        return twin.seconds

    def small(self, slot, count):
        names = slot.small_files(count)
        return timed(lambda: self.read_small(self.place(slot), names, 1))

    def scattered(self, slot, count):
        """A few of many files, in no order that could be foreseen."""
        names = random.Random(count).sample(slot.small_files(count * 10), count)
        return timed(lambda: self.read_small(self.place(slot), names, 1))

    def readers(self, slot, count, users=8):
        names = slot.small_files(count)
        return timed(lambda: self.read_small(self.place(slot), names, users))

    @staticmethod
    def read_small(place, names, users):
        def read(name):
            with open(os.path.join(place, name), "rb", buffering=0) as file:
                expect_length(len(file.read()), SMALL)

        clock = Clock()
        with concurrent.futures.ThreadPoolExecutor(users) as pool, clock:
            list(pool.map(read, names))
        return clock.total

    def first(self, slot, count, size):
        names = slot.large_files(count, size)

        def measure():
            place, clock = self.place(slot), Clock()
            for name in names:
                time.sleep(PAUSE)
                with clock:
                    descriptor = os.open(os.path.join(place, name), os.O_RDONLY)
                    expect_length(len(os.read(descriptor, 1)), 1)
                os.close(descriptor)
            return clock.total
        return timed(measure)

    def random(self, slot, count, size):
        name, = slot.large_files(1, size)
        offsets = random.Random(count).sample(range(size // SMALL), count)

        def measure():
            place, clock = self.place(slot), Clock()
            with open(os.path.join(place, name), "rb", buffering=0) as file, clock:
                for offset in offsets:
                    expect_length(len(os.pread(file.fileno(), SMALL, offset * SMALL)), SMALL)
            return clock.total
        return timed(measure)

    def read(self, slot, size):
        name, = slot.large_files(1, size)

        def measure():
            place, clock = self.place(slot), Clock()
            with clock:
                expect_length(read_all(os.path.join(place, name)), size)
            return clock.total
        return timed(measure)

    whole = read

    def parallel(self, slot, size, users=8):
        names = slot.large_files(users, size)

        def measure():
            place, clock = self.place(slot), Clock()
            with concurrent.futures.ThreadPoolExecutor(users) as pool, clock:
                for length in pool.map(lambda name: read_apart(os.path.join(place, name)), names):
                    expect_length(length, size)
            return clock.total
        return timed(measure)

    def write(self, slot, size):
        content = os.urandom(MEBIBYTE)

        def measure():
            place, clock = self.place(slot), Clock()
            with clock, open(os.path.join(place, "new"), "wb", buffering=0) as file:
                for begin in range(0, size, MEBIBYTE):
                    file.write(content[:size - begin])
            slot.expect({"new": size})
            return clock.total
        return timed(measure)

    def list(self, slot, count):
        slot.entries(count)
        return self.run(slot, ["ls", "-l", "many"], lines=count + 1)

    def million(self, slot, count):
        """The peak of resident memory in MiB of a mount of its own that has listed a directory of so many entries."""
        slot.entries(count)
        twin = Mount(self.name + "-twin", self.scene, self.command)
        try:
            twin.run(slot, ["ls", "-l", "many"], lines=count + 1)
            return twin.memory()
        finally:
            twin.stop()

    def find(self, slot):
        slot.tree()
        return self.run(slot, ["find", "tree"], lines=5221)

    def grep(self, slot, count):
        slot.small_files(count, "many")
        return self.run(slot, ["grep", "-r", "needle", "many"], status=1, lines=0)

    def copy(self, slot, count):
        seconds = self.run(slot, ["cp", "-r", self.scene.local_folder(count), "copy"], lines=0)
        slot.expect({f"copy/file-{number:05}": SMALL for number in range(count)})
        return seconds

    def run(self, slot, command, lines, status=0):
        def measure():
            os.chdir(self.place(slot))
            clock = Clock()
            with clock:
                result = subprocess.run(command, capture_output=True, check=False)
            if result.returncode != status or result.stdout.count(b"\n") != lines:
                raise Failure(f"{command[0]} ended with {result.returncode} and {len(result.stdout.splitlines())} lines: "
                              f"{result.stderr.decode(errors='replace')[:200]}")
            return clock.total
        return timed(measure)

    def each(self, slot, names, action):
        """The seconds of `action` for each of the names, one after the other."""
        def measure():
            os.chdir(self.place(slot))
            clock = Clock()
            for name in names:
                with clock:
                    action(name)
            return clock.total
        return timed(measure)

    def create(self, slot, count):
        content, names = os.urandom(SMALL), [f"new-{number}" for number in range(count)]

        def create(name):
            with open(name, "wb", buffering=0) as file:
                file.write(content)
        seconds = self.each(slot, names, create)
        slot.expect(dict.fromkeys(names, SMALL))
        return seconds

    def append(self, slot, count, size):
        names, line = slot.copies(count, size), b"one line more\n"

        def append(name):
            with open(name, "ab", buffering=0) as file:
                file.write(line)
        seconds = self.each(slot, names, append)
        slot.expect(dict.fromkeys(names, size + len(line)))
        return seconds

    def patch(self, slot, count, size):
        names, change = slot.copies(count, size), os.urandom(SMALL)

        def patch(name):
            with open(name, "r+b", buffering=0) as file:
                os.pwrite(file.fileno(), change, size // 2)
        seconds = self.each(slot, names, patch)
        slot.expect(dict.fromkeys(names, size))
        return seconds

    def mkdir(self, slot, count):
        return self.each(slot, [f"folder-{number}" for number in range(count)], os.mkdir)

    def rename(self, slot, count):
        return self.each(slot, slot.small_files(count), lambda name: os.rename(name, name + "-renamed"))

    def unlink(self, slot, count):
        return self.each(slot, slot.small_files(count), os.unlink)


def is_mounted(point):
    with open("/proc/self/mountinfo") as file:
        return any(line.split()[4] == point for line in file)


def unmount_below(folder):
    """Detaches what is still mounted in a folder that is about to be removed."""
    with open("/proc/self/mountinfo") as file:
        points = [line.split()[4] for line in file]
    for point in points:
        if point.startswith(folder + "/"):
            subprocess.run(["umount", "-l", point], check=False)


def read_all(path):
    """Reads a file to its end as dd does, and returns its length."""
    buffer, total = bytearray(MEBIBYTE), 0
    with open(path, "rb", buffering=0) as file:
        while length := file.readinto(buffer):
            total += length
    return total


def read_apart(path):
    """Reads a file to its end in a process of its own, for threads of this one wait for each other; returns its length."""
    result = subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=1M"], env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
                            check=True, capture_output=True, text=True)
    return int(result.stderr.splitlines()[-1].split()[0])


def expect_length(length, expected):
    if length != expected:
        raise Failure(f"{length} bytes were read instead of {expected}")


def ftpsfs(name, program, options, scene):
    """A build of ftpsfs under a name; `options` are added to those that the server needs."""
    server = scene.server

    def command(point):
        settings = server.settings(os.path.join(scene.folder, "cache-" + os.path.basename(point)))
        return [program, f"{server.host}:/", point, "-f", "-o", settings + ("," + options if options else "")]
    return Mount(name, scene, command)


def rclone(scene):
    """rclone mount as users get it by default, without a cache of files; None where it is not installed."""
    if not shutil.which("rclone"):
        return None
    server = scene.server
    hidden = subprocess.run(["rclone", "obscure", server.password], check=True, capture_output=True, text=True).stdout
    config = os.path.join(scene.folder, "rclone.conf")
    with open(config, "w") as file:
        file.write(f"[s]\ntype = ftp\nhost = {server.host}\nport = {server.port}\nuser = {server.user}\n"
                   f"pass = {hidden.strip()}\nexplicit_tls = true\nno_check_certificate = true\n")
    return Mount("rclone", scene, lambda point: ["rclone", "--config", config, "mount", "s:/", point])


def curlftpfs(scene):
    """curlftpfs; None where it is not installed."""
    if not shutil.which("curlftpfs"):
        return None
    server = scene.server
    options = f"ssl,cacert={server.ca},user={server.user}:{server.password}"
    return Mount("curlftpfs", scene, lambda point: [
        "curlftpfs", "-f", "-o", options, f"ftp://{server.host}:{server.port}/", point])
