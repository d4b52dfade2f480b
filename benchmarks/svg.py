"""Pictures as SVG: bars and lines on axes, with text as text, on light and on dark pages.

A picture has a background of its own, which turns dark together with its text where the reader
prefers that; so it can be read on any page.
"""

from collections.abc import Sequence
from math import ceil, floor, log10
from xml.sax.saxutils import escape

from msgspec import Struct

STYLE = """
  .back { fill: #ffffff } .grid { stroke: #d9dee3 } .axis { stroke: #8c959f }
  text { fill: #24292f; font: 12px system-ui, sans-serif } .title { font-size: 15px; font-weight: 600 }
  .faint { fill: #57606a } .end { text-anchor: end } .middle { text-anchor: middle }
  .c0 { fill: #0969da; stroke: #0969da } .c1 { fill: #bf5b04; stroke: #bf5b04 }
  .c2 { fill: #1a7f37; stroke: #1a7f37 } .c3 { fill: #8250df; stroke: #8250df }
  .c4 { fill: #6e7781; stroke: #6e7781 } .whisker { stroke: #24292f } .line { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117 } .grid { stroke: #2b3138 } .axis { stroke: #768390 }
    text { fill: #e6edf3 } .faint { fill: #9aa5b1 } .whisker { stroke: #e6edf3 }
    .c0 { fill: #58a6ff; stroke: #58a6ff } .c1 { fill: #f0883e; stroke: #f0883e }
    .c2 { fill: #56d364; stroke: #56d364 } .c3 { fill: #bc8cff; stroke: #bc8cff }
    .c4 { fill: #8b949e; stroke: #8b949e }
  }
"""


class Axis(Struct, frozen=True):
    """Values from ``least`` to ``most`` on pixels from ``begin`` to ``end``, by logarithm or straight."""

    least: float
    most: float
    begin: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value; what is off the axis stands at its end."""
        value = min(max(value, self.least), self.most)
        if self.logarithmic:
            part = (log10(value) - log10(self.least)) / (log10(self.most) - log10(self.least))
        else:
            part = (value - self.least) / (self.most - self.least)
        return self.begin + part * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """Round values to write at the axis."""
        if self.logarithmic:
            exponents = range(round(log10(self.least)), round(log10(self.most)) + 1)
            return [10.0**exponent for exponent in exponents]
        step = _round_step((self.most - self.least) / 5)
        return [step * n for n in range(ceil(self.least / step), floor(self.most / step) + 1)]


def straight(values: Sequence[float], begin: float, end: float) -> Axis:
    """An axis from zero to a round value at or above the greatest."""
    step = _round_step(max(values) / 5)
    return Axis(0, step * ceil(max(values) / step), begin, end)


def logarithmic(values: Sequence[float], begin: float, end: float) -> Axis:
    """An axis between powers of ten; values must be above zero."""
    least, most = floor(log10(min(values))), ceil(log10(max(values)))
    return Axis(10.0**least, 10.0 ** max(most, least + 1), begin, end, logarithmic=True)


class Picture:
    """Shapes, in the order in which they are drawn; pixels from the top left."""

    def __init__(self, width: int, height: int, title: str, unit: str) -> None:
        """``unit`` says below the title what is shown, in which unit."""
        self._head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
            f' height="{height}" role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">'
        )
        self._parts: list[str] = []
        self._add(f'<rect class="back" width="{width}" height="{height}" rx="6"/>')
        self.text(16, 26, title, "title")
        self.text(16, 45, unit, "faint")

    def text(self, x: float, y: float, text: str, classes: str = "") -> None:
        """Text on a base line; ``end`` and ``middle`` say how it stands to ``x``."""
        self._add(f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}">{escape(text)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, classes: str) -> None:
        """A straight line."""
        self._add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{classes}"/>')

    def bar(self, x: float, y: float, width: float, height: float, classes: str) -> None:
        """A filled bar."""
        self._add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}"'
            f' class="{classes}" stroke="none"/>'
        )

    def box(self, x: float, y: float, width: float, height: float, classes: str, told: str) -> None:
        """A pale bar that text can stand on; ``told`` appears when the pointer is over it."""
        self._add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{classes}"'
            f' fill-opacity="0.25"><title>{escape(told)}</title></rect>'
        )

    def dot(self, x: float, y: float, classes: str, told: str = "", radius: float = 4) -> None:
        """A dot; ``told`` appears when the pointer is over it."""
        title = f"<title>{escape(told)}</title>" if told else ""
        self._add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{classes}">{title}</circle>')

    def path(self, points: Sequence[tuple[float, float]], classes: str) -> None:
        """A line through points."""
        through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._add(f'<polyline points="{through}" class="{classes} line" style="fill:none"/>')

    def upright(
        self, axis: Axis, top: float, bottom: float, label: str, ticks: Sequence[float] | None = None
    ) -> None:
        """A horizontal axis at the bottom, with lines upwards; ``label`` has the unit."""
        for tick in axis.ticks() if ticks is None else ticks:
            x = axis.at(tick)
            self.line(x, top, x, bottom, "grid")
            self.text(x, bottom + 16, number(tick), "faint middle")
        self.text((axis.begin + axis.end) / 2, bottom + 34, label, "faint middle")

    def lying(self, axis: Axis, left: float, right: float) -> None:
        """A vertical axis at the left, with lines to the right."""
        for tick in axis.ticks():
            y = axis.at(tick)
            self.line(left, y, right, y, "grid")
            self.text(left - 6, y + 4, number(tick), "faint end")

    def svg(self) -> str:
        """The file's text."""
        return "\n".join([self._head, f"<style>{STYLE}</style>", *self._parts, "</svg>\n"])

    def _add(self, part: str) -> None:
        self._parts.append(part)


def number(value: float) -> str:
    """A number as people write it: three digits that count, thousands apart."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _round_step(least: float) -> float:
    power = 10.0 ** floor(log10(least))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= least * 0.999)
