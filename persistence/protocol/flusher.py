"""The flusher: claims due sessions, flushes them, and ends idle ones.

Flushes of what is due run side by side, a few at a time: while PostgreSQL writes one, the next is
read and the last one settled. Callers who need a session to be durable now never wait for these:
those who come in one turn of the event loop, or while others are being served, share a flush of
their own (group commit). Sessions that end do so beside all that, a few at a time.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress

from persistence import measures
from persistence.errors import PersistenceError, Unavailable
from persistence.meters import Meters
from persistence.protocol.evictor import Evictor
from persistence.protocol.pauses import Pauses
from persistence.protocol.write_behind import Flushed, WriteBehind
from persistence.sessions.session_state import CLOSING
from persistence.sessions.work_queue import WorkQueue

_log = logging.getLogger(__name__)

BATCH = 500
# One for Redis to read, one for PostgreSQL to write, and one that waits for the slower of the two.
BATCHES_AT_ONCE = 3
# Groups of callers; with a second one, a character that takes long keeps nobody else waiting.
GROUPS_AT_ONCE = 2
# Work of a flusher that died is taken over after this time.
LEASE_MS = 2_000
# A look takes all that falls due before the next one, so nothing waits for more than an interval to be
# found, and a statement for PostgreSQL an interval is enough for as many as a batch holds.
LOOKS_PER_INTERVAL = 1
EVICTIONS_AT_ONCE = 4
# What a stop waits for at the most; what is dirty then stays in Redis, where any flusher finds it.
STOP_S = 10.0

# The incarnation of a session, and the seq up to which PostgreSQL has it.
Durable = tuple[int, int]


class Flusher:
    """Writes behind, from ``start`` to ``stop``."""

    def __init__(
        self,
        work: WorkQueue,
        writes: WriteBehind,
        evictor: Evictor,
        *,
        interval_ms: int,
        lease_ms: int,
        meters: Meters | None = None,
    ) -> None:
        """Sessions are due ``interval_ms`` after a change; ``lease_ms`` is the evictor's too."""
        meters = meters or Meters(measures.PERSISTENCE)
        self._ends_failed = meters.counter(measures.EVICTIONS, "failed")
        self._work = work
        self._writes = writes
        self._evictor = evictor
        self._interval_ms = interval_ms
        self._lease_ms = lease_ms
        self._look_s = interval_ms / 1000 / LOOKS_PER_INTERVAL
        self._pauses = Pauses(self._look_s, meters)
        self._batches: set[asyncio.Task[None]] = set()
        self._groups: set[asyncio.Task[None]] = set()
        self._waiting: dict[str, asyncio.Future[Durable]] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._evictions = asyncio.Semaphore(EVICTIONS_AT_ONCE)
        self._stopping = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the loop; needs a running event loop."""
        self._loop = asyncio.create_task(self._run(), name="flusher")

    async def stop(self, *, last: bool = False) -> None:
        """End the loop and flush all that is dirty; what cannot be flushed now stays in Redis.

        ``last``: what is leased was left by flushers that have died, and is not waited for. Should one
        of them live after all, both flush the same, which the guard on epoch and seq sorts out.
        """
        self._stopping.set()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(STOP_S):
                if self._loop is not None:
                    await self._loop
                while self._batches or self._groups:
                    await asyncio.wait(self._batches | self._groups)
                # Dirty sessions are due within one interval; what others hold leased is theirs. A lease of
                # the dead ends at most its length from now, and those taken here end later.
                leases_end = loop.time() + self._lease_ms / 1000
                more = True
                while more:
                    left_ms = round((leases_end - loop.time()) * 1000) - 1
                    more = await self._drain(max(self._interval_ms, left_ms if last else 0))
                await asyncio.gather(*self._ending.values())
        except (PersistenceError, TimeoutError) as error:
            _log.warning("changes stay in Redis until the next flusher comes: %s", error or "out of time")
        for task in (*self._batches, *self._groups, *self._ending.values()):
            task.cancel()
        waiting, self._waiting = self._waiting, {}
        _tell(waiting, _failed(waiting, "the flusher has stopped"))

    async def flush_now(self, char_id: str) -> Durable:
        """Wait until what the session had at the call is in PostgreSQL; answers with what is.

        Raises what kept it from being written: ``Unavailable``, ``CharacterQuarantined``. It is
        for the caller to see whether what is durable covers what was meant: a session that was
        lost in the meantime has nothing to flush.
        """
        if self._loop is None or self._stopping.is_set():
            flushed = await self._writes.flush([char_id])
            return _durable(char_id, flushed)
        waiting = self._waiting.get(char_id)
        if waiting is None:
            loop = asyncio.get_running_loop()
            waiting = self._waiting[char_id] = loop.create_future()
            loop.call_soon(self._serve)
        return await asyncio.shield(waiting)

    def _serve(self) -> None:
        """Begin a flush for those who wait, unless enough are under way."""
        if self._waiting and len(self._groups) < GROUPS_AT_ONCE:
            # First those who need not wait for another flush of theirs.
            chosen = self._writes.turns.free(self._waiting) or list(self._waiting)
            group = {char_id: self._waiting.pop(char_id) for char_id in chosen}
            self._begin(self._groups, self._flush_group(group))

    async def _flush_group(self, group: Mapping[str, asyncio.Future[Durable]]) -> None:
        try:
            flushed = await self._writes.flush(list(group))
        except BaseException as error:
            _tell(group, _failed(group, str(error) or "the flusher has stopped"))
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, PersistenceError):
                _log.exception("a flush failed")
        else:
            _tell(group, flushed)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            look_at = asyncio.get_running_loop().time() + self._look_s
            more = False
            try:
                claimed = await self._work.claim(
                    limit=BATCH, lease_ms=self._lease_ms, horizon_ms=round(self._look_s * 1000)
                )
                more = len(claimed) >= BATCH
                if not claimed:
                    self._pauses.went_well()
                for first in range(0, len(claimed), BATCH):
                    self._begin(self._batches, self._flush_due(claimed[first : first + BATCH]))
                    if len(self._batches) >= BATCHES_AT_ONCE:
                        await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)
            except Exception as error:
                self._pauses.failed(error)
            longer = self._pauses.longer
            if longer or not more:
                now = asyncio.get_running_loop().time()
                await self._nap(self._pauses.seconds if longer else look_at - now)

    async def _flush_due(self, char_ids: Sequence[str]) -> None:
        try:
            await self._flush_claimed(char_ids, whole=False)
        except Exception as error:
            self._pauses.failed(error)
        else:
            self._pauses.went_well()

    async def _drain(self, horizon_ms: int) -> bool:
        """Claim and flush once; True when there may be more to do at once."""
        claimed = await self._work.claim(limit=BATCH, lease_ms=self._lease_ms, horizon_ms=horizon_ms)
        await self._flush_claimed(claimed, whole=True)
        return len(claimed) >= BATCH

    async def _flush_claimed(self, char_ids: Sequence[str], *, whole: bool) -> None:
        # Who is being flushed already is due again, should anything be left.
        claimed = self._writes.turns.free(char_ids)
        flushed = await self._writes.flush(claimed, whole=whole)
        if flushed.written:
            self._pauses.wrote()
        for char_id in claimed:
            if char_id in flushed.ended and char_id not in self._ending:
                self._end(char_id, flushed)

    def _begin(self, tasks: set[asyncio.Task[None]], work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work, name="flush")
        tasks.add(task)

        def ended(_: object) -> None:
            tasks.discard(task)
            self._serve()

        task.add_done_callback(ended)

    async def _nap(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _end(self, char_id: str, flushed: Flushed) -> None:
        """End a session beside the loop: one that is closing, idle or gone."""
        head = flushed.ended[char_id]
        # By the time its turn comes, what was closing or gone may live again; that one is not meant.
        idle_seq = None if head is None or head.status == CLOSING else head.seq
        task = asyncio.create_task(self._evict(char_id, idle_seq), name=f"evict {char_id}")
        self._ending[char_id] = task
        task.add_done_callback(lambda _: self._ending.pop(char_id, None))

    async def _evict(self, char_id: str, idle_seq: int | None) -> None:
        async with self._evictions:
            try:
                await self._evictor.evict(char_id, if_seq=idle_seq, resume=idle_seq is None)
            except PersistenceError as error:
                self._ends_failed.add()
                _log.warning("character %s: its session stays: %s", char_id, error)
            except Exception:
                self._ends_failed.add()
                _log.exception("character %s: its session stays", char_id)


def _failed(char_ids: Iterable[str], reason: str) -> Flushed:
    return Flushed(failures={char_id: Unavailable(reason) for char_id in char_ids})


def _durable(char_id: str, flushed: Flushed) -> Durable:
    if char_id in flushed.failures:
        raise flushed.failures[char_id]
    return flushed.durable.get(char_id, (-1, -1))


def _tell(waiting: Mapping[str, asyncio.Future[Durable]], flushed: Flushed) -> None:
    for char_id, future in waiting.items():
        if future.done():
            continue
        try:
            future.set_result(_durable(char_id, flushed))
        except PersistenceError as error:
            future.set_exception(error)
            # Whoever waited may have gone away; an error that nobody fetches is no news then.
            future.exception()
