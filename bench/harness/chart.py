"""chart.py - a bar for each contender, as SVG that can be read on light and on dark pages."""
import statistics
from xml.sax.saxutils import escape

from harness.figures import UNITS

WIDTH, LABELS, ROOM, TOP, STEP, BAR = 720, 150, 130, 56, 30, 16
STYLE = """
  text { font: 14px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #0b0b0b }
  .title { font-weight: 600; font-size: 15px } .unit, .value { fill: #52514e }
  .value { font-variant-numeric: tabular-nums }
  .peer { fill: #a6a49e } .floor { fill: #d5d3cc } .gale { fill: #2a78d6 }
  .spread { stroke: #52514e; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ffffff } .unit, .value { fill: #c3c2b7 }
    .peer { fill: #7d7b76 } .floor { fill: #4d4c48 } .gale { fill: #3987e5 }
    .spread { stroke: #c3c2b7 }
  }
"""


def kind(name):
    return "gale" if name.startswith("gale") else "floor" if name.startswith("loop") else "peer"


def bar(x, y, length, css):
    """Round at its end only."""
    r = min(4, length / 2)
    return (f'<path class="{css}" d="M{x},{y} h{length - r:.1f} q{r},0 {r},{r} v{BAR - 2 * r} '
            f'q0,{r} -{r},{r} h-{length - r:.1f} z"/>')


def line_of(i, name, values, scale, unit, digits):
    y = TOP + i * STEP
    middle, low, high = statistics.median(values), min(values), max(values)
    x = [LABELS + v * scale for v in (low, high)]
    return "\n".join([
        f'<text x="{LABELS - 10}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
        bar(LABELS, y, max(1.0, middle * scale), kind(name)),
        f'<path class="spread" d="M{x[0]:.1f},{y + BAR / 2} H{x[1]:.1f}"/>',
        f'<text class="value" x="{max(x[1], LABELS + middle * scale) + 8:.1f}" y="{y + 13}">'
        f"{middle:,.{digits}f}</text>"])


def svg(table, skip=()):
    """Medians of the table's metric; a thin line shows the least and the greatest round."""
    unit, digits, more = UNITS[table["metric"]]
    rows = {name: [r[table["metric"]] for r in figures]
            for name, figures in table["figures"].items() if name not in skip}
    scale = (WIDTH - LABELS - ROOM) / max(max(v) for v in rows.values())
    hint = f"{unit}, {'more' if more else 'less'} is better"
    body = [f'<text class="title" x="0" y="18">{escape(table["title"])}</text>',
            f'<text class="unit" x="0" y="38">{escape(hint)}</text>']
    body += [line_of(i, name, values, scale, unit, digits)
             for i, (name, values) in enumerate(rows.items())]
    height = TOP + len(rows) * STEP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{escape(table["title"])}: {escape(hint)}">\n<style>{STYLE}</style>\n'
            + "\n".join(body) + "\n</svg>\n")
