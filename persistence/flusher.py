"""The flusher: one loop a process that claims due sessions, flushes them, and ends idle ones.

Callers who need a session to be durable now join the loop's next round, so that those who wait
together share a transaction (group commit). Sessions that end do so beside the loop, a few at a
time, so that a wave of them never keeps a caller waiting.
"""

import asyncio
import logging
from collections.abc import Mapping

from persistence.errors import PersistenceError, Unavailable
from persistence.evictor import Evictor
from persistence.session_manager import InventorySessionManager
from persistence.session_state import CLOSING
from persistence.write_behind import Flushed, WriteBehind

_log = logging.getLogger(__name__)

BATCH = 500
# Work of a flusher that died is taken over after this time.
LEASE_MS = 2_000
BACKOFF_MAX_S = 2.0
# A change is due one interval after it was made; looking more often than that keeps it from waiting
# nearly another one until it is found.
LOOKS_PER_INTERVAL = 4
EVICTIONS_AT_ONCE = 4
# What a stop waits for at the most; what is dirty then stays in Redis, where any flusher finds it.
STOP_S = 10.0

# The incarnation of a session, and the seq up to which PostgreSQL has it.
Durable = tuple[int, int]


class Flusher:
    """Writes behind, from ``start`` to ``stop``."""

    def __init__(
        self,
        sessions: InventorySessionManager,
        writes: WriteBehind,
        evictor: Evictor,
        *,
        interval_ms: int,
        lease_ms: int,
    ) -> None:
        """Sessions are due ``interval_ms`` after a change; ``lease_ms`` is the evictor's too."""
        self._sessions = sessions
        self._writes = writes
        self._evictor = evictor
        self._interval_ms = interval_ms
        self._lease_ms = lease_ms
        self._waiting: dict[str, asyncio.Future[Durable]] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._evictions = asyncio.Semaphore(EVICTIONS_AT_ONCE)
        self._wake = asyncio.Event()
        self._stopping = False
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the loop; needs a running event loop."""
        self._loop = asyncio.create_task(self._run(), name="flusher")

    async def stop(self) -> None:
        """End the loop and flush all that is dirty; what cannot be flushed now stays in Redis."""
        self._stopping = True
        self._wake.set()
        if self._loop is not None:
            await self._loop
        try:
            # Dirty sessions are due within one interval; what others hold leased is theirs.
            async with asyncio.timeout(STOP_S):
                while await self._round(horizon_ms=self._interval_ms):
                    pass
                await asyncio.gather(*self._ending.values())
        except (PersistenceError, TimeoutError) as error:
            _log.warning("changes stay in Redis until the next flusher comes: %s", error or "out of time")
        for task in self._ending.values():
            task.cancel()
        waiting, self._waiting = self._waiting, {}
        _tell(waiting, Flushed(dict.fromkeys(waiting, Unavailable("the flusher has stopped")), {}, {}))

    async def flush_now(self, char_id: str) -> Durable:
        """Wait until what the session had at the call is in PostgreSQL; answers with what is.

        Raises what kept it from being written: ``Unavailable``, ``CharacterQuarantined``. It is
        for the caller to see whether what is durable covers what was meant: a session that was
        lost in the meantime has nothing to flush.
        """
        if self._loop is None or self._stopping:
            flushed = await self._writes.flush([char_id])
            return _durable(char_id, flushed)
        waiting = self._waiting.get(char_id)
        if waiting is None:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting[char_id] = waiting
            self._wake.set()
        return await asyncio.shield(waiting)

    async def _run(self) -> None:
        look_s = pause_s = self._interval_ms / 1000 / LOOKS_PER_INTERVAL
        while not self._stopping:
            try:
                # What falls due before the next look need not wait for it.
                more = await self._round(horizon_ms=round(look_s * 1000))
                pause_s = look_s
            except PersistenceError as error:
                more = False
                pause_s = min(max(pause_s, 0.05) * 2, BACKOFF_MAX_S)
                _log.warning("the flusher waits %.2f s: %s", pause_s, error)
            except Exception:
                more = False
                pause_s = BACKOFF_MAX_S
                _log.exception("a flush failed; the next try is in %.2f s", pause_s)
            if not more:
                await self._nap(pause_s)

    async def _round(self, *, horizon_ms: int = 0) -> bool:
        """Claim and flush once; True when there may be more to do at once."""
        waiting, self._waiting = self._waiting, {}
        self._wake.clear()
        try:
            claimed = await self._claim(horizon_ms)
            flushed = await self._writes.flush(list(dict.fromkeys([*waiting, *claimed])))
        except BaseException as error:
            lost = Unavailable(str(error))
            _tell(waiting, Flushed(dict.fromkeys(waiting, lost), {}, {}))
            raise
        _tell(waiting, flushed)
        for char_id in claimed:
            if char_id in flushed.ended and char_id not in self._ending:
                self._end(char_id, flushed)
        return bool(self._waiting) or len(claimed) >= BATCH

    async def _claim(self, horizon_ms: int) -> list[str]:
        claimed: list[str] = []
        for due in self._sessions.keys.due_queues():
            claimed += await self._sessions.claim(
                due, limit=BATCH, lease_ms=self._lease_ms, horizon_ms=horizon_ms
            )
        return claimed

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
                _log.warning("character %s: its session stays: %s", char_id, error)
            except Exception:
                _log.exception("character %s: its session stays", char_id)

    async def _nap(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return


def _durable(char_id: str, flushed: Flushed) -> Durable:
    if char_id in flushed.failures:
        raise flushed.failures[char_id]
    return flushed.durable.get(char_id, (-1, -1))


def _tell(waiting: Mapping[str, asyncio.Future[Durable]], flushed: Flushed) -> None:
    for char_id, future in waiting.items():
        try:
            future.set_result(_durable(char_id, flushed))
        except PersistenceError as error:
            future.set_exception(error)
            # Whoever waited may have gone away; an error that nobody fetches is no news then.
            future.exception()
