"""Characters, their items and their ledger in PostgreSQL."""

from collections.abc import Sequence
from typing import Self

from msgspec import Raw

from engine.ruleset import Ruleset
from engine.state import Actor
from persistence.errors import (
    CharacterExists,
    CharacterNotFound,
    InvalidWords,
)
from persistence.postgres import flush_batch, load_batch, migrations, store_rows
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query
from persistence.records import Call, CharacterHead, FlushResult, FlushWork, JournalEntry


class InventoryStore:
    """The durable side of inventories.

    Ids of characters are uuids as text, with dashes or without on the way in (``ValueError`` for
    what is none), in lower case with dashes on the way out. Every method raises ``Unavailable``
    when PostgreSQL cannot be reached, nothing having been done; those that write raise
    ``OutcomeUnknown`` when the reply to COMMIT is lost.
    """

    def __init__(self, database: Database, ruleset: Ruleset) -> None:
        """Made by ``connect``; ``ruleset`` says which containers have integers for slots."""
        self.database = database
        self.ruleset = ruleset
        self._slots = store_rows.Slots(ruleset)

    @classmethod
    async def connect(
        cls, url: str, ruleset: Ruleset, *, pool_size: int = 8, acquire_timeout_s: float = 5.0
    ) -> Self:
        """Connect to a migrated database; raises ``Unavailable``, and ``ValueError`` for a bad URL."""
        database = await Database.connect(url, pool_size=pool_size, acquire_timeout_s=acquire_timeout_s)
        return cls(database, ruleset)

    async def close(self) -> None:
        """Close all connections."""
        await self.database.close()

    async def ping(self) -> None:
        """Raise ``Unavailable`` unless PostgreSQL answers."""
        await self.database.ping()

    async def pending_migrations(self) -> list[str]:
        """Names of the migrations that this program has and the database has not."""
        async with self.database.connection() as connection:
            return [migration.name for migration in await migrations.pending(connection)]

    async def create_character(self, char_id: str, name: str, actor: Actor) -> CharacterHead:
        """A new character without items; raises ``CharacterExists``.

        ``InvalidWords``: the name has characters that PostgreSQL cannot hold. The actor's words
        are the caller's to check.
        """
        if not store_rows.storable(name):
            raise InvalidWords(["name: has a character that cannot be stored"])
        async with self.database.transaction() as connection:
            row = await connection.fetchrow(query("create_character"), char_id, name, actor)
        if row is None:
            raise CharacterExists(char_id)
        return store_rows.head(row)

    async def character(self, char_id: str) -> CharacterHead | None:
        """The head, None for an unknown character."""
        async with self.database.connection() as connection:
            row = await connection.fetchrow(query("character"), char_id)
        return None if row is None else store_rows.head(row)

    async def has_entry(self, char_id: str, seq: int, call: Call, at_ms: int) -> bool:
        """Whether the ledger has, under this seq, the entry of this call; ``at_ms`` is its time there."""
        async with self.database.connection() as connection:
            found: bool = await connection.fetchval(
                query("has_entry"), char_id, seq, at_ms, call.by, call.request_id, call.op_id
            )
        return found

    async def characters(
        self, name: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[CharacterHead]:
        """Heads in the order of their ids, those after ``after``; at most ``limit``.

        ``name`` keeps those whose name begins with it, whatever the case.
        """
        if name is not None and not store_rows.storable(name):
            return []
        async with self.database.connection() as connection:
            if name:
                rows = await connection.fetch(query("characters_by_name"), after, limit, _literal(name))
            else:
                rows = await connection.fetch(query("characters"), after, limit)
        return [store_rows.head(row) for row in rows]

    async def reserve_item_ids(
        self, char_id: str, item_ids: Sequence[str], call: str
    ) -> tuple[set[str], set[str]]:
        """Make ids the character's; answers, without dashes, those that are another's, and the new ones."""
        async with self.database.transaction() as connection:
            rows = await connection.fetch(query("reserve_item_ids"), char_id, item_ids, call)
        taken: set[str] = set()
        fresh: set[str] = set()
        for row in rows:
            (fresh if row["fresh"] else taken).add(row["item_id"].replace("-", ""))
        return taken, fresh

    async def item_ids_taken(self, char_id: str, item_ids: Sequence[str]) -> set[str]:
        """Those of the ids, without dashes, that are another character's."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(query("item_ids_taken"), char_id, item_ids)
        return {row["item_id"].replace("-", "") for row in rows}

    async def release_item_ids(self, char_id: str, item_ids: Sequence[str], call: str) -> None:
        """Give back ids that were new to a call which did nothing."""
        async with self.database.transaction() as connection:
            await connection.execute(query("release_item_ids"), char_id, item_ids, call)

    async def begin_loads(self, char_ids: Sequence[str]) -> dict[str, load_batch.Begun]:
        """Begin many characters' loads in one transaction; see ``load_batch.begin``."""
        return await load_batch.begin(self.database, self._slots, char_ids)

    async def flush(self, batch: Sequence[FlushWork]) -> dict[str, FlushResult]:
        """Write many characters' work in one transaction; see ``flush_batch.flush``."""
        return await flush_batch.flush(self.database, batch)

    async def mark_closed(self, char_id: str, epoch: int) -> None:
        """Note that no session is out, unless somebody has begun a load since ``epoch``."""
        async with self.database.single() as connection:
            await connection.execute(query("mark_closed"), char_id, epoch)

    async def quarantine(self, char_id: str, reason: str) -> None:
        """Refuse loads of the character from now on; raises ``CharacterNotFound``.

        Flushes are not refused: their own guard says whether they fit.
        """
        await self._mark(char_id, reason.replace("\0", "").encode("utf-8", "replace").decode("utf-8"))

    async def release(self, char_id: str) -> None:
        """Let the character be loaded again; raises ``CharacterNotFound``."""
        await self._mark(char_id, None)

    async def record_incident(self, char_id: str, reason: str, entries: Sequence[bytes]) -> None:
        """Keep journal entries, as JSON, that had to give way to what PostgreSQL has."""
        async with self.database.transaction() as connection:
            kept = [Raw(text) for text in entries]
            await connection.execute(query("record_incident"), char_id, reason, kept)

    async def journal(self, char_id: str, after_seq: int = 0, limit: int = 100) -> list[JournalEntry]:
        """Entries after ``after_seq`` in order, at most ``limit``; none for an unknown character."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(query("journal_after"), char_id, after_seq, limit)
        return [store_rows.entry(row) for row in rows]

    async def _mark(self, char_id: str, quarantined: str | None) -> None:
        async with self.database.transaction() as connection:
            if await connection.fetchval(query("quarantine"), char_id, quarantined) is None:
                raise CharacterNotFound(char_id)


def _literal(text: str) -> str:
    """The text with what LIKE takes for a wildcard made plain."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
