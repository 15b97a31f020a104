"""Plots in SVG: bars on a logarithmic scale for single operations, curves for how the cost grows."""
import html
import math

from .measurements import GROWTHS, MEASUREMENTS
from .scene import Failure

COLOURS = ["#c8401c", "#4878a8", "#7a9a4a", "#9a6fb0", "#b08a3c", "#5a8f8f"]
WIDTH = 960
LABELS = 300  # width of the names of what is measured
BAR = 9
TEXT = 'font-family="sans-serif" font-size="12"'


class Drawing:
    """SVG elements, from the top down: `height` is how far it has come."""

    def __init__(self):
        self.elements, self.height = [], 0

    def text(self, x, y, content, anchor="start", size=12, colour="#222", weight="normal"):
        """Text with a white edge, to be read on lines too."""
        self.elements.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
                             f'fill="{colour}" stroke="#fff" stroke-width="3" paint-order="stroke">{html.escape(content)}</text>')

    def box(self, x, y, width, height, colour):
        self.elements.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height}" fill="{colour}"/>')

    def line(self, points, colour, width=1.0, dashes=None):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.elements.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"'
                             + (f' stroke-dasharray="{dashes}"' if dashes else "") + "/>")

    def dot(self, x, y, colour):
        self.elements.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')

    def legend(self, clients, note):
        x = 20
        self.height += 22
        for client, colour in clients.items():
            self.box(x, self.height - 10, 12, 10, colour)
            self.text(x + 17, self.height, client)
            x += 40 + 7 * len(client)
        self.text(x + 10, self.height, note, colour="#666")
        self.height += 8

    def finish(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.height + 10}" '
                f'viewBox="0 0 {WIDTH} {self.height + 10}" {TEXT}>\n<rect width="100%" height="100%" fill="#fff"/>\n'
                + "\n".join(self.elements) + "\n</svg>\n")


class LogarithmicScale:
    """A logarithmic scale from values to coordinates, over whole powers of ten."""

    def __init__(self, values, begin, end):
        self.low, self.high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        self.high = max(self.high, self.low + 1)
        self.begin, self.end = begin, end

    def __call__(self, value):
        return self.begin + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.begin)

    def ticks(self):
        return [10.0 ** power for power in range(self.low, self.high + 1)]


class LinearScale:
    """A scale from values to coordinates that begins at 0."""

    def __init__(self, values, begin, end):
        step = 10.0 ** math.floor(math.log10(max(values)))
        self.step = step / 2 if max(values) < 3 * step else step
        self.high = math.ceil(max(values) / self.step) * self.step
        self.begin, self.end = begin, end

    def __call__(self, value):
        return self.begin + value / self.high * (self.end - self.begin)

    def ticks(self):
        return [self.step * number for number in range(round(self.high / self.step) + 1)]


def colours(clients):
    return {client: COLOURS[index % len(COLOURS)] for index, client in enumerate(clients)}


def seconds(value):
    """A time in words."""
    factor, unit = next((pair for pair in ((1, "s"), (1e3, "ms")) if value * pair[0] >= 0.999), (1e6, "µs"))
    return f"{digits(value * factor)} {unit}"


def rate(value):
    return f"{digits(value)} MB/s"


