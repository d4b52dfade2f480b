"""Runs a schedule: with the product's clock and log in hand, from a plan to a result."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from msgspec import Struct

from persistence.protocol import command_runner, flusher, ruleset_turns
from tests.simulation.loop import Loop
from tests.simulation.plan import Plan, make_plan
from tests.simulation.redis_model import EPOCH_US
from tests.simulation.schedule import Schedule
from tests.simulation.session_checks import Violation


class Result(Struct):
    """What became of a schedule: what was violated, if anything, and what was seen on the way."""

    seed: int
    violation: str | None
    answers: Counter[tuple[str, str]]
    steps: int


class _Listener(logging.Handler):
    """Notes errors that the product has only logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []
        self.text = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(f"{record.getMessage()}: {self.text.formatException(record.exc_info)}")


_listener = _Listener()


class _Clock:
    """Stands for the module ``time`` where the product asks for the time."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def time_ns(self) -> int:
        return EPOCH_US * 1000 + int(self._loop.now * 1e9)


def run(
    plan: Plan, *, changed: Mapping[str, str] | None = None, trace: Callable[[str], None] | None = None
) -> Result:
    """Run one schedule; ``changed`` has other texts for Lua files, as mutants have."""
    schedule = Schedule(plan, changed or {})
    schedule.watcher.trace = trace
    logger = logging.getLogger("persistence")
    real_time, real_random, real_looks = command_runner.time, ruleset_turns.random, flusher.LOOKS_PER_INTERVAL
    logger.addHandler(_listener)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    _listener.found.clear()
    command_runner.time = _Clock(schedule.loop)  # type: ignore[assignment]
    # Pauses are of uneven length, and have to be the same each time that a seed is played.
    ruleset_turns.random = Random(plan.luck)  # type: ignore[assignment]
    # Looking in vain is what would take most of the time of a schedule.
    flusher.LOOKS_PER_INTERVAL = 1  # type: ignore[misc]
    violation: str | None = None
    try:
        schedule.run()
        problems = _listener.found + schedule.loop.errors
        if problems:
            violation = f"errors that nobody expected: {problems[0]}"
    except Violation as error:
        violation = str(error)
    finally:
        command_runner.time, ruleset_turns.random = real_time, real_random
        flusher.LOOKS_PER_INTERVAL = real_looks  # type: ignore[misc]
        logger.removeHandler(_listener)
        logger.setLevel(level)
        logger.propagate = propagate
    return Result(plan.seed, violation, schedule.watcher.answers, schedule.loop.steps)


def run_seed(seed: int, **more: Any) -> Result:
    """Run the schedule of a seed."""
    return run(make_plan(seed), **more)
