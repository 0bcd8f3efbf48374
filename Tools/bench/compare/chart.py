"""Step time and latency as a picture: four panels, both axes logarithmic."""

import math
from html import escape

import sweep
from table import number

WIDTH, HEIGHT = 920, 700
# Of a panel: its frame within its quarter.
QUARTER_WIDTH, QUARTER_HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 460, 320, 62, 34, 16, 40
LEGEND = 50
# Each is told from both a white and a black ground, and from its neighbours by the colour-blind.
OURS, OTHERS = "#e8590c", ["#1c7ed6", "#2f9e44", "#9c5fd6", "#c08a00", "#d6559b", "#1098ad"]
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 13px }
.grid { stroke: #8c959f; stroke-opacity: .28 }
.frame { stroke: #8c959f; fill: none }
@media (prefers-color-scheme: dark) { text { fill: #d1d9e0 } }
"""


def draw(results):
    """The picture of results of `run --sweep`."""
    comparisons = results["comparisons"]
    colours, others = {}, iter(OTHERS)
    for runs in comparisons.values():
        for name in runs:
            if name not in colours:
                colours[name] = OURS if name == "ours" else next(others, "#868e96")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="Seconds of a training step and of inference, over length and batch">',
        f"<style>{STYLE}</style>",
        *legend(colours),
    ]
    for index, panel in enumerate(sweep.PANELS):
        x, y = index % 2 * QUARTER_WIDTH, LEGEND + index // 2 * QUARTER_HEIGHT
        lines = {name: sweep.points(panel, runs) for name, runs in comparisons.get(panel["of"], {}).items()}
        parts.append(f'<g transform="translate({x} {y})">')
        parts += draw_panel(panel, {name: line for name, line in lines.items() if line}, colours)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def legend(colours):
    x, y = LEFT, 18
    for name, colour in colours.items():
        width = 40 + 7 * len(name)
        if x + width > WIDTH:
            x, y = LEFT, y + 20
        yield f'<line x1="{x}" y1="{y}" x2="{x + 22}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{x + 28}" y="{y + 4}">{escape(name)}</text>'
        x += width


def draw_panel(panel, lines, colours):
    width, height = QUARTER_WIDTH - LEFT - RIGHT, QUARTER_HEIGHT - TOP - BOTTOM
    yield f'<text class="title" x="{LEFT}" y="{TOP - 12}">{escape(panel["title"])}</text>'
    if not lines:
        yield f'<text x="{LEFT}" y="{TOP + 20}">not measured</text>'
        return
    sizes = sorted({size for line in lines.values() for size, _ in line})
    seconds = [value for line in lines.values() for _, value in line]
    low, high = math.log(min(seconds) / 1.15), math.log(max(seconds) * 1.15)
    first, last = math.log(sizes[0]), math.log(max(sizes[-1], sizes[0] + 1))
    across = lambda size: LEFT + width * (math.log(size) - first) / (last - first)
    down = lambda value: TOP + height * (high - math.log(value)) / (high - low)
    for size in sizes:
        x = f"{across(size):.1f}"
        yield f'<line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{TOP + height}"/>'
        yield f'<text x="{x}" y="{TOP + height + 17}" text-anchor="middle">{size}</text>'
    yield f'<text x="{LEFT + width / 2}" y="{TOP + height + 34}" text-anchor="middle">{panel["axis"]}</text>'
    for value in ticks(math.exp(low), math.exp(high)):
        y = f"{down(value):.1f}"
        yield f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{LEFT + width}" y2="{y}"/>'
        yield f'<text x="{LEFT - 7}" y="{float(y) + 4:.1f}" text-anchor="end">{number(value, "s")}</text>'
    yield f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{width}" height="{height}"/>'
    # Ours last, so that it lies on top.
    for name, line in sorted(lines.items(), key=lambda item: item[0] == "ours"):
        path = " ".join(f"{across(size):.1f},{down(value):.1f}" for size, value in line)
        thick = 3 if name == "ours" else 1.8
        yield f'<polyline points="{path}" fill="none" stroke="{colours[name]}" stroke-width="{thick}"/>'
        for size, value in line:
            label = f"{name}, {size} {panel['axis']}: {number(value, 's')}"
            yield (
                f'<circle cx="{across(size):.1f}" cy="{down(value):.1f}" r="{thick}" fill="{colours[name]}">'
                f"<title>{escape(label)}</title></circle>"
            )


def ticks(low, high):
    """1, 2, 5, 10 … between two values; fewer when they are many decades apart."""
    steps = (1, 2, 5) if high / low < 300 else (1, 3)
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for step in steps:
            if low <= step * 10.0**power <= high:
                yield step * 10.0**power
