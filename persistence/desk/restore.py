"""An inventory as it was: brought back by one more ledger entry, never by rewriting the past.

It is one transaction, and the head is locked from its beginning to its end. In it the session is
stopped, and all that it has is written, up to seq S (``closing.Closing``); then the entry S + 1 is, and
the epoch raised. Why nothing old comes back over what was restored:

* Somebody who began to load before has raised the epoch and set ``open``, whether he has reached
  Redis by then or not. So session and head do not fit each other: nothing is written, and the
  session is loaded or ended by the ordinary way before the next try. That leaves Redis a session or
  a fence of a newer epoch than his, for which his rows come too late.
* Somebody who begins to load afterwards waits for the lock, and reads what was restored.
* What else Redis may bring back, as from a file that is older, was flushed up to S at the most.
  PostgreSQL is at S + 1 then, under a newer epoch, and whoever is behind PostgreSQL is replaced. So
  is the session itself, should the desk die before it has deleted it.
* A flush that comes late begins at S or before, under an older epoch, and writes nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from engine.outcome import Changes
from engine.state import Item
from persistence.desk import placing, rewrite
from persistence.desk.closing import Closing
from persistence.desk.errors import DeskRefusal, PreviewOutdated
from persistence.desk.rewrite import Origin
from persistence.errors import CharacterQuarantined, FlushRejected, OutcomeUnknown, Unavailable
from persistence.ledger.reading import first_at, inventory_at, seq_at
from persistence.ledger.replay import difference
from persistence.postgres.database import Connection
from persistence.postgres.store import InventoryStore
from persistence.postgres.store_rows import Slots
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.work_queue import WorkQueue

# How often session and PostgreSQL are brought together, before it is given up.
ROUNDS: Final = 20


class At(Struct, frozen=True):
    """A moment: right after entry ``seq``, or after the last entry of ``time_ms`` (Unix ms) or before."""

    seq: int | None = None
    time_ms: int | None = None


class Restoration(Struct, frozen=True):
    """What bringing back comes to: from ``before``, at ``seq``, to ``after``, as it was after ``at_seq``.

    ``misplaced``: those of the items whose place the ruleset does not have any more, and which are
    in its overflow container instead.
    """

    char_id: str
    at_seq: int
    seq: int
    before: Mapping[str, Item]
    after: Mapping[str, Item]
    misplaced: tuple[Item, ...]

    @property
    def changes(self) -> Changes:
        """What the ledger gets."""
        return difference(self.before, self.after)


class Restorer:
    """Shows what bringing an inventory back would change, and does it."""

    def __init__(
        self,
        store: InventoryStore,
        sessions: InventorySessionManager,
        work: WorkQueue,
        save: Callable[[str], Awaitable[object]],
        mend: Callable[[str], Awaitable[object]],
    ) -> None:
        """``save`` flushes a session; ``mend`` makes session and PostgreSQL fit each other again."""
        self._store = store
        self._sessions = sessions
        self._work = work
        self._save = save
        self._mend = mend
        self._slots = Slots(store.ruleset)

    async def preview(self, char_id: str, at: At) -> Restoration:
        """What ``restore`` would do now; the session is flushed, and goes on.

        Raises ``CharacterNotFound``, ``CharacterQuarantined``; ``HistoryDropped``, ``LedgerGap`` and
        ``ReplayError`` where the ledger does not tell; ``DeskRefusal`` for what cannot be done.
        """
        await self._save(char_id)
        async with self._store.database.transaction() as connection:
            return await self._restoration(connection, await self._lock(connection, char_id), at)

    async def restore(
        self, char_id: str, at: At, origin: Origin, *, seen: Restoration | None = None
    ) -> tuple[Restoration, int | None]:
        """Do it; answers what was done, and the seq of the new entry, None where nothing had to be.

        The actor stays as it is: it is the game's. With ``seen``, a preview, it raises
        ``PreviewOutdated`` when the character has changed since. Raises as ``preview``, nothing having
        been done; ``OutcomeUnknown``: the ledger tells whether it was.
        """
        for _ in range(ROUNDS):
            done = await self._attempt(char_id, at, origin, seen)
            if done is not None:
                return done
            await self._mend(char_id)
        raise Unavailable(f"character {char_id} could not be closed in {ROUNDS} rounds: nothing was done")

    async def _attempt(
        self, char_id: str, at: At, origin: Origin, seen: Restoration | None
    ) -> tuple[Restoration, int | None] | None:
        """One transaction; None where session and PostgreSQL have to be brought together first."""
        closing = Closing(self._sessions, self._work, char_id)
        try:
            async with self._store.database.transaction(FlushRejected) as connection:
                done = await self._within(connection, closing, char_id, at, origin, seen)
        except OutcomeUnknown:
            # Left closing: whoever claims it learns from PostgreSQL what became of it.
            raise
        except FlushRejected as error:
            await closing.cancel()
            # Where it was the session's own rows, it is quarantined by this, and that is raised.
            await self._save(char_id)
            raise DeskRefusal(str(error)) from error
        except BaseException:
            await closing.cancel()
            raise
        if done is None or done[1] is None:
            await closing.cancel()
        else:
            await closing.finish()
        return done

    async def _within(
        self,
        connection: Connection,
        closing: Closing,
        char_id: str,
        at: At,
        origin: Origin,
        seen: Restoration | None,
    ) -> tuple[Restoration, int | None] | None:
        stored = await self._lock(connection, char_id)
        if not await closing.flush_into(connection, stored.head):
            return None
        # Once more, with what has just been written.
        stored = await self._lock(connection, char_id)
        restoration = await self._restoration(connection, stored, at)
        if seen is not None and seen.seq != restoration.seq:
            raise PreviewOutdated(char_id)
        if restoration.before == restoration.after:
            return restoration, None
        head = await rewrite.overtake(connection, stored.head)
        command = {"op": "restore", "at_seq": restoration.at_seq}
        return restoration, await rewrite.append(connection, head, command, restoration.changes, origin)

    async def _lock(self, connection: Connection, char_id: str) -> rewrite.Stored:
        stored = await rewrite.lock(connection, char_id, self._slots)
        if stored.quarantined is not None:
            raise CharacterQuarantined(
                f"character {char_id} is quarantined: {stored.quarantined}. Release or repair it first."
            )
        return stored

    async def _restoration(self, connection: Connection, stored: rewrite.Stored, at: At) -> Restoration:
        head = stored.head
        at_seq = at.seq
        if at_seq is None:
            assert at.time_ms is not None
            at_seq = await _seq_at(connection, head.char_id, at.time_ms)
        if at_seq > head.seq:
            raise DeskRefusal(
                f"character {head.char_id} is at entry {head.seq}: there is no entry {at_seq} yet"
            )
        past = (await inventory_at(connection, head.char_id, at_seq, self._slots)).items
        after = placing.placed(self._store.ruleset, past)
        await rewrite.refuse_items_of_others(connection, head.char_id, after)
        lost = placing.misplaced(self._store.ruleset, past.values())
        return Restoration(head.char_id, at_seq, head.seq, stored.items, after, tuple(lost))


async def _seq_at(connection: Connection, char_id: str, time_ms: int) -> int:
    """The last entry then; ``DeskRefusal`` before the first, since a mistyped year would take everything."""
    seq = await seq_at(connection, char_id, time_ms)
    if seq == 0 and (began_ms := await first_at(connection, char_id)) is not None:
        began = datetime.fromtimestamp(began_ms / 1000, UTC).isoformat(" ", "milliseconds")
        raise DeskRefusal(
            f"character {char_id} had nothing yet: its first entry is of {began.removesuffix('+00:00')}Z;"
            " give --at 0 to mean before that"
        )
    return seq
