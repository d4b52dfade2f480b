"""Settings of a run, from the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks import ROOT


class Options(Struct, frozen=True):
    """What to measure and for how long; README.md has the table of flags."""

    rounds: int
    seconds: int
    seed: int
    connections: int
    characters: int
    items: int
    generator: str
    data_dir: Path | None
    results: Path
    only: tuple[str, ...]
    sessions: int
    charts: bool
    quick: bool

    @property
    def cost_rounds(self) -> int:
        """Rounds of what is measured on the server's side alone, which is steadier."""
        return 1 if self.quick else min(self.rounds, 3)

    @property
    def cost_runs(self) -> int:
        """Runs of every kind of command in a round."""
        return 8 if self.quick else 20

    @property
    def played_s(self) -> float:
        """How long everybody plays at a steady pace."""
        return 3.0 if self.quick else 10.0

    @property
    def many_s(self) -> float:
        """How long a number of sessions is played with, at full speed and then at a pace."""
        return 1.0 if self.quick else 4.0

    @property
    def steps(self) -> tuple[int, ...]:
        """Numbers of sessions that are played with, up to ``sessions``."""
        return tuple(sorted({1, *(max(1, self.sessions // part) for part in (100, 10, 1))}))

    @property
    def storm(self) -> int:
        """Loads that are asked for at once; between the last two steps there is room for them."""
        return min(STORM_MAX, self.sessions // 4)


QUICK = {"rounds": 2, "seconds": 1, "characters": 400, "sessions": 4_000}
FULL = {"rounds": 5, "seconds": 3, "characters": 1000, "sessions": 100_000}
STORM_MAX = 5_000


def parse(argv: Sequence[str] | None = None) -> Options:
    """The options, those of ``--quick`` where nothing else is said."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Haversack beside aiohttp's floor and beside CRUD."
    )
    parser.add_argument("--quick", action="store_true", help="under two minutes, and rough")
    parser.add_argument("--rounds", type=_positive, help=f"times each side is run ({FULL['rounds']})")
    parser.add_argument("--seconds", type=_positive, help=f"length of one run ({FULL['seconds']})")
    parser.add_argument("--seed", type=int, default=1, help="of items and order of moves (1)")
    parser.add_argument("--connections", type=_positive, default=32, help="of the load generator (32)")
    parser.add_argument("--characters", type=_positive, help=f"that play ({FULL['characters']})")
    parser.add_argument("--items", type=_positive, default=40, help="of each character (40)")
    parser.add_argument("--sessions", type=_positive, help=f"loaded in the end ({FULL['sessions']})")
    parser.add_argument("--generator", choices=("auto", "wrk", "own"), default="auto", help="of load (auto)")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="SIDE", help="run nothing but these; a wrong name lists them"
    )
    parser.add_argument(
        "--data-dir", type=Path, help="an existing directory to make the servers' files in (on disk)"
    )
    parser.add_argument(
        "--results", type=Path, default=ROOT / "benchmarks/results", help="where the JSON is written"
    )
    parser.add_argument("--charts", action="store_true", help="draw docs/charts/*.svg of the results")
    found = parser.parse_args(argv)
    usual = QUICK if found.quick else FULL
    return Options(
        rounds=found.rounds or usual["rounds"],
        seconds=found.seconds or usual["seconds"],
        seed=found.seed,
        connections=found.connections,
        characters=found.characters or usual["characters"],
        items=found.items,
        generator=found.generator,
        data_dir=found.data_dir,
        results=found.results,
        only=tuple(found.only),
        sessions=found.sessions or usual["sessions"],
        charts=found.charts,
        quick=found.quick,
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a number above zero")
    return number
