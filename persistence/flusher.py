"""The flusher: one loop a process that claims due sessions, flushes them, and ends idle ones.

Callers who need a session to be durable now join the loop's next round, so that those who wait
together share a transaction (group commit), and no process ever writes one character twice at once.
"""

import asyncio
import logging
from collections.abc import Mapping

from persistence.errors import PersistenceError, Unavailable
from persistence.evictor import Evictor
from persistence.session_manager import InventorySessionManager
from persistence.session_state import CLOSING
from persistence.write_behind import Failures, WriteBehind

_log = logging.getLogger(__name__)

BATCH = 500
LEASE_MS = 3_000
BACKOFF_MAX_S = 2.0


class Flusher:
    """Writes behind, from ``start`` to ``stop``."""

    def __init__(
        self, sessions: InventorySessionManager, writes: WriteBehind, evictor: Evictor, *, interval_ms: int
    ) -> None:
        """Look for due sessions every ``interval_ms``."""
        self._sessions = sessions
        self._writes = writes
        self._evictor = evictor
        self._interval_ms = interval_ms
        self._lease_ms = max(LEASE_MS, 2 * interval_ms)
        self._waiting: dict[str, asyncio.Future[None]] = {}
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
            while await self._round(horizon_ms=self._interval_ms):
                pass
        except PersistenceError as error:
            _log.warning("changes stay in Redis until the next start: %s", error)

    async def flush_now(self, char_id: str) -> None:
        """Wait until all that the session had at the call is in PostgreSQL.

        Raises what kept it from being written: ``Unavailable``, ``CharacterQuarantined``.
        """
        waiting = self._waiting.get(char_id)
        if waiting is None:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting[char_id] = waiting
            self._wake.set()
        await asyncio.shield(waiting)

    async def _run(self) -> None:
        pause_s = self._interval_ms / 1000
        while not self._stopping:
            try:
                more = await self._round()
                pause_s = self._interval_ms / 1000
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
            failures = await self._attend(claimed, waiting)
        except BaseException as error:
            _tell(waiting, {char_id: Unavailable(str(error)) for char_id in waiting})
            raise
        _tell(waiting, failures)
        return bool(self._waiting) or len(claimed) >= BATCH

    async def _claim(self, horizon_ms: int) -> list[str]:
        claimed: list[str] = []
        for due in self._sessions.keys.due_queues():
            claimed += await self._sessions.claim(
                due, limit=BATCH, lease_ms=self._lease_ms, horizon_ms=horizon_ms
            )
        return claimed

    async def _attend(self, claimed: list[str], waiting: Mapping[str, object]) -> Failures:
        """Flush what is dirty; of the claimed, end those that are closing, idle or gone."""
        flushed = await self._writes.flush(list(dict.fromkeys([*waiting, *claimed])))
        for char_id in claimed:
            if char_id not in flushed.ended:
                continue
            head = flushed.ended[char_id]
            idle_seq = None if head is None or head.status == CLOSING else head.seq
            try:
                await self._evictor.evict(char_id, if_seq=idle_seq)
            except PersistenceError as error:
                _log.warning("character %s: its session stays: %s", char_id, error)
        return flushed.failures

    async def _nap(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return


def _tell(waiting: Mapping[str, asyncio.Future[None]], failures: Mapping[str, PersistenceError]) -> None:
    for char_id, future in waiting.items():
        if char_id in failures:
            future.set_exception(failures[char_id])
            # Whoever waited may have gone away; an error that nobody fetches is no news then.
            future.exception()
        else:
            future.set_result(None)
