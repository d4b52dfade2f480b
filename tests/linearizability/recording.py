"""Clients that play one character at once, and the history of it."""

import asyncio
import itertools
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.linearizability.doors import Door, NothingDone, Unknown
from tests.linearizability.history import Answer, Call, Execute, Operation, Read, Stand
from tests.linearizability.world import FIRST, Board, batch, choose_commands

CLIENTS = (4, 8)
OPERATIONS = (8, 20)
# How often a call is sent again whose answer was lost, if it has an operation id.
REPEATS = 3
PAUSE_MAX_S = 0.004


class Habits(NamedTuple):
    """Shares of what clients do; all else is commands without an operation id."""

    read: float = 0.16
    load: float = 0.03
    save: float = 0.03
    evict: float = 0.05
    named: float = 0.35
    twice: float = 0.3
    conditional: float = 0.08
    durable: float = 0.06


class Recorder:
    """One character's history; time is the number of things that happened."""

    def __init__(self, char_id: str, rng: random.Random, habits: Habits) -> None:
        self.char_id, self.rng, self.habits = char_id, rng, habits
        self.board = Board()
        self.operations: list[Operation] = []
        self._clock = itertools.count(1)
        self._op_ids: list[Execute] = []

    async def ask(self, client: str, door: Door, call: Call) -> Answer | None:
        """Send a call and note it; None where the answer was lost. Raises ``NothingDone``."""
        call = door.prepared(call)
        invoked = next(self._clock)
        answer = None
        try:
            answer = await door.ask(self.char_id, call)
        except Unknown:
            pass
            if not isinstance(call, Execute):
                return None
        answered = None if answer is None else next(self._clock)
        self.operations.append(Operation(client, call, invoked, answered, answer))
        self.board.learn(answer)
        return answer

    def choose(self) -> Call:
        """What a client does next."""
        rng, habits = self.rng, self.habits
        dice = rng.random()
        for share, call in (
            (habits.read, Read()),
            (habits.load, Stand("load")),
            (habits.save, Stand("save")),
            (habits.evict, Stand("evict")),
        ):
            if dice < share:
                return call
            dice -= share
        if self._op_ids and rng.random() < 0.06:
            # Long answered, or still under way: under the same id again, sometimes for something else.
            again = rng.choice(self._op_ids)
            return again if rng.random() < 0.8 else Execute(choose_commands(rng, self.board), again.op_id)
        call = Execute(
            choose_commands(rng, self.board),
            op_id=f"op-{len(self._op_ids)}" if rng.random() < habits.named else "",
            if_match=self.board.tag if rng.random() < habits.conditional else "",
            durable=rng.random() < habits.durable,
        )
        if call.op_id:
            self._op_ids.append(call)
        return call


class Recorded(NamedTuple):
    """One character's history, and the seed of what its clients tried.

    ``failure``: what no client should ever see, such as a quarantine; the history ends there.
    """

    seed: str
    operations: list[Operation]
    failure: Exception | None


async def record(char_id: str, doors: Sequence[Door], seed: str, habits: Habits) -> Recorded:
    """What the clients of one character saw; the seed decides what they try, not who is first."""
    recorder = Recorder(char_id, random.Random(seed), habits)
    failure = None
    try:
        await _play_together(recorder, doors)
    except Exception as error:
        failure = error
    return Recorded(seed, recorder.operations, failure)


async def _play_together(recorder: Recorder, doors: Sequence[Door]) -> None:
    while await _surely(recorder, "first", doors[0], Execute(batch(*FIRST), op_id="first")) is None:
        pass
    clients = recorder.rng.randint(*CLIENTS)
    budget = itertools.repeat(None, recorder.rng.randint(*OPERATIONS))
    async with asyncio.TaskGroup() as group:
        for number in range(1, clients + 1):
            group.create_task(_play(recorder, f"client {number}", doors, budget))
    # What is in PostgreSQL alone at the end is what must be there, too.
    await _surely(recorder, "last", doors[-1], Stand("evict"))
    await _surely(recorder, "last", doors[0], Read())


async def _play(recorder: Recorder, name: str, doors: Sequence[Door], budget: Iterable[None]) -> None:
    rng = recorder.rng
    for _ in budget:
        call, door = recorder.choose(), rng.choice(doors)
        if isinstance(call, Execute) and call.op_id and rng.random() < recorder.habits.twice:
            async with asyncio.TaskGroup() as group:
                for copy, way in (("", door), (" too", rng.choice(doors))):
                    group.create_task(_with_repeats(recorder, name + copy, way, call))
        else:
            await _with_repeats(recorder, name, door, call)
        if rng.random() < 0.3:
            await asyncio.sleep(rng.random() * PAUSE_MAX_S)


async def _with_repeats(recorder: Recorder, name: str, door: Door, call: Call) -> None:
    for _ in range(1 + REPEATS):
        try:
            answer = await recorder.ask(name, door, call)
        except NothingDone:
            return
        if answer is not None or not (isinstance(call, Execute) and call.op_id):
            return


async def _surely(recorder: Recorder, name: str, door: Door, call: Call) -> Answer | None:
    while True:
        try:
            return await recorder.ask(name, door, call)
        except NothingDone:
            await asyncio.sleep(0.01)