def digits(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def short(value):
    """A number with a letter for its thousands."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{unit}"
    return f"{value:g}"


def bars(scenes, clients):
    """Times and rates of all scenes, as bars; None where there are none. `scenes` is a list of (title, link, results)."""
    if not scenes:
        return None
    drawing, paint = Drawing(), colours(clients)
    drawing.legend(paint, "black line: goal")
    for title, link, results in scenes:
        times = [m for m in MEASUREMENTS if m.name in results and not m.is_rate and m.unit != "MiB"]
        rates = [m for m in MEASUREMENTS if m.name in results and m.is_rate]
        drawing.height += 28
        drawing.text(20, drawing.height, title, size=15, weight="bold")
        if times:
            panel(drawing, paint, link, results, times, "time: shorter is better", seconds, LogarithmicScale)
        if rates:
            panel(drawing, paint, link, results, rates, "rate: longer is better", rate, LinearScale)
    return drawing.finish()


def panel(drawing, paint, link, results, group, what, words, scale_type):
    """Bars of measurements that share a scale."""
    def base(measurement, value):
        return value / 1000 if measurement.unit == "ms" else value

    rows = []
    for measurement in group:
        fine = {client: value for client, value in results[measurement.name].items() if not isinstance(value, Failure)}
        goal = measurement.goal(link, fine)
        rows.append((measurement.title.replace("`", ""), {client: base(measurement, value) for client, value in fine.items()},
                     base(measurement, goal) if goal else None))
    every = [value for _, values, goal in rows for value in [*values.values(), *([goal] if goal else [])]]
    if not every:
        return
    scale = scale_type(every, LABELS, WIDTH - 90)
    drawing.height += 20
    top = drawing.height
    drawing.text(20, top, what, colour="#666")
    for tick in scale.ticks():
        drawing.text(scale(tick), top, words(tick), "middle", 11, "#666")
        if link and link.round_trip and words is seconds and tick * 1000 >= link.round_trip / 100:
            drawing.text(scale(tick), top + 12, f"{short(tick * 1000 / link.round_trip)} round trips", "middle", 10, "#999")
    drawing.height += 18 if link and words is seconds else 6
    grid = drawing.height
    begin = len(drawing.elements)
    for title, values, goal in rows:
        height, labels = BAR * max(len(values), 1), Drawing()
        drawing.text(LABELS - 10, drawing.height + height / 2 + 4, title, "end")
        for index, (client, value) in enumerate((client, values[client]) for client in paint if client in values):
            y = drawing.height + index * BAR
            drawing.box(LABELS, y, scale(value) - LABELS, BAR - 1, paint[client])
            labels.text(scale(value) + 4, y + BAR - 1, words(value), size=9, colour="#444")
        if goal:
            drawing.line([(scale(goal), drawing.height - 2), (scale(goal), drawing.height + height + 1)], "#000", 2)
        drawing.elements += labels.elements
        drawing.height += height + 8
    lines = Drawing()
    for tick in scale.ticks():
        lines.line([(scale(tick), grid), (scale(tick), drawing.height)], "#ddd")
    drawing.elements[begin:begin] = lines.elements  # behind the bars


def curves(scenes, clients):
    """Time against size for all scenes, both logarithmic; None where there are none. `scenes` is a list of (title, growths)."""
    if not scenes:
        return None
    drawing, paint = Drawing(), colours(clients)
    drawing.legend(paint, "dashed: linear growth from the first point on")
    for title, growths in scenes:
        drawing.height += 28
        drawing.text(20, drawing.height, title, size=15, weight="bold")
        present = [growth for growth in GROWTHS if growths.get(growth.name)]
        for index, growth in enumerate(present):
            left = 20 + (index % 2) * WIDTH / 2
            curve_panel(drawing, paint, growth, growths[growth.name], left, drawing.height + 10)
            if index % 2 or index == len(present) - 1:
                drawing.height += 290
    return drawing.finish()


def curve_panel(drawing, paint, growth, by_client, left, top):
    points = [point for curve in by_client.values() for point in curve]
    across = LogarithmicScale([size for size, _ in points], left + 55, left + WIDTH / 2 - 45)
    up = LogarithmicScale([time for _, time in points], top + 245, top + 30)
    drawing.text(left, top + 12, growth.title.replace("`", ""), weight="bold")
    for tick in up.ticks():
        drawing.line([(across.begin, up(tick)), (across.end, up(tick))], "#ddd")
        drawing.text(across.begin - 5, up(tick) + 4, seconds(tick), "end", 10, "#666")
    for tick in across.ticks():
        drawing.line([(across(tick), up.begin), (across(tick), up.end)], "#ddd")
        drawing.text(across(tick), up.begin + 14, short(tick), "middle", 10, "#666")
    for client, colour in paint.items():
        curve = by_client.get(client)
        if not curve:
            continue
        drawing.line([(across(size), up(time)) for size, time in curve], colour, 2)
        for size, time in curve:
            drawing.dot(across(size), up(time), colour)
    size, time = next(iter(by_client.values()))[0]
    end = min(10.0 ** across.high, size * 10.0 ** up.high / time)
    drawing.line([(across(size), up(time)), (across(end), up(time * end / size))], "#888", 1, "4 4")
