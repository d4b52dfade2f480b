"""The scenarios by name. Each plays up to ``act``, and then the steps in which it is killed."""

from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import Struct

from tests.crash_points.doomed import Doomed

Play = Callable[[Doomed], Coroutine[Any, Any, None]]
OPERATIONS = ("LOAD", "APPLY", "FLUSH", "EVICT")


class Scenario(Struct, frozen=True):
    """``poisoned``: which of its characters have something that nobody can write; they end quarantined."""

    operation: str
    name: str
    play: Play
    poisoned: tuple[int, ...] = ()


SCENARIOS: dict[str, Scenario] = {}


def scenario(operation: str, *, poisoned: tuple[int, ...] = ()) -> Callable[[Play], Play]:
    def add(play: Play) -> Play:
        name = f"{operation}: {play.__name__.replace('_', ' ')}"
        assert name not in SCENARIOS
        SCENARIOS[name] = Scenario(operation, name, play, poisoned)
        return play

    return add
