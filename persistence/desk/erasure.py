"""A character is erased: all that it has goes, and its ledger stays without the person.

The steps, and why each may be the last one of a run that dies, and all be done again:

1. One transaction: the id is put down as being erased, and the character is marked. From then on nobody
   begins to load it, and nobody can make another one of this id.
2. Its session is flushed and ended by the ordinary way. One that cannot be flushed is in dispute: what
   PostgreSQL has not accepted goes with it.
3. What is left in Redis is deleted, and the fence set to PostgreSQL's epoch, which cannot rise any more:
   a load that was begun before the mark comes too late, wherever it was held up.
4. One transaction: a last entry in the ledger takes the items away, and the character's row is deleted.
   A flush that comes later finds no row to write behind.
5. The ledger is gone through, a few thousand entries a transaction: an alias takes the place of the
   character's id, and what callers wrote beside the changes is taken out. What is kept for repeats, and
   what was set aside, is deleted. At last the alias is forgotten.

The id stays put down for good. A session that another node brings back, or a database that was restored,
has epochs and seqs that a second character of the same id might be taken for.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct
from redis.exceptions import ResponseError

from persistence.desk import rewrite
from persistence.desk.errors import DeskRefusal
from persistence.desk.rewrite import Origin
from persistence.errors import (
    CharacterNotFound,
    CharacterQuarantined,
    FlushRejected,
    PersistenceError,
    Unavailable,
)
from persistence.ledger.replay import difference
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore
from persistence.postgres.store_rows import Slots
from persistence.sessions.session_manager import InventorySessionManager

ROUNDS: Final = 20
# What the mark says, so that an operator sees what an erasure that was cut off has left.
ERASING: Final = "it is being erased"
# Entries that one transaction goes through: some tenths of a second.
ENTRIES_AT_ONCE: Final = 5_000
ABANDONED_AFTER_S: Final = 3600.0


class Erasure(Struct, frozen=True):
    """Where an erasure stands; ``epoch``: the last one that was given out, 0 while the row is there."""

    epoch: int
    done: bool


class Eraser:
    """Erases characters."""

    def __init__(
        self, store: InventoryStore, sessions: InventorySessionManager, save: Callable[..., Awaitable[object]]
    ) -> None:
        """``save(char_id, evict=)`` flushes a session and ends it, or raises ``CharacterQuarantined``."""
        self._store = store
        self._database = store.database
        self._sessions = sessions
        self._save = save
        self._slots = Slots(store.ruleset)

    async def erase(self, char_id: str, origin: Origin) -> None:
        """Erase the character, or end what an earlier try began; one that was erased stays so.

        Raises ``CharacterNotFound`` for an id that no character ever had, ``DeskRefusal`` where
        PostgreSQL refuses it, ``Unavailable`` and ``OutcomeUnknown``: then do it again.
        """
        for _ in range(ROUNDS):
            if not await self._marked(char_id):
                break
            if await self._removed(char_id, origin):
                break
        else:
            raise Unavailable(f"character {char_id} was released each of {ROUNDS} times: it is not erased")
        erasure = await self._erasure(char_id)
        if erasure is None:
            raise CharacterNotFound(char_id)
        await self._clear(char_id, erasure.epoch)
        await self._forget(char_id)

    async def finish_abandoned(self) -> int:
        """Go on with those that nobody has repeated for an hour; answers how many."""
        return await self.finish(ABANDONED_AFTER_S, Origin(by="housekeeping"))

    async def finish(self, age_s: float, origin: Origin) -> int:
        """Go on with erasures that were begun ``age_s`` seconds ago and not ended; answers how many.

        Raises what kept the first from it that could not be ended, when all others are.
        """
        async with self._database.connection() as connection:
            rows = await connection.fetch(query("unfinished_erasures"), age_s)
        failures: list[PersistenceError] = []
        for row in rows:
            try:
                await self.erase(row["char_id"], origin)
            except PersistenceError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return len(rows)

    async def _marked(self, char_id: str) -> bool:
        """Step 1; False where there is no such character (any more)."""
        async with self._database.transaction() as connection:
            await connection.execute(query("begin_erasure"), char_id)
            return await connection.fetchval(query("quarantine"), char_id, ERASING) is not None

    async def _removed(self, char_id: str, origin: Origin) -> bool:
        """Steps 2 to 4; False if the mark has gone, and all has to be done anew."""
        # One that is in dispute, or cannot be read, goes as it is, and so does what is no session at all; one
        # whose row has gone is being erased by somebody else.
        with suppress(CharacterQuarantined, CharacterNotFound, ResponseError):
            await self._save(char_id, evict=True)
        head = await self._store.character(char_id)
        if head is None:
            return True
        await self._clear(char_id, head.epoch)
        try:
            async with self._database.transaction(FlushRejected) as connection:
                stored = await rewrite.lock(connection, char_id, self._slots)
                if stored.quarantined != ERASING or stored.head.epoch != head.epoch:
                    return False
                changes = difference(stored.items, {})
                await rewrite.append(connection, stored.head, {"op": "erase"}, changes, origin)
                await connection.fetchval(query("remove_character"), char_id, head.epoch)
        except CharacterNotFound:
            return True
        except FlushRejected as error:
            raise DeskRefusal(str(error)) from error
        return True

    async def _erasure(self, char_id: str) -> Erasure | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(query("erasure"), char_id)
        return None if row is None else Erasure(row["epoch"], row["done"])

    async def _clear(self, char_id: str, epoch: int) -> None:
        """Step 3, and once more at the end, for what a node that came back may have brought since."""
        keys = self._sessions.keys.of(char_id)
        for _ in range(ROUNDS):
            # Whatever state it is in, and whether or not it can be read.
            await self._sessions.mirror.link.call(
                "DEL", keys.session, keys.journal, keys.done, keys.incident, harmless=True
            )
            if await self._sessions.discard(char_id, epoch=0, seq=0, dead_epoch=epoch) == "ABSENT":
                return
        raise Unavailable(f"the session of character {char_id} was loaded each of {ROUNDS} times")

    async def _forget(self, char_id: str) -> None:
        """Step 5."""
        found = 1
        while found:
            async with self._database.single() as connection:
                found = await connection.fetchval(query("forget_ledger"), char_id, ENTRIES_AT_ONCE)
        try:
            async with self._database.transaction(FlushRejected) as connection:
                await connection.execute(query("forget_rest"), char_id)
                await connection.execute(query("forget_baselines"), char_id)
                await connection.execute(query("end_erasure"), char_id)
        except FlushRejected as error:
            raise DeskRefusal(str(error)) from error
