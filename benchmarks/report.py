"""All that a run found: shown as tables, kept as a file."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from benchmarks import tables
from benchmarks.command_cost import CommandCost
from benchmarks.cost import Cost
from benchmarks.flush_rate import FlushRate
from benchmarks.many import Many
from benchmarks.memory import Memory
from benchmarks.played import Played
from benchmarks.rounds import Sample
from benchmarks.sides import SIDES
from benchmarks.statements import Statements
from benchmarks.targets import Ratio


class Results(Struct, kw_only=True):
    """All of a run; what was not measured is empty or None."""

    head: dict[str, str]
    samples: dict[str, list[Sample]] = {}
    cost: Cost | None = None
    commands: CommandCost | None = None
    memory: Memory | None = None
    flush: FlushRate | None = None
    statements: dict[str, Statements] = {}
    played: Played | None = None
    many: Many | None = None
    ratios: list[Ratio] = []


def heading(head: Mapping[str, str]) -> str:
    """Machine, versions, settings."""
    return "\n".join(f"{name:10} {value}" for name, value in head.items())


def text(results: Results) -> str:
    """Everything that was measured, then the ratios against their targets."""
    parts = []
    if results.samples:
        parts.append(tables.sides(results.samples, [side for side in SIDES if side.name in results.samples]))
    if results.cost is not None:
        parts.append(tables.cost(results.cost))
    if results.commands is not None:
        parts.append(tables.commands(results.commands))
    if results.memory is not None:
        parts.append(tables.memory(results.memory))
    if results.flush is not None:
        parts.append(tables.flush(results.flush))
    if results.statements or results.played is not None:
        parts.append(tables.statements(results.statements, results.played))
    if results.many is not None:
        parts.append(tables.many(results.many))
    if results.ratios:
        parts.append(tables.ratios(results.ratios))
    return "\n\n".join(parts)


def write(results: Results, folder: Path) -> Path:
    """Write everything as JSON; the file's name is the time."""
    return write_json(_plain(results), folder, "")


def write_json(content: object, folder: Path, kind: str) -> Path:
    """Write ``content`` as JSON under ``kind`` and the time."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))
    return path


def read(path: Path) -> Results:
    """A written run. Some members say no more than what is in others, and are left aside."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


def _plain(results: Results) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(results)
    for ratio, found in zip(plain["ratios"], results.ratios, strict=True):
        ratio["met"] = found.met
    return plain
