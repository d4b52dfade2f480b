"""The campaign: play under faults, drain, judge; and once more with a Redis that loses its data."""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.clients import play
from tests.chaos.faults import Faults
from tests.chaos.process import Process
from tests.chaos.records import Records
from tests.chaos.stage import Stage, char_ids, stage
from tests.chaos.verdict import Verdict, judge

DRAIN_S = 60.0
PROGRESS_S = 5.0


@dataclass(frozen=True)
class Plan:
    """How much of what; ``destroying_s`` is the second phase's length, 0 for none.

    A fault begins every ``pause_s`` or so.
    """

    seed: int
    seconds: float
    destroying_s: float
    characters: int = 200
    clients: int = 24
    gateways: int = 2
    flushers: int = 2
    pause_s: float = 1.0


class Stuck(Exception):
    """Without faults, something did not come about in time."""


async def run(plan: Plan) -> bool:
    """Play it; True when nothing was violated."""
    say(f"seed {plan.seed}")
    async with stage(plan.gateways, plan.flushers, plan.characters) as made:
        characters = char_ids(plan.characters)
        held = True
        for name, seconds, destroying in (
            ("faults", plan.seconds, False),
            ("Redis loses its data", plan.destroying_s, True),
        ):
            if seconds > 0 and held:
                try:
                    held = await _phase(made, characters, plan, name, seconds, destroying=destroying)
                except* Stuck as stuck:
                    held = False
                    say(f"  VIOLATION {name}: {'; '.join(map(str, stuck.exceptions))}")
        for line in _unexpected(made.logs()):
            held = False
            say(f"  VIOLATION in a log: {line}")
        if not held:
            keep = made.home.with_name(f"{made.home.name}-logs")
            keep.mkdir()
            for process in made.processes:
                (keep / process.log.name).write_text(process.log.read_text())
            say(f"  the logs are in {keep}")
    say("chaos: nothing lost, nothing doubled" if held else f"chaos: VIOLATED, seed {plan.seed}")
    return held


async def _phase(
    made: Stage, characters: list[str], plan: Plan, name: str, seconds: float, *, destroying: bool
) -> bool:
    records = Records(name.split()[0])
    faults = Faults(made, records, plan.seed, plan.pause_s)
    playing = asyncio.Event()
    playing.set()
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        helpers = [
            *(group.create_task(_keep_running(process)) for process in made.processes),
            group.create_task(_progress(name, records, faults, began, seconds)),
        ]
        clients = group.create_task(
            play(made.gateways, characters, records, clients=plan.clients, seed=plan.seed, playing=playing)
        )
        await faults.run(began + seconds, destroying=destroying)
        # Clients go on a little without faults: all must be playable again.
        recovered = len([one for one in records.attempts if one.status == 200])
        await _until(lambda: sum(one.status == 200 for one in records.attempts) > recovered + 200, "play")
        playing.clear()
        await clients
        drained_s = await _drained(made)
        for helper in helpers:
            helper.cancel()
    verdict = await judge(made, records)
    _report(name, records, verdict, time.monotonic() - began, drained_s)
    return not verdict.violations


async def _keep_running(process: Process) -> None:
    while True:
        await asyncio.to_thread(process.keep_running)
        await asyncio.sleep(0.3)


async def _progress(name: str, records: Records, faults: Faults, began: float, seconds: float) -> None:
    while True:
        await asyncio.sleep(PROGRESS_S)
        done = records.answers["200"]
        say(
            f"  {name}: {time.monotonic() - began:.0f} of {seconds:.0f} s, {len(records.attempts)} calls,"
            f" {done} done, {sum(records.faults.values())} faults, the last: {faults.last}"
        )


async def _drained(made: Stage) -> float:
    began = time.monotonic()
    while await asyncio.to_thread(made.unflushed):
        if time.monotonic() - began > DRAIN_S:
            raise Stuck(f"not everything is flushed {DRAIN_S} s after the last fault")
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DRAIN_S
    while not holds():
        if time.monotonic() > deadline:
            raise Stuck(f"no {what} within {DRAIN_S} s of the last fault")
        await asyncio.sleep(0.05)


def _report(name: str, records: Records, verdict: Verdict, took_s: float, drained_s: float) -> None:
    say(f"{name}: {took_s:.0f} s, {len(records.attempts)} calls, {verdict.entries} entries in the ledger")
    acknowledged = ", ".join(f"{kind} {count}" for kind, count in sorted(verdict.acknowledged.items()))
    say(f"  acknowledged: {acknowledged}; replays {verdict.replays}")
    say(f"  outcome unknown: {verdict.unknown}, of which {verdict.unknown_done} had been done")
    if records.destructions:
        unflushed = [1000 * (one.began - one.oldest) for one in records.destructions]
        say(
            f"  lost with Redis's data: {verdict.lost} in {len(records.destructions)} destructions,"
            f" the oldest {1000 * verdict.oldest_lost_s:.0f} ms before one;"
            f" what was not flushed then was up to {max(unflushed):.0f} ms old"
        )
    say(f"  drained {drained_s:.2f} s after the last call")
    say("  answers: " + ", ".join(f"{name} × {count}" for name, count in sorted(records.answers.items())))
    say("  faults: " + ", ".join(f"{name} × {count}" for name, count in sorted(records.faults.items())))
    for violation in verdict.violations[:20]:
        say(f"  VIOLATION {violation}")
    if len(verdict.violations) > 20:
        say(f"  and {len(verdict.violations) - 20} more")


def _unexpected(log: str) -> list[str]:
    """What no fault explains: errors that nobody has thought of."""
    return [line for line in log.splitlines() if "Traceback" in line or "quarantined" in line]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
