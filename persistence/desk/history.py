"""A character's ledger, page by page, with what its session has and PostgreSQL has not yet."""

from typing import Final

import msgspec
from msgspec import Struct

from persistence.errors import CharacterNotFound
from persistence.postgres.store import InventoryStore
from persistence.records import JournalEntry
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import CLOSING, LIVE
from persistence.sessions.work_queue import WorkQueue

# A quarantined session's entries are in dispute: they count only once an operator has released them.
_COUNTING: Final = (LIVE, CLOSING)


class JournalPage(Struct, frozen=True):
    """Entries in order of their seqs; ``next_after`` begins the next page, None on the last."""

    entries: tuple[JournalEntry, ...]
    next_after: int | None


async def journal_page(
    store: InventoryStore,
    sessions: InventorySessionManager,
    work: WorkQueue,
    char_id: str,
    after_seq: int,
    limit: int,
) -> JournalPage:
    """Up to ``limit`` entries after ``after_seq``; those that retention has dropped are left out.

    The session is read first. What it has flushed by then is in PostgreSQL by the time that is
    read, so no entry falls between the two; where both have one, PostgreSQL's counts. Nothing is
    loaded. Raises ``CharacterNotFound``, ``Unavailable``.
    """
    ahead = await _ahead(sessions, work, char_id, after_seq, limit)
    if await store.character(char_id) is None:
        raise CharacterNotFound(char_id)
    # One more than asked for tells whether there is a next page.
    entries = await store.journal(char_id, after_seq, limit + 1)
    last = entries[-1].seq if entries else after_seq
    entries += [msgspec.structs.replace(entry, done=None) for entry in ahead if entry.seq > last]
    more = len(entries) > limit
    return JournalPage(tuple(entries[:limit]), entries[limit - 1].seq if more else None)


async def _ahead(
    sessions: InventorySessionManager, work: WorkQueue, char_id: str, after_seq: int, limit: int
) -> tuple[JournalEntry, ...]:
    """The session's entries that may be on the page; PostgreSQL may have some of them."""
    probe = await sessions.probe(char_id)
    if not probe.status:
        return ()
    # The journal begins after flushed_seq, which only ever moves towards the page.
    before_page = max(0, min(after_seq, probe.seq) - probe.flushed_seq)
    pending = (await work.pending([char_id], limit=before_page + limit + 1)).get(char_id)
    return pending.entries if pending is not None and pending.status in _COUNTING else ()
