"""The charts that the README shows, drawn from a run: ``python -m benchmarks.charts RESULTS.json``."""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import ROOT
from benchmarks.report import Results, read
from benchmarks.sides import SIDES
from benchmarks.stats import spread
from benchmarks.svg import Picture, logarithmic, number, straight
from benchmarks.tables import STATEMENT_LABELS

FOLDER = ROOT / "docs/charts"
WIDTH, LEFT, TOP, ROW, BOTTOM = 860, 290, 62, 26, 48
PERCENTILES = (("p50", "p50_ms"), ("p90", "p90_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms"))
# Loads that carry one request at a time: the latencies of bodies and of full streams are others'.
SINGLE = (
    "floor_b", "served", "paused", "served_shared", "crud", "function", "crud_shared", "function_shared",
)  # fmt: skip
COLOURS = {"floor_a": "c4", "floor_b": "c4", "crud": "c1", "crud_shared": "c1", "function": "c1"}
COLOURS["function_shared"] = "c1"


def draw(results: Results, folder: Path = FOLDER) -> list[Path]:
    """Write a chart for everything that the run has; the paths that were written."""
    made = {
        "throughput": _throughput(results),
        "latency": _latency(results),
        "cost": _cost(results),
        "statements": _statements(results),
    }
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, picture in made.items():
        if picture is not None:
            path = folder / f"{name}.svg"
            path.write_text(picture.svg(), "utf-8")
            written.append(path)
    return written


def _throughput(results: Results) -> Picture | None:
    sides = [side for side in SIDES if side.name in results.samples]
    if not sides:
        return None
    rates = [spread([run.measured.per_second for run in results.samples[side.name]]) for side in sides]
    picture, bottom = _rows(
        len(sides), "Throughput", "Requests a second: the median of all rounds, least and most as a line"
    )
    axis = straight([rate.most for rate in rates], LEFT, WIDTH - 90)
    picture.upright(axis, TOP, bottom, "requests a second")
    for row, (side, rate) in enumerate(zip(sides, rates, strict=True)):
        y = TOP + row * ROW
        picture.text(LEFT - 8, y + 17, side.label, "end")
        picture.bar(LEFT, y + 5, axis.at(rate.median) - LEFT, ROW - 10, COLOURS.get(side.name, "c0"))
        picture.line(axis.at(rate.least), y + ROW / 2, axis.at(rate.most), y + ROW / 2, "whisker")
        picture.text(axis.at(rate.most) + 6, y + 17, number(round(rate.median, -1)))
    return picture


def _latency(results: Results) -> Picture | None:
    sides = [side for side in SIDES if side.name in SINGLE and side.name in results.samples]
    if not sides:
        return None
    found = [
        [
            spread([getattr(run.measured, field) for run in results.samples[side.name]]).median
            for _, field in PERCENTILES
        ]
        for side in sides
    ]
    picture, bottom = _rows(
        len(sides), "Latency at full load", "Milliseconds, medians of all rounds, a closed loop over HTTP"
    )
    axis = logarithmic([value for values in found for value in values], LEFT, WIDTH - 40)
    picture.upright(axis, TOP, bottom, "milliseconds")
    for row, (side, values) in enumerate(zip(sides, found, strict=True)):
        y = TOP + row * ROW + ROW / 2
        picture.text(LEFT - 8, y + 4, side.label, "end")
        picture.line(axis.at(values[0]), y, axis.at(values[-1]), y, "axis")
        for colour, ((name, _), value) in enumerate(zip(PERCENTILES, values, strict=True)):
            picture.dot(axis.at(value), y, f"c{colour}", f"{side.label}, {name}: {value:.2f} ms", 5)
    _legend(picture, [name for name, _ in PERCENTILES])
    return picture


def _cost(results: Results) -> Picture | None:
    lines: dict[str, dict[int, float]] = {}
    if results.cost is not None:
        lines["move"] = {size: spread(us).median for size, us in results.cost.moves_us.items()}
        floor_us = spread(results.cost.floor_us).median
        lines["bare FCALL: 3 reads, 2 writes, 1 push"] = dict.fromkeys(lines["move"], floor_us)
    if results.commands is not None:
        lines["all kinds of commands"] = {
            size: spread(results.commands.mix_us(size)).median for size in results.commands.sizes
        }
    if not lines:
        return None
    left, bottom, right = 60, 330, WIDTH - 290
    picture = Picture(
        WIDTH, bottom + BOTTOM, "Cost against inventory size", "Microseconds a call takes inside Redis"
    )
    x = logarithmic([size for line in lines.values() for size in line], left + 20, right)
    y = straight([us for line in lines.values() for us in line.values()], bottom, TOP + 10)
    picture.lying(y, left, right)
    sizes = sorted({size for line in lines.values() for size in line})
    picture.upright(x, TOP + 10, bottom, "items in the inventory", sizes)
    for colour, (name, line) in enumerate(lines.items()):
        points = [(x.at(size), y.at(us)) for size, us in sorted(line.items())]
        picture.path(points, f"c{colour}")
        for (at_x, at_y), (size, us) in zip(points, sorted(line.items()), strict=True):
            picture.dot(at_x, at_y, f"c{colour}", f"{name}, {size:,} items: {us:.1f} µs")
    # Each line's name at its end, those of lines that end side by side below each other.
    ends = {name: line[max(line)] for name, line in lines.items()}
    label_y = 0.0
    for name, us in sorted(ends.items(), key=lambda entry: -entry[1]):
        label_y = max(y.at(us) + 4, label_y + 16)
        picture.text(x.at(sizes[-1]) + 12, label_y, f"{name}: {number(round(us, 1))} µs")
    return picture


def _statements(results: Results) -> Picture | None:
    found = {STATEMENT_LABELS[name]: counted for name, counted in results.statements.items()}
    if (played := results.played) is not None:
        found[f"{played.sessions:,} sessions, 10 moves/s each"] = played.statements
    if not found:
        return None
    picture, bottom = _rows(
        len(found),
        "Database statements a move",
        "Counted by PostgreSQL, BEGIN and COMMIT too; less is better",
    )
    axis = logarithmic([counted.per_move for counted in found.values()], LEFT, WIDTH - 90)
    picture.upright(axis, TOP, bottom, "statements a move")
    for row, (label, counted) in enumerate(found.items()):
        y = TOP + row * ROW
        colour = "c1" if label in (STATEMENT_LABELS["crud"], STATEMENT_LABELS["function"]) else "c0"
        picture.text(LEFT - 8, y + 17, label, "end")
        picture.bar(LEFT, y + 5, axis.at(counted.per_move) - LEFT, ROW - 10, colour)
        picture.text(axis.at(counted.per_move) + 6, y + 17, number(counted.per_move))
    return picture


def _rows(count: int, title: str, unit: str) -> tuple[Picture, float]:
    """A picture with so many rows, and where their bottom is."""
    bottom = TOP + count * ROW
    return Picture(WIDTH, bottom + BOTTOM, title, unit), bottom


def _legend(picture: Picture, names: Sequence[str]) -> None:
    x = WIDTH - 40 - 62 * len(names)
    for colour, name in enumerate(names):
        picture.dot(x, 40, f"c{colour}", radius=5)
        picture.text(x + 9, 44, name)
        x += 62


def main() -> int:
    """Draw the charts of the results that the command line names."""
    if len(sys.argv) != 2:
        print("usage: python -m benchmarks.charts RESULTS.json", file=sys.stderr)
        return 2
    for path in draw(read(Path(sys.argv[1]))):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
