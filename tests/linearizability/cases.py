"""What histories are recorded of: how many services there are, and what the clients do."""

from typing import NamedTuple

from tests.linearizability.recording import Habits


class Case(NamedTuple):
    """``idle_evict_s`` 0: sessions end as soon as they have nothing more to flush."""

    services: int
    idle_evict_s: int
    habits: Habits


CASES = {
    "quiet": Case(2, 900, Habits(evict=0.0, save=0.01)),
    "coming and going": Case(3, 900, Habits(evict=0.1)),
    "ended when idle": Case(3, 0, Habits()),
    "everything twice": Case(2, 900, Habits(named=0.9, twice=0.6, read=0.1)),
}


def seeds(case: str, first: int, count: int) -> list[str]:
    """The seeds of a case's histories, from the ``first`` on."""
    return [f"{case} {number}" for number in range(first, first + count)]
