"""What each kind of command costs the server, in sessions of 20, 200 and 2,000 items.

The figures are those of ``cost.py``. Every kind is sent alone, to one session after the other of a
size, so that a run of calls has nothing else in it; then to those of the next size, and then comes
the next kind. Calls are written down once: a cycle ends where it began, so the same ones serve for
ever, and at the end the sessions are compared with what they were.
"""

import random
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import redis
from msgspec import Struct

from benchmarks.command_kinds import ID_PREFIX, Step, steps
from benchmarks.command_world import PLAYED, Sized, sized
from benchmarks.cost import timed
from benchmarks.recorder import Command, Recorder
from benchmarks.stats import undisturbed
from engine.commands import GrantRequest
from engine.ruleset import Ruleset
from lua.library import Library
from persistence.keys import Keys
from persistence.link.redis_link import RedisLink
from persistence.sessions.mirror import Mirror
from persistence.sessions.session_manager import InventorySessionManager

SIZES = (20, 200, 2000)
# No divisor of 50: every 50th call collects Lua's garbage, and that is to fall on every step in turn.
SESSIONS = 11
RUNS = 20
PREFIX = "commands:"
CATALOG = 1
# What a call changes even when the items are as they were.
_MOVING = (b"seq", b"dirty_since")


class CommandCost(Struct, frozen=True):
    """Microseconds a call by kind and number of items, one for each round."""

    kinds_us: dict[str, dict[int, list[float]]]

    @property
    def sizes(self) -> list[int]:
        """The numbers of items that were measured."""
        return list(next(iter(self.kinds_us.values())))

    def mix_us(self, size: int) -> list[float]:
        """The same for all kinds together, each counted once."""
        of_rounds = zip(*(by_size[size] for by_size in self.kinds_us.values()), strict=True)
        return list(map(fmean, of_rounds))


class _Run(Struct, frozen=True):
    """One step of a cycle, for all sessions of each size."""

    kind: str
    calls: dict[int, list[Command]]


async def measure(
    redis_url: str, ruleset: Ruleset, rounds: int, seed: int, *, sessions: int = SESSIONS, runs: int = RUNS
) -> CommandCost:
    """Measure all in turn, ``runs`` times in each of ``rounds``; nobody else may use the server meanwhile.

    Raises ``RuntimeError`` when a call was not done, or did other than it should.
    """
    rng = random.Random(seed)
    made = {size: [sized(rng, ruleset, size) for _ in range(sessions)] for size in SIZES}
    recorder = Recorder(ruleset, PREFIX, CATALOG)
    todo = await _recorded(recorder, made)
    client: Any = redis.Redis.from_url(redis_url)
    link = RedisLink(redis_url)
    cost = CommandCost({run.kind: {size: [] for size in SIZES} for run in todo})
    try:
        await _open(link, ruleset, [entry for entries in made.values() for entry in entries])
        before = _content(client)
        for number in range(rounds + 1):
            found = await _round(link, todo, runs if number else 1)
            # The first round warms caches up.
            if number:
                for kind, by_size in found.items():
                    for size, cost_us in by_size.items():
                        cost.kinds_us[kind][size].append(cost_us)
        if _content(client) != before:
            raise RuntimeError("a cycle of commands did not end where it began")
    finally:
        await link.close()
        client.delete(*client.scan_iter(f"{PREFIX}*"), PREFIX)
    return cost


async def _round(link: RedisLink, todo: Sequence[_Run], runs: int) -> dict[str, dict[int, float]]:
    """Microseconds a call: of a step the mean of its undisturbed runs, of a kind the mean of its steps."""
    found: list[dict[int, list[float]]] = [{size: [] for size in SIZES} for _ in todo]
    for number in range(runs):
        # Who is first in a turn changes from run to run.
        turn = SIZES[number % len(SIZES) :] + SIZES[: number % len(SIZES)]
        for run, values in zip(todo, found, strict=True):
            for size in turn:
                values[size].append(await timed(link, run.calls[size]))
    kinds = dict.fromkeys(run.kind for run in todo)
    return {
        kind: {
            size: fmean(
                undisturbed(values[size]) for run, values in zip(todo, found, strict=True) if run.kind == kind
            )
            for size in SIZES
        }
        for kind in kinds
    }


async def _recorded(recorder: Recorder, made: Mapping[int, Sequence[Sized]]) -> list[_Run]:
    cycles = {size: [(entry.session.char_id, steps(entry)) for entry in made[size]] for size in SIZES}
    kinds = [step.kind for step in cycles[SIZES[0]][0][1]]
    return [
        _Run(
            kind,
            {
                size: [await _call(recorder, char_id, cycle[index]) for char_id, cycle in cycles[size]]
                for size in SIZES
            },
        )
        for index, kind in enumerate(kinds)
    ]


async def _call(recorder: Recorder, char_id: str, step: Step) -> Command:
    command = step.command
    granted = [command.template_id] if isinstance(command, GrantRequest) else []
    return await recorder.call(char_id, command, {name: PLAYED[name] for name in granted}, ID_PREFIX)


async def _open(link: RedisLink, ruleset: Ruleset, made: Sequence[Sized]) -> None:
    mirror = Mirror(link, Library(ruleset))
    await mirror.load()
    manager = InventorySessionManager(
        mirror, ruleset, Keys(PREFIX), flush_interval_ms=100, idle_evict_ms=900_000
    )
    for entry in made:
        probe = await manager.probe(entry.session.char_id)
        await manager.open(entry.session, probe=probe, epoch=1, incarnation=1, catalog=CATALOG)


def _content(client: Any) -> dict[bytes, dict[bytes, bytes]]:  # noqa: ANN401
    found = {key: client.hgetall(key) for key in client.scan_iter(f"{PREFIX}session:*")}
    for fields in found.values():
        for name in _MOVING:
            fields.pop(name, None)
    return found
