"""How long after its reply a change is in PostgreSQL, as PostgreSQL itself shows it.

A few characters at a time are watched: their seqs are asked for again and again. A lag ends when an
answer has come that has the seq, so it is too long by up to one look and never too short, and no two
clocks are compared. Whoever has nothing outstanding gives its place to the next who plays.
"""

import asyncio
import time
from collections import deque
from typing import Self

import asyncpg

LOOK_S = 0.02
CATCH_UP_S = 20.0
_SEQS = "SELECT char_id::text, seq FROM characters WHERE char_id = ANY($1::uuid[])"


class LagSampler:
    """Looks from entry to exit; at its exit it waits for what was answered and is not there yet."""

    def __init__(self, database_url: str, watched: int) -> None:
        """Watch so many characters at a time."""
        self._database_url = database_url
        self._watched = watched
        self._waiting: dict[str, deque[tuple[int, float]]] = {}
        self.lags_s: list[float] = []
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def on_reply(self, char_id: str, seq: int, now: float) -> None:
        """A reply came at ``now`` (``time.perf_counter``); of those that are not watched nothing is kept."""
        waiting = self._waiting.get(char_id)
        if waiting is not None:
            waiting.append((seq, now))
        elif len(self._waiting) < self._watched:
            self._waiting[char_id] = deque([(seq, now)])

    async def __aenter__(self) -> Self:
        connection = await asyncpg.connect(self._database_url)
        # What is asked here is no part of what the gateway asks, and is not to be counted with it.
        await connection.execute("SET pg_stat_statements.track = 'none'")
        self._task = asyncio.create_task(self._look(connection))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        if self._task is not None:
            await self._task

    async def _look(self, connection: asyncpg.Connection) -> None:
        try:
            until = float("inf")
            while time.perf_counter() < until:
                for row in await connection.fetch(_SEQS, list(self._waiting)):
                    self._note(row["char_id"], row["seq"])
                if self._stop.is_set():
                    if not self._waiting:
                        return
                    until = min(until, time.perf_counter() + CATCH_UP_S)
                await asyncio.sleep(LOOK_S)
        finally:
            await connection.close()

    def _note(self, char_id: str, stored: int) -> None:
        now, waiting = time.perf_counter(), self._waiting[char_id]
        while waiting and waiting[0][0] <= stored:
            self.lags_s.append(now - waiting.popleft()[1])
        if not waiting:
            del self._waiting[char_id]
