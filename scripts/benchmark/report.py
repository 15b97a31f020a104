"""Writes what was measured: a table in Markdown, the same for programs in JSON, and the plots."""
import json
import math
import os
import platform
import re
import subprocess
import time

from . import plot
from .measurements import GROWTHS, MEASUREMENTS
from .scene import Failure
from .servers import SCRIPTS, version

FTPSFS = "ftpsfs"


def first_line(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, cwd=SCRIPTS)
    return (result.stdout.splitlines() or ["unknown"])[0].strip()


def machine():
    """The machine, the date and what was measured, in one sentence each."""
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as file:
        congestion = file.read().strip()
    curl = " ".join(first_line("curl", "--version").split()[:2])
    lftp = " ".join(re.findall(r"LFTP|[\d.]+", first_line("lftp", "--version"))[:2]).lower()
    return [f"{time.strftime('%Y-%m-%d')}, {model.group(1) if model else platform.machine()}, {os.cpu_count()} cores, "
            f"Linux {platform.release()}, TCP {congestion}.",
            f"ftpsfs at {first_line('git', 'describe', '--always', '--dirty')}, {curl}, {lftp}. Load when it began: "
            f"{os.getloadavg()[0]:.1f}. (curl 7.88 sleeps 0.2 or 1 s in most downloads; its rates are from the first byte on.)"]


def scene_title(kind, link):
    return f"{kind} {version(kind)}, " + (f"link of {link}" if link else "loopback")


def number(value):
    if value is None:
        return ""
    if isinstance(value, Failure):
        return "fails"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def better(measurement, value, other):
    """How many times better a value is than another one."""
    return value / other if measurement.is_rate else other / value


def good(values):
    return {client: value for client, value in values.items() if not isinstance(value, Failure)}


def table(results, link, clients):
    """The rows of one scene. The first of the clients is the ftpsfs whose goals are looked at."""
    subject = clients[0]
    per_trip = link and link.round_trip
    head = ["measured (median)", *clients, "times better than the best other", "goal"] + (["round trips"] if per_trip else [])
    rows = [head, ["---"] * len(head)]
    for measurement in MEASUREMENTS:
        if measurement.name not in results:
            continue
        values = results[measurement.name]
        fine = good(values)
        own, goal = fine.get(subject), measurement.goal(link, fine)
        others = [value for client, value in fine.items() if not client.startswith(FTPSFS)]
        ratio = max(others) if measurement.is_rate and others else min(others, default=None)
        row = [f"{measurement.title}, {measurement.unit}", *(number(values.get(client)) for client in clients)]
        row.append(f"{better(measurement, own, ratio):.2g}" if own and ratio else "")
        reached = own and goal and better(measurement, own, goal) >= 1
        row.append(f"{number(goal)} {'reached' if reached else 'missed'}" if goal else "")
        if per_trip:
            timed = own and not measurement.is_rate and measurement.unit == "ms"
            row.append(f"{own / link.round_trip:.1f}" if timed else "")
        rows.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def growth_table(curves, growth, clients):
    """Seconds by size, and by what power of the size they grew since the size before: 1 is linear, less is better."""
    present = [client for client in clients if client in curves]
    rows = [[growth.parameter, *(cell for client in present for cell in (f"{client}, s", "power"))]]
    rows.append(["---"] * len(rows[0]))
    points = {client: dict(curves[client]) for client in present}
    before = None
    for size in sorted({size for curve in points.values() for size in curve}):
        row = [f"{size:,}"]
        for client in present:
            here, there = points[client].get(size), points[client].get(before)
            row.append(number(here))
            row.append(f"{math.log(here / there) / math.log(size / before):.2f}" if here and there else "")
        rows.append(row)
        before = size
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def write(folder, heading, scenes, clients):
    """Writes results.md, results.json, results.svg and growth.svg, and returns the text of the first.

    `scenes` is a list of (kind, link, results, growths)."""
    os.makedirs(folder, exist_ok=True)
    parts = ["# How fast", "\n".join(heading)]
    if any(link for _, link, _, _ in scenes):
        parts.append("A link has an MTU of 1500 and the kernel's default buffers. Round trips are those that the time of ftpsfs amounts "
                     "to.")
    for kind, link, results, growths in scenes:
        names = [name for name in clients if any(name in values for values in results.values())]
        parts.append(f"## {scene_title(kind, link)}")
        if results:
            parts.append(table(results, link, names))
        for growth in GROWTHS:
            if growth.name in growths:
                parts += [f"Cost against size: {growth.title}", growth_table(growths[growth.name], growth, clients)]
    text = "\n\n".join(parts) + "\n"
    files = {"results.md": text, "results.json": as_json(heading, scenes),
             "results.svg": plot.bars([(scene_title(kind, link), link, results) for kind, link, results, _ in scenes if results], clients),
             "growth.svg": plot.curves([(scene_title(kind, link), growths) for kind, link, _, growths in scenes if growths], clients)}
    for name, content in files.items():
        path = os.path.join(folder, name)
        if content:
            with open(path, "w") as file:
                file.write(content)
        elif os.path.exists(path):
            os.unlink(path)  # of an earlier run: it would not belong to this table
    return text


def as_json(heading, scenes):
    return json.dumps({"about": heading, "scenes": [
        {"server": kind, "version": version(kind), "link": str(link) if link else "loopback", "results": results, "growth": growths}
        for kind, link, results, growths in scenes]}, indent=1, default=lambda failure: "fails") + "\n"
