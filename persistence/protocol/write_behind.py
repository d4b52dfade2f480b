"""FLUSH: what sessions have for PostgreSQL is written, many characters at once (docs/protocol.md)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from redis.exceptions import ResponseError

from persistence.errors import (
    CharacterNotFound,
    CharacterQuarantined,
    FlushRejected,
    OutcomeUnknown,
    PersistenceError,
    Unavailable,
)
from persistence.measures import PERSISTENCE
from persistence.meters import Meters
from persistence.postgres.store import InventoryStore
from persistence.protocol.flush_meters import FlushMeters
from persistence.protocol.turns import Turns
from persistence.records import FlushResult, FlushWork
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import CLOSING, QUARANTINED, Pending
from persistence.sessions.work_queue import WorkQueue

_log = logging.getLogger(__name__)

# Of one session and of all in a batch: what one statement takes is made in one go, and nobody else runs
# meanwhile. A session has a turn ten times a second, and an inventory that everybody shares gathers
# some thousands of entries in one.
ENTRIES_PER_PAGE = 2_500
ENTRIES_PER_BATCH = 5_000
# How often nothing at all may be written, because somebody else was quicker, before a flush gives
# up for now; and how long it waits for them each time.
ROUNDS = 20
PAUSE_S = 0.01

Failures = dict[str, PersistenceError]


class Flushed(Struct, frozen=True):
    """What became of a flush, by character.

    ``failures``: what failed. ``ended``: sessions that are closing, clean, or gone (None).
    ``durable``: incarnation and seq up to which PostgreSQL has the session. ``written``: who had
    something that was written now.
    """

    failures: Failures = {}
    ended: dict[str, Pending | None] = {}
    durable: dict[str, tuple[int, int]] = {}
    written: set[str] = set()


class WriteBehind:
    """Reads sessions' journals, writes them, settles the sessions; one character never holds up others.

    ``turns``: who is being flushed.
    """

    def __init__(
        self,
        sessions: InventorySessionManager,
        work: WorkQueue,
        store: InventoryStore,
        adopt: Callable[[str], Awaitable[object]],
        committed: Callable[[Iterable[str]], None] | None = None,
        *,
        meters: Meters | None = None,
    ) -> None:
        """``adopt`` is a LOAD that makes a live session take PostgreSQL's newer epoch.

        ``committed`` hears whose changes PostgreSQL has got.
        """
        self._sessions = sessions
        self._work = work
        self._store = store
        self._adopt = adopt
        self.committed = committed
        self._meters = FlushMeters(meters or Meters(PERSISTENCE))
        self.turns = Turns()

    async def flush(self, char_ids: Sequence[str], *, whole: bool = True) -> Flushed:
        """Bring to PostgreSQL all that these sessions have now; not ``whole``: a page of each at the most.

        Whoever has more after a page is due again, behind those who have waited longer. Waits for
        other flushes of these characters. Raises ``Unavailable`` when Redis or PostgreSQL is away.
        """
        async with self.turns.of(char_ids):
            return await self._flush(char_ids, whole=whole)

    async def _flush(self, char_ids: Sequence[str], *, whole: bool) -> Flushed:
        flushed = Flushed()
        targets: dict[str, int] = {}
        todo = list(char_ids)
        rounds_left = ROUNDS
        while todo and rounds_left:
            batch = await self._batch(todo, targets, flushed, whole=whole)
            try:
                results = await self.write(batch, flushed.failures)
            except OutcomeUnknown:
                # The next round meets the guard on epoch and seq, which knows what became of it.
                results = {}
            flushed.failures.update(await self.settle(batch, results))
            for char_id, result in results.items():
                work = batch[char_id]
                if _has(result, work):
                    flushed.durable[char_id] = (work.incarnation, result.seq)
            todo = [
                char_id
                for char_id in batch
                if char_id not in flushed.failures and flushed.durable[char_id][1] < targets[char_id]
            ]
            written = {char_id for char_id, result in results.items() if result.status == "flushed"}
            flushed.written.update(written)
            if not written:
                rounds_left -= 1
                await asyncio.sleep(PAUSE_S if todo else 0)
        for char_id in todo:
            flushed.failures[char_id] = Unavailable(f"the flush of {char_id} was overtaken")
        return flushed

    async def _batch(
        self, todo: Sequence[str], targets: dict[str, int], flushed: Flushed, *, whole: bool
    ) -> dict[str, FlushWork]:
        """What these sessions have to be written; the rest is said in ``flushed``."""
        batch: dict[str, FlushWork] = {}
        page = min(ENTRIES_PER_PAGE, max(1, ENTRIES_PER_BATCH // len(todo)))
        pending = await self._work.pending(todo, limit=page)
        for char_id in todo:
            found = pending.get(char_id)
            if found is None:
                flushed.ended[char_id] = None
                continue
            if found.damage:
                flushed.failures[char_id] = await self._quarantine(char_id, found.damage)
                continue
            if found.status == QUARANTINED:
                flushed.failures[char_id] = CharacterQuarantined(f"character {char_id} is quarantined")
                continue
            flushed.durable[char_id] = (found.incarnation, found.flushed_seq)
            if found.entries:
                batch[char_id] = work = work_of(char_id, found)
                targets.setdefault(char_id, found.seq if whole else work.last_seq)
            if found.status == CLOSING or not (found.entries or char_id in targets):
                flushed.ended[char_id] = found
        return batch

    async def write(self, batch: Mapping[str, FlushWork], failures: Failures) -> dict[str, FlushResult]:
        """One statement for the batch; where PostgreSQL refuses it, one for each half, and so on.

        So one refused row among hundreds costs a score of statements more, and not hundreds. A
        character whose own rows are refused is quarantined, and added to ``failures``.
        """
        if not batch:
            return {}
        try:
            with self._meters.batch(batch) as written:
                results = await self._store.flush(list(batch.values()))
                written(results)
                return results
        except FlushRejected as error:
            if len(batch) == 1:
                (char_id,) = batch
                failures[char_id] = await self._quarantine(char_id, str(error))
                return {}
        works = list(batch.items())
        half = len(works) // 2
        # The halves one after the other: what the first has written stays, whatever becomes of the second.
        return await self.write(dict(works[:half]), failures) | await self.write(dict(works[half:]), failures)

    async def settle(self, batch: Mapping[str, FlushWork], results: Mapping[str, FlushResult]) -> Failures:
        """Act on what became of each work: trim the journal, take over an epoch, or quarantine."""
        failures: Failures = {}
        settled: dict[str, tuple[int, int]] = {}
        others: list[str] = []
        for char_id, result in results.items():
            work = batch[char_id]
            if _has(result, work):
                settled[char_id] = (work.epoch, result.seq)
            if result.status != "flushed":
                others.append(char_id)
        if self.committed is not None:
            self.committed(settled)
        await self._work.settle(settled)
        for char_id in others:
            try:
                await self._resolve(batch[char_id], results[char_id])
            except PersistenceError as error:
                failures[char_id] = error
        return failures

    async def _resolve(self, work: FlushWork, result: FlushResult) -> None:
        """What a flush that was not written asks for; raises what is to be told to those who wait."""
        if result.status == "busy":
            return
        if result.status == "absent":
            raise CharacterNotFound(work.char_id)
        if result.epoch > work.epoch:
            # A load is under way, or died before it reached Redis: take its epoch over.
            await self._adopt(work.char_id)
        elif not _has(result, work):
            raise await self._quarantine(
                work.char_id,
                f"Redis has seq {work.base_seq} to {work.last_seq} under epoch {work.epoch},"
                f" PostgreSQL seq {result.seq} under epoch {result.epoch}",
            )
        elif result.seq > work.last_seq and (await self._sessions.probe(work.char_id)).seq < result.seq:
            # An old state that came back gives way to PostgreSQL's.
            await self._adopt(work.char_id)

    async def _quarantine(self, char_id: str, reason: str) -> CharacterQuarantined:
        _log.error("character %s is quarantined: %s", char_id, reason)
        self._meters.quarantines.add()
        try:
            await self._store.quarantine(char_id, reason)
            # First the record, then the session: a load in between must find the record.
            await self._sessions.close(char_id, "quarantine")
        except ResponseError:
            # There is no session to be marked, but something else under its key.
            await self._work.leave(char_id)
        except PersistenceError as error:
            _log.error("character %s: the quarantine could not be completed: %s", char_id, error)
        return CharacterQuarantined(f"character {char_id}: {reason}")


def work_of(char_id: str, pending: Pending) -> FlushWork:
    """The flush of what is pending; the entries know best where they begin."""
    base_seq = pending.entries[0].seq - 1 if pending.entries else pending.flushed_seq
    return FlushWork(char_id, pending.epoch, base_seq, pending.entries, pending.incarnation, pending.texts)


def _has(result: FlushResult, work: FlushWork) -> bool:
    """Whether PostgreSQL has the work, or a part: written now, or by a flush that died before it settled."""
    return result.status == "flushed" or (
        result.status == "passed_over" and result.epoch == work.epoch and result.seq > work.base_seq
    )
