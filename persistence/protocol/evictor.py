"""EVICT: a session's last flush, and its end (docs/protocol.md)."""

import asyncio
from contextlib import suppress

from persistence import measures
from persistence.errors import CharacterQuarantined, OutcomeUnknown, PersistenceError, Unavailable
from persistence.meters import Meters
from persistence.postgres.store import InventoryStore
from persistence.protocol.write_behind import PAUSE_S, ROUNDS, Failures, WriteBehind, work_of
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.work_queue import WorkQueue

# More entries than any session gathers between two flushes: the last flush takes them all.
ALL_ENTRIES = 1_000_000


class Evictor:
    """Closes sessions: CLOSING, final flush, delete, ``open = false``."""

    def __init__(
        self,
        sessions: InventorySessionManager,
        work: WorkQueue,
        store: InventoryStore,
        writes: WriteBehind,
        *,
        lease_ms: int,
        meters: Meters | None = None,
    ) -> None:
        """``lease_ms``: after that, a close whose owner died is resumed by whoever claims it."""
        self._sessions = sessions
        self._work = work
        self._store = store
        self._writes = writes
        self._lease_ms = lease_ms
        meters = meters or Meters(measures.PERSISTENCE)
        self._ended = meters.counter(measures.EVICTIONS, "ended")

    async def evict(self, char_id: str, *, if_seq: int | None = None, resume: bool = False) -> bool:
        """End a session, or resume its end; True when there is none any more.

        With ``if_seq`` only a session that is still at that seq is closed, with ``resume`` only one
        that is closing already. False: it came alive,
        or somebody loaded it meanwhile and wants it to live. A close whose final flush fails goes
        back to LIVE, and the failure is raised.
        """
        for _ in range(ROUNDS):
            answer, epoch, seq = await self._sessions.close(
                char_id, "resume" if resume else "begin", seq=if_seq, lease_ms=self._lease_ms
            )
            if answer != "OK":
                return answer == "ABSENT"
            try:
                async with self._writes.turns.of([char_id]):
                    flushed = await self._final_flush(char_id, epoch, seq)
            except OutcomeUnknown:
                # Left CLOSING: the next round reads from PostgreSQL what became of it.
                continue
            except PersistenceError:
                await self._sessions.close(char_id, "cancel", epoch=epoch, lease_ms=self._lease_ms)
                raise
            if flushed:
                answer, complete = await self._sessions.finish(char_id, epoch=epoch, seq=seq)
                if answer == "OK":
                    self._ended.add()
                if complete:
                    # Or the next load takes it that something is missing, which is safe.
                    with suppress(PersistenceError):
                        await self._store.mark_closed(char_id, epoch)
                return answer in ("OK", "ABSENT")
            await asyncio.sleep(PAUSE_S)
        raise Unavailable(f"character {char_id} could not be closed in {ROUNDS} rounds")

    async def _final_flush(self, char_id: str, epoch: int, seq: int) -> bool:
        pending = (await self._work.pending([char_id], limit=ALL_ENTRIES)).get(char_id)
        if pending is not None and pending.damage:
            raise CharacterQuarantined(f"character {char_id}: {pending.damage}")
        if pending is None or (pending.epoch, pending.seq) != (epoch, seq):
            return False
        work = work_of(char_id, pending)
        if work.last_seq != seq:
            return False
        failures: Failures = {}
        results = await self._writes.write({char_id: work}, failures)
        if char_id in results and results[char_id].status == "flushed":
            return True
        failures |= await self._writes.settle({char_id: work}, results)
        if char_id in failures:
            raise failures[char_id]
        return False
