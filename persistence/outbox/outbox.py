"""The outbox of a process: it delivers what its flusher has written, and what others have left.

Nothing is added to a flush: what is to be delivered is the ledger, and how far it was, stands in a table of
its own. Who has something is told by this process's flusher after each batch. What nobody tells, because a
process died or an operator changed something, is found by looking through all characters, a page at a
time, which one process does.
"""

import asyncio
import logging
import random
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Final
from zlib import crc32

from persistence.errors import PersistenceError
from persistence.outbox.lane import Lane
from persistence.outbox.locks import Locks
from persistence.outbox.sink import Sink
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query

_log = logging.getLogger(__name__)

# The same in all processes: the lane of a character is who delivers it.
LANES: Final = 16
# Lanes of one process that are under way at once.
LANES_AT_ONCE: Final = 4
# The lock beside those of the lanes: who looks through all characters.
WALK: Final = LANES
# Beyond so many, who has something is better looked up again.
NOTED_MAX: Final = 100_000
# What another process delivers is looked at again after this.
TAKEN_PAUSE_S: Final = 0.1
RETRY_S: Final = 1.0
WALK_PAGE: Final = 2_000
WALK_PAGE_PAUSE_S: Final = 0.2
WALK_PAUSE_S: Final = 10.0
# A delivery that is under way at a stop gets this long.
STOP_S: Final = 5.0
# Where there are many characters, the first beginning writes a row for each.
_BEGIN_TIMEOUT_S: Final = 600.0
_FIRST: Final = "00000000-0000-0000-0000-000000000000"


class Outbox:
    """Delivers from ``start`` to ``stop``."""

    def __init__(
        self, url: str, database: Database, sink: Sink, *, walk_pause_s: float = WALK_PAUSE_S
    ) -> None:
        """``url`` is where ``database`` is, too: connections for locks and for beginning are its own."""
        self._url = url
        self._database = database
        self._own: Database | None = None
        self._locks = Locks(self._opened)
        self._sink = sink
        self._walk_pause_s = walk_pause_s
        self._lanes = [Lane(number, database, sink) for number in range(LANES)]
        self._room = asyncio.Semaphore(LANES_AT_ONCE)
        self._stopping = asyncio.Event()
        self._walk_now = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def delivered(self) -> int:
        """Entries that this process has delivered."""
        return sum(lane.delivered for lane in self._lanes)

    @property
    def stalled_s(self) -> float:
        """For how many seconds the receiver has put off the lane that waits longest; 0 where none waits."""
        now = monotonic()
        return max(now - (now if lane.stalled_since is None else lane.stalled_since) for lane in self._lanes)

    def note(self, char_ids: Iterable[str]) -> None:
        """Changes of these characters were committed."""
        for char_id in char_ids:
            self.lane_of(char_id).note(char_id)
        if self._noted > NOTED_MAX:
            for lane in self._lanes:
                lane.forget()
            self._walk_now.set()

    def lane_of(self, char_id: str) -> Lane:
        """The lane that delivers the character, in every process."""
        return self._lanes[crc32(char_id.encode()) % LANES]

    def start(self) -> None:
        """Begin; needs a running event loop."""
        work = [self._walk(), *map(self._serve, self._lanes)]
        self._tasks = [asyncio.create_task(one, name="outbox") for one in work]

    async def stop(self) -> None:
        """Let what is under way end, if it does so soon; what is left is delivered by others, or later."""
        self._stopping.set()
        self._walk_now.set()
        for lane in self._lanes:
            lane.wanted.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S)
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
        await self._sink.close()
        await self._locks.close()
        if self._own is not None:
            await self._own.close()

    async def _serve(self, lane: Lane) -> None:
        while not self._stopping.is_set():
            await lane.wanted.wait()
            pause_s = RETRY_S
            try:
                async with self._room:
                    if not self._stopping.is_set():
                        pause_s = await self._round(lane)
            except PersistenceError as error:
                _log.warning("the outbox waits: %s", error)
            except Exception:
                _log.exception("the outbox failed; the next try is in %.0f s", RETRY_S)
            if pause_s:
                await self._nap(pause_s)

    async def _round(self, lane: Lane) -> float:
        if not await self._locks.take(lane.number):
            return TAKEN_PAUSE_S * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        try:
            return await lane.round()
        finally:
            # What was delivered is noted, or is delivered again; the lock has nothing to do with that.
            with suppress(PersistenceError):
                await self._locks.let_go(lane.number)

    async def _walk(self) -> None:
        """Look through all characters, again and again, in one of the processes."""
        while not self._stopping.is_set():
            try:
                # Never let go: who has it goes on, and who dies loses it.
                if await self._locks.take(WALK):
                    self._walk_now.clear()
                    await self._begin()
                    await self._look_through()
            except PersistenceError as error:
                _log.warning("the outbox cannot look for what was left: %s", error)
            except Exception:
                _log.exception("the outbox cannot look for what was left")
            if not self._stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._walk_now.wait(), self._walk_pause_s)

    async def _begin(self) -> None:
        """Begin at the present, if nobody has begun yet."""
        async with self._database.connection() as connection:
            if await connection.fetchval(query("outbox_is_begun")):
                return
        own = await self._opened()
        async with own.transaction() as connection:
            if await connection.fetchval(query("outbox_begin")) is not None:
                await connection.execute(query("outbox_begin_at_present"))
                _log.info("the outbox begins: what is committed from now on is delivered")

    async def _look_through(self) -> None:
        after: object = _FIRST
        while after is not None and not self._stopping.is_set():
            async with self._database.connection() as connection:
                row = await connection.fetchrow(query("outbox_behind"), after, WALK_PAGE)
            assert row is not None, "it has no FROM"
            after = row["last"]
            self.note(row["behind"])
            if after is not None:
                # Those who were found have their turn before more are looked for.
                await self._nap(WALK_PAGE_PAUSE_S * (1 if self._noted < NOTED_MAX // 2 else 10))

    async def _opened(self) -> Database:
        # Only the holder of the locks' turn asks, and who has a lock: never two before it is there.
        if self._own is None:
            self._own = await Database.connect(self._url, pool_size=2, statement_timeout_s=_BEGIN_TIMEOUT_S)
        return self._own

    @property
    def _noted(self) -> int:
        return sum(map(len, self._lanes))

    async def _nap(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
