"""What is measured: single operations, and how their cost grows."""
import dataclasses
import statistics
import sys
import time

from .scene import MEBIBYTE, Failure

BEGIN = time.monotonic()
SETTLE = 1.0  # seconds before a log-in is measured: ProFTPD greets late, by up to half a second, right after others came and went
LOOPBACK = 0  # the round trip that goals for loopback are listed under


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One line of the table. `name` is the method of a client that measures it.

    `per` says what its seconds are divided by: the parameter of that name; "bytes" makes a rate of it instead; None leaves them.
    `goals` are {round trip in ms: goal in `unit`}; a goal is a number, or ("curl", factor) for what curl reaches times that.
    Where `once` is set, one run has to do on a link, and of programs without a mount: it takes long, and scatters little. Where
    `named` is set, it is measured only when it is asked for by name: it takes minutes."""

    name: str
    title: str
    unit: str
    loopback: dict
    link: dict
    per: str = None
    goals: dict = dataclasses.field(default_factory=dict)
    once: bool = False
    named: bool = False

    @property
    def is_rate(self):
        return self.per == "bytes"

    def parameters(self, link):
        return self.link if link else self.loopback

    def value(self, seconds, parameters):
        """The seconds of one measurement in the unit of the table."""
        if self.is_rate:
            return parameters["size"] * (8 if self.name == "parallel" else 1) / 1e6 / seconds
        return seconds / (parameters[self.per] if self.per else 1) * (1000 if self.unit == "ms" else 1)

    def goal(self, link, values):
        """The goal at a link in the unit of the table, or None; `values` are the medians of this line by client."""
        if link and (link.rate or link.loss):
            return None
        goal = self.goals.get(link.round_trip if link else LOOPBACK)
        if isinstance(goal, tuple):
            other, factor = goal
            return values[other] * factor if values.get(other) else None
        return goal


def mebibytes(count):
    return {"size": count * MEBIBYTE}


MEASUREMENTS = [
    Measurement("mount", "mount until `ls` answers", "ms", {}, {}, goals={50: 450}),
    Measurement("small", "small file (4 KiB) open+read, in order", "ms", {"count": 500}, {"count": 40}, "count",
                goals={LOOPBACK: 2, 50: 45}),
    Measurement("scattered", "small file, out of order", "ms", {"count": 100}, {"count": 20}, "count", goals={50: 115}),
    Measurement("readers", "small files, 8 readers", "ms", {"count": 1000}, {"count": 160}, "count"),
    Measurement("first", "first byte of a large file", "ms", {"count": 5} | mebibytes(64), {"count": 5} | mebibytes(64), "count",
                goals={50: 120}),
    Measurement("random", "random 4 KiB read", "ms", {"count": 100} | mebibytes(1024), {"count": 15} | mebibytes(64), "count",
                goals={50: 130}),
    Measurement("read", "sequential read", "MB/s", mebibytes(1024), mebibytes(64), "bytes",
                goals={LOOPBACK: ("curl", 0.85), 50: ("curl", 2.5)}),
    Measurement("write", "sequential write", "MB/s", mebibytes(512), mebibytes(32), "bytes", goals={LOOPBACK: ("curl", 1)}),
    Measurement("parallel", "eight parallel readers, together", "MB/s", mebibytes(128), mebibytes(16), "bytes",
                goals={LOOPBACK: ("curl", 1)}),
    Measurement("list", "`ls -l` of 20,000 entries", "s", {"count": 20000}, {"count": 20000}, goals={LOOPBACK: 0.4}),
    Measurement("find", "`find` over 221 directories, 5,000 files", "s", {}, {}, goals={LOOPBACK: 0.3, 50: 9}, once=True),
    Measurement("grep", "`grep -r` over 250 small files", "s", {"count": 250}, {"count": 250}, goals={50: 10}, once=True),
    Measurement("create", "small file created, written, closed", "ms", {"count": 100}, {"count": 10}, "count", goals={50: 165}),
    Measurement("append", "append a line to 8 MiB", "ms", {"count": 10} | mebibytes(8), {"count": 5} | mebibytes(8), "count",
                goals={50: 215}),
    Measurement("patch", "change 4 KiB inside of 8 MiB", "ms", {"count": 10} | mebibytes(8), {"count": 5} | mebibytes(8), "count"),
    Measurement("mkdir", "mkdir", "ms", {"count": 50}, {"count": 10}, "count", goals={50: 55}),
    Measurement("rename", "rename", "ms", {"count": 50}, {"count": 10}, "count", goals={50: 55}),
    Measurement("unlink", "unlink", "ms", {"count": 50}, {"count": 10}, "count", goals={50: 55}),
    Measurement("copy", "`cp -r` of 25 small files into it", "s", {"count": 25}, {"count": 25}, goals={50: 4.5}),
    Measurement("memory", "peak resident memory", "MiB", {}, {}, goals={LOOPBACK: 64, 50: 64}),
    Measurement("million", "peak resident memory, `ls -l` of 1,000,000 entries", "MiB", {"count": 1000000}, {"count": 1000000},
                goals={LOOPBACK: 300, 50: 300}, named=True),
]


@dataclasses.dataclass(frozen=True)
class Growth:
    """How the seconds of a measurement grow with one of its parameters.

    `each` is a parameter that grows along: the work of each of several users stays the same. Where `mounts` is set, programs
    without a mount are left out."""

    name: str
    title: str
    measurement: str
    parameter: str
    loopback: list
    link: list
    each: dict = dataclasses.field(default_factory=dict)
    mounts: bool = False

    def sizes(self, link):
        return self.link if link else self.loopback

    def parameters(self, size):
        return {self.parameter: size} | {name: share * size for name, share in self.each.items()}


KIBIBYTE = 1024
GROWTHS = [
    Growth("size", "reading one file, by its bytes", "whole", "size",
           [4 * KIBIBYTE, 64 * KIBIBYTE, MEBIBYTE, 16 * MEBIBYTE, 256 * MEBIBYTE, 1024 * MEBIBYTE],
           [4 * KIBIBYTE, 64 * KIBIBYTE, MEBIBYTE, 8 * MEBIBYTE, 64 * MEBIBYTE]),
    Growth("entries", "`ls -l`, by entries of the directory", "list", "count",
           [10, 100, 1000, 10000, 100000], [10, 100, 1000, 10000, 50000]),
    Growth("files", "reading small files in order, by their number", "small", "count", [10, 100, 1000, 5000], [5, 20, 80, 240],
           mounts=True),
    Growth("users", "20 small files for each of several users at once, by users", "readers", "users",
           [1, 2, 4, 8, 16, 32], [1, 2, 4, 8, 16], each={"count": 20}, mounts=True),
]


def say(text):
    """Shows progress, with the seconds since the start."""
    print(f"{time.monotonic() - BEGIN:5.0f} {text}", file=sys.stderr, flush=True)


def attempt(client, scene, name, parameters):
    """One measurement of one client: seconds, or a Failure. None where the client has no such thing."""
    measure = getattr(client, name, None)
    if measure is None:
        return None
    if name == "memory":
        return measure()
    if name == "mount":
        time.sleep(SETTLE)
    try:
        with scene.slot() as slot:
            return measure(slot, **parameters)
    except (Failure, OSError, ValueError) as failure:
        say(f"    {client.name}: {failure}")
        return Failure(str(failure))


def repeated(clients, scene, name, parameters, runs_of, convert):
    """Results of a measurement by client: the median of its runs, or the Failure of one of them. `runs_of` a client says
    how often.

    All clients have their turn in each run, each time another one first: a busy moment of the machine, or what a program leaves
    behind in the server, does not favour one of them."""
    results = {client.name: [] for client in clients}
    for run in range(max(map(runs_of, clients), default=0)):
        start = run % len(clients)
        for client in clients[start:] + clients[:start]:
            outcome = attempt(client, scene, name, parameters) if run < runs_of(client) else None
            if outcome is not None:
                results[client.name].append(outcome)
    results = {client: outcomes for client, outcomes in results.items() if outcomes}
    for client, outcomes in results.items():
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
        # A median of what went well says nothing where that is a matter of luck.
        results[client] = failed[0] if failed else statistics.median(map(convert, outcomes))
    return results


def shown(value):
    return "fails" if isinstance(value, Failure) else f"{value:.4g}"


def measure(clients, scene, wanted, runs):
    """{name of the measurement: {client: value}} for one scene."""
    results = {}
    for measurement in MEASUREMENTS:
        if measurement.name in wanted:
            parameters = measurement.parameters(scene.link)

            def runs_of(client):
                once = measurement.once and (scene.link or not client.has_mount)
                return 1 if once or measurement.unit == "MiB" else runs

            values = repeated(clients, scene, measurement.name, parameters, runs_of,
                              lambda seconds: measurement.value(seconds, parameters))
            results[measurement.name] = values
            say(f"  {measurement.title}, {measurement.unit}: "
                + ", ".join(f"{client} {shown(value)}" for client, value in values.items()))
    return results


def measure_growth(clients, scene, wanted, runs):
    """{name of the growth: {client: [(size, seconds)]}} for one scene."""
    results = {}
    for growth in GROWTHS:
        if growth.name in wanted:
            curves = results.setdefault(growth.name, {})
            for size in growth.sizes(scene.link):
                chosen = [client for client in clients if client.has_mount or not growth.mounts]
                values = repeated(chosen, scene, growth.measurement, growth.parameters(size), lambda _: runs, float)
                for client, value in values.items():
                    if not isinstance(value, Failure):
                        curves.setdefault(client, []).append((size, value))
                say(f"  {growth.title}: {size}: "
                    + ", ".join(f"{client} {shown(value)} s" for client, value in values.items()))
    return results
