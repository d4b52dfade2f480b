"""The end of a session inside a transaction of the desk: while the head is locked, nobody can open it again.

An eviction (docs/protocol.md, "EVICT") loses against a player who never pauses: whoever meets a
session that is closing loads it, and it lives on. A load has to raise the epoch, though, and waits
for whoever holds the head.
"""

from contextlib import suppress

from persistence.errors import Unavailable
from persistence.postgres import flush_batch
from persistence.postgres.database import Connection
from persistence.protocol.evictor import ALL_ENTRIES
from persistence.protocol.flusher import LEASE_MS
from persistence.protocol.write_behind import work_of
from persistence.records import CharacterHead
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import LIVE
from persistence.sessions.work_queue import WorkQueue


class Closing:
    """One try to end one session; whoever begins says afterwards ``finish`` or ``cancel``."""

    def __init__(self, sessions: InventorySessionManager, work: WorkQueue, char_id: str) -> None:
        """Nothing is done yet."""
        self._sessions = sessions
        self._work = work
        self._char_id = char_id
        self._at: tuple[int, int] | None = None

    async def flush_into(self, connection: Connection, head: CharacterHead) -> bool:
        """Stop the session, and write what it has behind the locked ``head``.

        False where the two do not fit each other, or PostgreSQL says that a session is out and there
        is none: a load or a flush is under way or died, or one of the two has lost something. Raises
        ``FlushRejected`` for what PostgreSQL refuses.
        """
        probe = await self._sessions.probe(self._char_id)
        if probe.status == LIVE and not probe.on_this_node:
            # The node came back, perhaps without the last calls it had answered. A load sees to it that
            # their tags stand for nothing else.
            return False
        answer, epoch, seq = await self._sessions.close(self._char_id, "begin", lease_ms=LEASE_MS)
        if answer == "ABSENT":
            return not head.open
        if answer != "OK":
            return False
        self._at = (epoch, seq)
        pending = (await self._work.pending([self._char_id], limit=ALL_ENTRIES)).get(self._char_id)
        if pending is None or pending.damage or (pending.epoch, pending.seq) != (head.epoch, seq):
            return False
        entries = pending.entries
        if [entry.seq for entry in entries] != list(range(head.seq + 1, seq + 1)) or seq < head.seq:
            return False
        if entries:
            await flush_batch.write(work_of(self._char_id, pending), connection)
        return True

    async def finish(self) -> None:
        """The transaction was committed: the session goes, and the fence keeps older loads out.

        Where Redis cannot be reached, the session is replaced by whoever claims or loads it next:
        PostgreSQL is ahead of it.
        """
        if self._at is not None:
            epoch, seq = self._at
            with suppress(Unavailable):
                await self._sessions.finish(self._char_id, epoch=epoch, seq=seq)

    async def cancel(self) -> None:
        """The transaction was not committed: the session lives on."""
        if self._at is not None:
            with suppress(Unavailable):
                await self._sessions.close(self._char_id, "cancel", epoch=self._at[0], lease_ms=LEASE_MS)
