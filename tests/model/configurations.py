"""Bounded configurations: what may happen how often. Each is exhausted, every order of it."""

from dataclasses import dataclass

from tests.model.state import POISON, Budget, Character, World, new_character
from tests.model.trade import PENDING


@dataclass(frozen=True)
class Configuration:
    """``operations``: what callers send, over and over. ``budgets``: one a character."""

    name: str
    operations: tuple[str, ...]
    budgets: tuple[Budget, ...]
    trade: bool = False
    torn_reads: bool = False  # head and journal are read one after the other
    failing: bool = False  # PostgreSQL may be away from a final flush

    def first(self) -> World:
        """The state that it begins with: nothing was ever loaded."""
        characters: tuple[Character, ...] = tuple(map(new_character, self.budgets))
        return World(characters, PENDING if self.trade else None)


_X, _XY = ("x",), ("x", "y")


def _by_name(*configurations: Configuration) -> dict[str, Configuration]:
    return {configuration.name: configuration for configuration in configurations}


# All of these together take seconds.
CONFIGURATIONS = _by_name(
    # Two loads and two flushers in each other's way, on one node.
    Configuration("flush", _XY, (Budget(loads=2, flushes=3),), torn_reads=True),
    # A load that is late, past an eviction and past the fence.
    Configuration("evict", _XY, (Budget(loads=3, flushes=1, evictions=1, hours=1),)),
    # Two processes that close, cancel and resume.
    Configuration("close", _X, (Budget(loads=2, flushes=1, evictions=2),), failing=True),
    # A standby that is behind takes over.
    Configuration("failover", _XY, (Budget(loads=2, flushes=2, copies=1, switches=1),)),
    # The same with a close under way.
    Configuration("close, failover", _X, (Budget(2, 1, 1, 1, 1),), failing=True),
    # A standby takes over, and the first node comes back with what it had, or with a copy.
    Configuration("return", _X, (Budget(loads=3, flushes=1, copies=1, switches=2),)),
    Configuration("return, longer", _XY, (Budget(loads=3, flushes=1, switches=2),)),
    # A call that PostgreSQL refuses to store.
    Configuration("poison", ("x", POISON), (Budget(loads=2, flushes=2, evictions=1),), failing=True),
    # A trade, while A's node fails, or B's.
    Configuration("trade, A fails", (), (Budget(2, 1, switches=1), Budget(1, 1)), trade=True),
    Configuration("trade, B fails", (), (Budget(1, 1), Budget(2, 1, switches=1)), trade=True),
)

# The same with more of everything: minutes.
DEEP = _by_name(
    Configuration("deep flush", _XY, (Budget(loads=3, flushes=3),), torn_reads=True),
    Configuration("deep close", _XY, (Budget(loads=2, flushes=1, evictions=2),), failing=True),
    Configuration("deep failover", _XY, (Budget(loads=3, flushes=2, copies=1, switches=1),)),
    Configuration("deep close, failover", _X, (Budget(2, 1, 2, 1, 1),), failing=True),
    Configuration("deep return", _XY, (Budget(loads=3, flushes=1, copies=1, switches=2),)),
    Configuration("deep trade", (), (Budget(2, 1, 0, 1, 1), Budget(1, 1)), trade=True),
)
