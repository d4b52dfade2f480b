"""FLUSH: what sessions have for PostgreSQL is written, many characters at once (docs/protocol.md)."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from persistence.errors import (
    CharacterNotFound,
    CharacterQuarantined,
    FlushRejected,
    OutcomeUnknown,
    PersistenceError,
    Unavailable,
)
from persistence.records import FlushResult, FlushWork
from persistence.session_manager import InventorySessionManager
from persistence.session_state import CLOSING, QUARANTINED, Pending
from persistence.store import InventoryStore

_log = logging.getLogger(__name__)

ENTRIES_PER_PAGE = 200
# How often one character's flush may find that something else moved before it gives up for now.
ROUNDS = 20

Failures = dict[str, PersistenceError]


class Flushed(Struct, frozen=True):
    """What became of a flush: what failed, and whose sessions are closing, clean or gone (None)."""

    failures: Failures
    ended: dict[str, Pending | None]


class WriteBehind:
    """Reads sessions' journals, writes them, settles the sessions; one character never holds up others."""

    def __init__(
        self,
        sessions: InventorySessionManager,
        store: InventoryStore,
        reload: Callable[[str], Awaitable[object]],
    ) -> None:
        """``reload`` is a LOAD that makes a live session take PostgreSQL's newer epoch."""
        self._sessions = sessions
        self._store = store
        self._reload = reload

    async def flush(self, char_ids: Sequence[str]) -> Flushed:
        """Bring to PostgreSQL all that these sessions have now.

        Raises ``Unavailable`` when Redis or PostgreSQL is away.
        """
        failures: Failures = {}
        ended: dict[str, Pending | None] = {}
        targets: dict[str, int] = {}
        todo = list(char_ids)
        for _ in range(ROUNDS):
            pending = await self._sessions.pending(todo, limit=ENTRIES_PER_PAGE)
            for char_id in [char_id for char_id in pending if pending[char_id].status == QUARANTINED]:
                del pending[char_id]
                todo.remove(char_id)
                failures[char_id] = CharacterQuarantined(f"character {char_id} is quarantined")
            batch = {char_id: work_of(char_id, found) for char_id, found in pending.items() if found.entries}
            for char_id in todo:
                found = pending.get(char_id)
                if found is None or found.status == CLOSING or not (found.entries or char_id in targets):
                    ended[char_id] = found
                elif found.entries:
                    targets.setdefault(char_id, found.seq)
            try:
                results = await self.write(batch, failures)
            except OutcomeUnknown:
                # The next round meets the guard on epoch and seq, which knows what became of it.
                results = {}
            failures |= await self.settle(batch, results)
            todo = [
                char_id
                for char_id, work in batch.items()
                if char_id not in failures
                and not _reached(results.get(char_id), work, targets.setdefault(char_id, work.last_seq))
            ]
            if not todo:
                return Flushed(failures, ended)
        overtaken = {char_id: Unavailable(f"the flush of {char_id} was overtaken") for char_id in todo}
        return Flushed(failures | overtaken, ended)

    async def write(self, batch: Mapping[str, FlushWork], failures: Failures) -> dict[str, FlushResult]:
        """One transaction for the batch; where PostgreSQL refuses it, one for each character.

        A character whose own rows are refused is quarantined, and added to ``failures``.
        """
        if not batch:
            return {}
        try:
            return await self._store.flush(list(batch.values()))
        except FlushRejected as error:
            if len(batch) == 1:
                (char_id,) = batch
                failures[char_id] = await self._quarantine(char_id, str(error))
                return {}
        results: dict[str, FlushResult] = {}
        for char_id, work in batch.items():
            results |= await self.write({char_id: work}, failures)
        return results

    async def settle(self, batch: Mapping[str, FlushWork], results: Mapping[str, FlushResult]) -> Failures:
        """Act on what became of each work: trim the journal, take over an epoch, or quarantine."""
        failures: Failures = {}
        settled = {
            char_id: result.seq
            for char_id, result in results.items()
            if result.status == "flushed" or _written_before(batch[char_id], result)
        }
        await self._sessions.settle(settled)
        for char_id, result in results.items():
            if result.status == "flushed" or (char_id in settled and result.seq <= batch[char_id].last_seq):
                continue
            if result.status == "absent":
                failures[char_id] = CharacterNotFound(char_id)
            elif char_id in settled or result.epoch > batch[char_id].epoch:
                try:
                    # An old state that came back and must give way to PostgreSQL's; or a load that
                    # is under way, or died before it reached Redis, and whose epoch is to be taken over.
                    await self._reload(char_id)
                except PersistenceError as error:
                    failures[char_id] = error
            else:
                work = batch[char_id]
                failures[char_id] = await self._quarantine(
                    char_id,
                    f"Redis has seq {work.base_seq} to {work.last_seq} under epoch {work.epoch},"
                    f" PostgreSQL seq {result.seq} under epoch {result.epoch}",
                )
        return failures

    async def _quarantine(self, char_id: str, reason: str) -> CharacterQuarantined:
        _log.error("character %s is quarantined: %s", char_id, reason)
        try:
            await self._store.quarantine(char_id, reason)
            # First the record, then the session: a load in between must find the record.
            await self._sessions.close(char_id, "quarantine")
        except PersistenceError as error:
            _log.error("character %s: the quarantine could not be completed: %s", char_id, error)
        return CharacterQuarantined(f"character {char_id}: {reason}")


def work_of(char_id: str, pending: Pending, *, close: bool = False) -> FlushWork:
    """The flush of what is pending; the entries know best where they begin."""
    base_seq = pending.entries[0].seq - 1 if pending.entries else pending.flushed_seq
    return FlushWork(char_id, pending.epoch, base_seq, pending.entries, close)


def _written_before(work: FlushWork, result: FlushResult) -> bool:
    """Whether an earlier flush wrote this and died before it could settle, wholly or in part."""
    return result.status == "passed_over" and result.epoch == work.epoch and result.seq > work.base_seq


def _reached(result: FlushResult | None, work: FlushWork, target: int) -> bool:
    return result is not None and result.status == "flushed" and work.last_seq >= target
