"""The tables that are printed, and the file that is kept."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from benchmarks.command_cost import CommandCost
from benchmarks.cost import Cost
from benchmarks.rounds import Sample
from benchmarks.sides import Side
from benchmarks.statements import Statements
from benchmarks.stats import ratio as ratio_of
from benchmarks.stats import spread
from benchmarks.targets import Ratio


class Results(Struct, frozen=True):
    """All of a run; what was not measured is empty or None."""

    head: dict[str, str]
    samples: dict[str, list[Sample]]
    cost: Cost | None
    commands: CommandCost | None
    statements: dict[str, Statements]
    ratios: list[Ratio]


def heading(head: Mapping[str, str]) -> str:
    """Machine, versions, settings."""
    return "\n".join(f"{name:10} {value}" for name, value in head.items())


def tables(results: Results, sides: Sequence[Side]) -> str:
    """Everything that was measured, then the ratios against their targets."""
    parts = []
    if results.samples:
        parts.append(_sides(results.samples, [side for side in sides if side.name in results.samples]))
    if results.cost is not None:
        parts.append(_cost(results.cost))
    if results.commands is not None:
        parts.append(_commands(results.commands))
    if results.statements:
        parts.append(_statements(results.statements))
    if results.ratios:
        parts.append(_ratios(results.ratios))
    return "\n\n".join(parts)


def write(results: Results, folder: Path) -> Path:
    """Write everything as JSON; the file's name is the time."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(_plain(results)), indent=1))
    return path


def _plain(results: Results) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(results)
    for ratio, found in zip(plain["ratios"], results.ratios, strict=True):
        ratio["met"] = found.met
    return plain


def _sides(samples: Mapping[str, Sequence[Sample]], sides: Sequence[Side]) -> str:
    lines = [
        f"{'requests a second':38} {'median':>9} {'±':>6} {'p50 ms':>8} {'p99 ms':>8} {'CPU µs':>8}"
        f" {'durable after':>14}"
    ]
    for side in sides:
        runs = samples[side.name]
        rate = spread([run.measured.per_second for run in runs])
        p50 = spread([run.measured.p50_ms for run in runs]).median
        p99 = spread([run.measured.p99_ms for run in runs]).median
        cpu = [run.cpu_us for run in runs if run.cpu_us is not None]
        settle = [run.settle_s for run in runs if run.settle_s is not None]
        lines.append(
            f"{side.label:38} {rate.median:9,.0f} {rate.percent:5.0f}% {p50:8.2f} {p99:8.2f}"
            f" {f'{spread(cpu).median:.0f}' if cpu else '-':>8}"
            f" {f'{spread(settle).median:.2f} s' if settle else '-':>14}"
        )
    return "\n".join(lines)


def _cost(cost: Cost) -> str:
    lines = [f"{'server-side µs of a call':38} {'median':>9} {'±':>6}"]
    rows = [("FCALL that reads 3, writes 2, pushes 1", cost.floor_us)]
    rows += [(f"move among {size:,} items", values) for size, values in cost.moves_us.items()]
    for label, values in rows:
        found = spread(values)
        lines.append(f"{label:38} {found.median:9.1f} {found.percent:5.0f}%")
    return "\n".join(lines)


def _commands(cost: CommandCost) -> str:
    least, *more = sorted(cost.sizes)
    head = [f"{'server-side µs among items':38}"]
    head += [f"{size:>8,} {'±':>6}" for size in (least, *more)]
    head += [f"{f'{size:,}/{least}':>9}" for size in more]
    rows = [*cost.kinds_us.items(), ("all kinds", {size: cost.mix_us(size) for size in cost.sizes})]
    return "\n".join([" ".join(head), *(_command(label, by_size, least, more) for label, by_size in rows)])


def _command(label: str, by_size: Mapping[int, Sequence[float]], least: int, more: Sequence[int]) -> str:
    cells = [f"{label:38}"]
    for size in (least, *more):
        found = spread(by_size[size])
        cells.append(f"{found.median:8.1f} {found.percent:5.0f}%")
    cells += [f"{ratio_of(by_size[size], by_size[least]).median:9.2f}" for size in more]
    return " ".join(cells)


def _statements(statements: Mapping[str, Statements]) -> str:
    lines = [f"{'statements in PostgreSQL':38} {'a move':>9} {'moves/s':>9}"]
    for name, found in statements.items():
        label = {"served": "as served", "crud": "CRUD mode"}.get(name, name)
        lines.append(f"{label:38} {found.per_move:9.3f} {found.moves_per_second:9,.0f}")
    return "\n".join(lines)


def _ratios(ratios: Sequence[Ratio]) -> str:
    width = max(len(ratio.label) for ratio in ratios)
    lines = [f"{'ratio':{width}} {'median':>8} {'least':>8} {'most':>8}  target"]
    for ratio in ratios:
        target = ""
        if ratio.target is not None:
            word = "reached" if ratio.met else "NOT REACHED"
            target = f"{ratio.sense} {ratio.target:g}  {word}"
        values = f"{ratio.value.median:8.3f} {ratio.value.least:8.3f} {ratio.value.most:8.3f}"
        lines.append(f"{ratio.label:{width}} {values}  {target}".rstrip())
    return "\n".join(lines)
