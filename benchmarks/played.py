"""Everybody plays at a steady pace: what PostgreSQL is asked for a move, and how far it is behind.

Each of the characters makes ten moves a second, over a stream, whether the last one was answered or
not. Lags are those of a few characters: from a reply to the moment when PostgreSQL shows its seq.
"""

import asyncio
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from benchmarks import statements
from benchmarks.load.stream import JSON, Watched
from benchmarks.rounds import Rounds
from benchmarks.sides import Side
from benchmarks.stage import Stage
from benchmarks.statements import Statements

MOVES_EACH_PER_S = 10
SETTLING_S = 1.0


class Lags(Struct, frozen=True):
    """Of changes on their way to PostgreSQL, in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    most_ms: float


class Played(Struct, frozen=True):
    """A steady pace. ``wanted_per_second`` is the pace, ``statements`` tells what it came to."""

    sessions: int
    wanted_per_second: float
    statements: Statements
    lags: Lags
    p50_ms: float
    p99_ms: float
    generator_cpu_s: float
    seconds: float


def measure(stage: Stage, rounds: Rounds, seconds: float) -> Played:
    """Play on the server "served"; PostgreSQL must be counting."""
    side = Side("played", "ten moves a second each", "served", "json", protocol=JSON)
    rate = float(len(stage.players) * MOVES_EACH_PER_S)
    url = stage.databases["served"]
    rounds.streamed(side, replace(rounds.job(side, SETTLING_S), rate=rate))
    before = asyncio.run(statements.counted(url))
    found = rounds.streamed(side, replace(rounds.job(side, seconds), rate=rate, watched=Watched(url)))
    after = asyncio.run(statements.counted(url))
    measured = found.measured
    return Played(
        len(stage.players),
        rate,
        Statements(after - before, measured.sent, measured.per_second),
        lags_of(found.lags_ms),
        measured.p50_ms,
        measured.p99_ms,
        measured.generator_cpu_s,
        seconds,
    )


def lags_of(lags_ms: Sequence[float]) -> Lags:
    """Percentiles of lags; zeros of none."""
    ordered = sorted(lags_ms) or [0.0]
    p50_ms, p99_ms = (ordered[int(len(ordered) * part)] for part in (0.5, 0.99))
    return Lags(len(lags_ms), p50_ms, p99_ms, ordered[-1])
