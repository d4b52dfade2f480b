"""A quarantined character is made playable again: PostgreSQL's state counts, the session's is set aside.

The steps, and why each may be the last one of a run that dies, and all be done again:

1. The mark, where there is none yet. From then on nobody begins to load the character.
2. A session that can be flushed after all is ended by the ordinary way, and nothing is set aside;
   any other is ``QUARANTINED``, so it is neither played nor flushed.
3. What its journal has and PostgreSQL has not is kept as an incident, once however often it is tried.
4. The session is deleted, if it is still what was kept. The fence is set to PostgreSQL's epoch, so
   that a load begun before the mark comes too late, wherever it was held up.
5. One transaction: if PostgreSQL is still where it was, items without a place go into the overflow
   container by a ledger entry, epoch and incarnation are raised, and the mark is taken off.

Up to 5 the character stays marked, so all that a death leaves behind is a repair to be done. The
incident is there before the session goes, the session is gone before anybody may load. A flush
that was on its way at 2 either commits before 5, which then asks the operator to look again, or finds a
newer epoch.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from msgspec import Struct

from engine.outcome import Changes
from engine.state import Item
from persistence.desk import placing, rewrite
from persistence.desk.erasure import ERASING
from persistence.desk.errors import DeskRefusal, PreviewOutdated
from persistence.desk.incidents import set_aside
from persistence.desk.rewrite import Origin
from persistence.errors import CharacterQuarantined, FlushRejected, Unavailable
from persistence.ledger.replay import difference
from persistence.postgres.store import InventoryStore
from persistence.postgres.store_rows import Slots
from persistence.records import JournalEntry
from persistence.sessions.mirror import value_of
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import Pending, number_of

ROUNDS: Final = 20
MISPLACED: Final = "it has items in places that the ruleset does not have"


class Held(Struct, frozen=True):
    """What a session in Redis has: where it stands, and its journal, as it is there and as entries.

    ``damage`` says what of it cannot be understood; it has no entries then.
    """

    status: str
    epoch: int
    seq: int
    incarnation: int
    texts: tuple[bytes, ...]
    entries: tuple[JournalEntry, ...]
    damage: str


class Examination(Struct, frozen=True):
    """What is wrong with a character, and what repairing it would do.

    ``quarantined``: the reason, None when it is not marked. ``lost``: the session's entries that
    PostgreSQL does not have. ``before`` and ``after``: its items in PostgreSQL as they are, and as
    they would be; ``misplaced`` are those that have no place.
    """

    char_id: str
    epoch: int
    seq: int
    quarantined: str | None
    held: Held | None
    lost: tuple[JournalEntry, ...]
    before: Mapping[str, Item]
    after: Mapping[str, Item]
    misplaced: tuple[Item, ...]

    @property
    def changes(self) -> Changes:
        """What the ledger gets."""
        return difference(self.before, self.after)

    def shows_the_same(self, other: "Examination") -> bool:
        """Whether who has seen one knows what repairing the other would do."""
        mine, theirs = self.held, other.held
        texts = (mine.texts if mine else (), theirs.texts if theirs else ())
        return self.seq == other.seq and self.changes == other.changes and texts[0] == texts[1]


class Repairer:
    """Shows what is wrong with a character, and makes PostgreSQL's state the one that counts."""

    def __init__(
        self, store: InventoryStore, sessions: InventorySessionManager, save: Callable[..., Awaitable[object]]
    ) -> None:
        """``save(char_id, evict=)`` flushes a session, or ends it, or raises ``CharacterQuarantined``."""
        self._store = store
        self._sessions = sessions
        self._save = save
        self._slots = Slots(store.ruleset)

    async def examine(self, char_id: str) -> Examination:
        """What there is to repair; a session that can be flushed is flushed first.

        Raises ``CharacterNotFound``, and ``DeskRefusal`` when there is nothing to repair, or no
        place to move an item to.
        """
        with suppress(CharacterQuarantined):
            await self._save(char_id)
        return await self._look(char_id)

    async def repair(self, seen: Examination, origin: Origin) -> int:
        """Do it; answers the seq that the character is at then.

        Raises ``PreviewOutdated`` when something has come to light that was not seen, and as
        ``examine``. Whenever it raises, or dies, it may be done again from the examination on.
        """
        char_id = seen.char_id
        if seen.quarantined is None:
            await self._store.quarantine(char_id, MISPLACED)
        with suppress(CharacterQuarantined):
            await self._save(char_id, evict=True)
        for _ in range(ROUNDS):
            await self._sessions.close(char_id, "quarantine")
            now = await self._look(char_id)
            if not now.shows_the_same(seen):
                raise PreviewOutdated(char_id)
            if now.held is not None and now.held.texts:
                await set_aside(self._store, char_id, f"repaired: {now.quarantined}", now.held.texts)
            if await self._discard(now):
                return await self._mend(now, origin)
        raise Unavailable(
            f"the session of character {char_id} changed each of the {ROUNDS} times it was looked at"
        )

    async def _look(self, char_id: str) -> Examination:
        held = await self._held(char_id)
        async with self._store.database.transaction() as connection:
            stored = await rewrite.lock(connection, char_id, self._slots)
        lost = placing.misplaced(self._store.ruleset, stored.items.values())
        if stored.quarantined is None and not lost:
            raise DeskRefusal(f"character {char_id} is not quarantined: there is nothing to repair")
        if stored.quarantined == ERASING:
            raise DeskRefusal(f"character {char_id} is being erased: erase it again, and it ends")
        return Examination(
            char_id,
            stored.head.epoch,
            stored.head.seq,
            stored.quarantined,
            held,
            tuple(entry for entry in (held.entries if held else ()) if entry.seq > stored.head.seq),
            stored.items,
            placing.placed(self._store.ruleset, stored.items),
            tuple(lost),
        )

    async def _held(self, char_id: str) -> Held | None:
        keys = self._sessions.keys.of(char_id)
        replies = await self._sessions.mirror.link.send(
            [("HMGET", keys.session, *Pending.HEAD), ("LRANGE", keys.journal, 0, -1)], harmless=True
        )
        head, texts = map(value_of, replies)
        if head[0] is None:
            return None
        pending = Pending.of(head, texts)
        epoch, seq, _, incarnation = map(_number_or_0, head[1:])
        return Held(pending.status, epoch, seq, incarnation, tuple(texts), pending.entries, pending.damage)

    async def _discard(self, now: Examination) -> bool:
        """Step 4; False when there is another session than the one that was looked at."""
        epoch, seq = (now.held.epoch, now.held.seq) if now.held is not None else (0, 0)
        answer = await self._sessions.discard(now.char_id, epoch=epoch, seq=seq, dead_epoch=now.epoch)
        return answer in ("OK", "ABSENT")

    async def _mend(self, now: Examination, origin: Origin) -> int:
        """Step 5."""
        held = now.held
        async with self._store.database.transaction(FlushRejected) as connection:
            stored = await rewrite.lock(connection, now.char_id, self._slots)
            if (stored.head.epoch, stored.head.seq) != (now.epoch, now.seq) or stored.quarantined is None:
                raise PreviewOutdated(now.char_id)
            # The session had seqs that PostgreSQL never had, and told callers so: a tag must not mean
            # one thing then and another from now on.
            head = await rewrite.overtake(
                connection,
                stored.head,
                epoch=held.epoch if held else 0,
                incarnation=max(stored.head.incarnation, held.incarnation if held else 0) + 1,
            )
            if not now.misplaced:
                return head.seq
            return await rewrite.append(connection, head, {"op": "repair"}, now.changes, origin)


def _number_or_0(text: bytes | None) -> int:
    # As the function that discards the session takes it.
    try:
        return number_of(text)
    except ValueError:
        return 0
