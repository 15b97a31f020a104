"""Where measurements take place: one server at one link, the data on it, and how long something takes."""
import contextlib
import os
import select
import shutil
import signal
import time

from .servers import Failure, Server

UNPRIVILEGED = 65534  # on whose behalf the servers touch files
SLOTS = 1000
DEADLINE = 300.0  # seconds for one measurement of one program
SMALL = 4096
MEBIBYTE = 1 << 20


class Scene:
    """A running server with the folders for the measurements. `folder` is a temporary one of this machine.

    Nothing that is measured may have been seen by a program before, or a cache would answer: every measurement gets a folder
    of the server (a slot) that exists since before the mounts did, and that is filled on the server's disk just then."""

    def __init__(self, kind, link, folder):
        self.kind, self.link, self.folder = kind, link, folder
        self.server = Server(kind, link, folder)
        self.used = 0
        self.sources = os.path.join(os.path.dirname(self.server.root), "sources")  # of hard links, outside of what is served
        os.makedirs(self.sources)
        for number in range(SLOTS):
            os.makedirs(os.path.join(self.server.root, self.slot_name(number)))
        for path, _, _ in os.walk(self.server.root):
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED)

    @staticmethod
    def slot_name(number):
        """Each in a folder of its own, and in no order: who lists siblings one after the other would be taken for somebody who walks through
        them all, and have the next ones listed ahead, before they are filled."""
        return f"slots/{number * 617 % SLOTS:04}/slot"

    @contextlib.contextmanager
    def slot(self):
        """An empty folder of the server, for one measurement of one program."""
        if self.used == SLOTS:
            raise Failure("too many measurements in one run")
        slot = Slot(self, self.slot_name(self.used))
        self.used += 1
        try:
            yield slot
        finally:
            slot.give_back()
            for name in os.listdir(slot.path):
                path = os.path.join(slot.path, name)
                shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.unlink(path)

    def local(self, name, size):
        """A file of this machine with random content, to upload."""
        return random_file(os.path.join(self.folder, name), size)

    def local_folder(self, count):
        """A folder of this machine with so many files of 4 KiB, to upload."""
        folder = os.path.join(self.folder, f"local-{count}")
        os.makedirs(folder, exist_ok=True)
        for number in range(count):
            random_file(os.path.join(folder, f"file-{number:05}"), SMALL)
        return folder

    def close(self):
        self.server.stop()


class Slot:
    """A folder of the server: `name` as clients know it, `path` on the server's disk. Its methods put data there."""

    def __init__(self, scene, name):
        self.scene, self.name = scene, name
        self.path = os.path.join(scene.server.root, name)
        self.borrowed = {}  # {path here: path among the sources}

    def small_files(self, count, below=""):
        """Files of 4 KiB; returns their names. Their content is text, for grep."""
        names = [f"file-{number:05}" for number in range(count)]
        content = b"no such word in this line of a file\n" * 114
        content = content[:SMALL].ljust(SMALL, b"\n")
        os.makedirs(os.path.join(self.path, below), exist_ok=True)
        for name in names:
            self.write(os.path.join(below, name), content)
        self.give(below)
        return names

    def large_files(self, count, size):
        """Files of `size` bytes, which cost the disk nothing: they are one file under fresh names. Not to be written to."""
        source = random_file(os.path.join(self.scene.sources, str(size)), size)
        names = [f"large-{number}" for number in range(count)]
        for name in names:
            os.link(source, os.path.join(self.path, name))
        return names

    def copies(self, count, size):
        """Files of `size` bytes of their own, to be changed."""
        source = random_file(os.path.join(self.scene.sources, str(size)), size)
        names = [f"copy-{number}" for number in range(count)]
        for name in names:
            shutil.copyfile(source, os.path.join(self.path, name))
            self.give(name)
        return names

    def entries(self, count):
        """A folder `many` of empty files."""
        self.borrow("many", f"many-{count}", (f"entry-{number:07}" for number in range(count)))

    def tree(self, folders=20, below=10, files=25):
        """A tree `tree` of 1 + folders + folders * below directories, with files in the lowest ones alone."""
        self.borrow("tree", f"tree-{folders}-{below}-{files}", (f"folder-{one:02}/folder-{two:02}/file-{number:02}" for one in range(folders)
                                     for two in range(below) for number in range(files)))

    def borrow(self, name, source, files):
        """Moves a folder here that is made once, of empty files, and moved back in the end: to make it takes long. Not to be
        changed."""
        source = os.path.join(self.scene.sources, source)
        if not os.path.exists(source):
            for file in files:
                path = os.path.join(source, file)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                open(path, "w").close()
        path = os.path.join(self.path, name)
        os.rename(source, path)
        self.borrowed[path] = source

    def give_back(self):
        """Moves what was borrowed back to where the next measurement looks for it."""
        for path, source in self.borrowed.items():
            os.rename(path, source)
        self.borrowed = {}

    def write(self, name, content):
        with open(os.path.join(self.path, name), "wb") as file:
            file.write(content)
        self.give(name)

    def give(self, name):
        os.chown(os.path.join(self.path, name), UNPRIVILEGED, UNPRIVILEGED)

    def expect(self, sizes):
        """Raises unless the server has the files of `sizes`, {name: bytes}: what is fast has to be right as well."""
        for name, size in sizes.items():
            actual = os.path.getsize(os.path.join(self.path, name))
            if actual != size:
                raise Failure(f"{name} has {actual} bytes on the server instead of {size}")


def random_file(path, size):
    if not os.path.exists(path):
        piece = os.urandom(min(size, MEBIBYTE))
        with open(path, "wb") as file:
            for begin in range(0, size, MEBIBYTE):
                file.write(piece[:size - begin])
    return path


def timed(function):
    """Runs `function` in a process of its own, so that a hanging mount cannot hang the benchmark, and returns its number."""
    receiving, sending = os.pipe()
    process = os.fork()
    if process == 0:
        answer = "no answer"
        try:
            os.setpgid(0, 0)
            answer = repr(float(function()))
        except BaseException as failure:  # noqa: B902 (whatever it is, the parent has to learn of it)
            answer = f"{type(failure).__name__}: {failure}"
        finally:
            os.write(sending, answer.encode()[:4000])
            os._exit(0)
    with contextlib.suppress(OSError):
        os.setpgid(process, process)  # whoever of the two comes first
    os.close(sending)
    try:
        if not select.select([receiving], [], [], DEADLINE)[0]:
            raise Failure(f"not over after {DEADLINE:.0f} s")
        answer = os.read(receiving, 4000).decode()
    finally:
        os.close(receiving)
        end(process)
    try:
        return float(answer)
    except ValueError:
        raise Failure(answer) from None


def end(process):
    """Kills a process of `timed` with what it has started. One that waits for a mount may not end before the mount does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    for attempt in range(100):
        if os.waitpid(process, os.WNOHANG)[0]:
            return
        time.sleep(0.001 if attempt < 50 else 0.1)


class Clock:
    """Adds up the seconds spent in `with clock:`."""

    def __init__(self):
        self.total = 0.0

    def __enter__(self):
        self.begin = time.monotonic()

    def __exit__(self, *_):
        self.total += time.monotonic() - self.begin
