"""How long after its reply a call is in PostgreSQL, as PostgreSQL itself shows it."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

import asyncpg

from tests.chaos.session_load import Reply

SAMPLE_S = 0.02


class LagSampler:
    """Asks PostgreSQL for the seqs of all characters again and again.

    A lag ends when an answer has come that has the seq, so it is too long by up to one sample and never
    too short. It depends neither on the flusher's word nor on two clocks.
    """

    def __init__(self, database_url: str, count: int) -> None:
        """``count``: how many characters there are, numbered in the order of their ids."""
        self._database_url = database_url
        self._waiting: list[deque[tuple[int, float]]] = [deque() for _ in range(count)]
        self.lags_s: list[float] = []
        self.acknowledged = [0] * count
        self.stored = [0] * count
        self.worst: tuple[float, int, int] = (0.0, 0, 0)
        self._task: asyncio.Task[None] | None = None

    def on_reply(self, number: int, reply: Reply) -> None:
        if reply.status == 200:
            self.acknowledged[number] = max(self.acknowledged[number], reply.seq)
            self._waiting[number].append((reply.seq, reply.at))

    def restart(self) -> list[float]:
        """Hand out the lags so far and begin anew."""
        lags_s, self.lags_s = self.lags_s, []
        return lags_s

    def lead_to(self, database_url: str) -> None:
        """The same database, where it listens since its restart."""
        self._database_url = database_url

    async def until_stored(self, seqs: Sequence[int], within_s: float) -> float:
        """Wait until PostgreSQL has these, or more; how long it took."""
        began = time.monotonic()
        while any(stored < wanted for stored, wanted in zip(self.stored, seqs, strict=True)):
            assert time.monotonic() - began < within_s, f"not flushed within {within_s} s"
            await asyncio.sleep(SAMPLE_S)
        return time.monotonic() - began

    async def until_caught_up(self, within_s: float) -> float:
        """The same for all that was acknowledged by now."""
        return await self.until_stored(list(self.acknowledged), within_s)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        connection: Any = None
        while True:
            try:
                if connection is None:
                    connection = await asyncpg.connect(self._database_url, timeout=5)
                self.stored = await connection.fetchval(
                    "SELECT array_agg(seq ORDER BY char_id) FROM characters"
                )
                self._note(time.monotonic())
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if connection is not None:
                    with suppress(Exception):
                        connection.terminate()
                connection = None
            await asyncio.sleep(SAMPLE_S)

    def _note(self, now: float) -> None:
        for number, (waiting, stored) in enumerate(zip(self._waiting, self.stored, strict=True)):
            while waiting and waiting[0][0] <= stored:
                seq, replied = waiting.popleft()
                lag_s = max(0.0, now - replied)
                self.lags_s.append(lag_s)
                self.worst = max(self.worst, (lag_s, number, seq))
