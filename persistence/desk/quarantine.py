"""Characters that are set aside: which, why, and letting one be loaded again as it is."""

from msgspec import Struct

from persistence.desk.erasure import ERASING
from persistence.desk.errors import DeskRefusal
from persistence.errors import CharacterNotFound
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore


class Quarantined(Struct, frozen=True):
    """A character that is not loaded or played until an operator has looked."""

    char_id: str
    name: str
    reason: str


async def quarantined(store: InventoryStore) -> list[Quarantined]:
    """All of them, by id."""
    async with store.database.connection() as connection:
        rows = await connection.fetch(query("desk_quarantined"))
    return [Quarantined(row["char_id"], row["name"], row["quarantined"]) for row in rows]


async def reason_of(store: InventoryStore, char_id: str) -> str | None:
    """Why the character is quarantined, None when it is not; raises ``CharacterNotFound``."""
    async with store.database.connection() as connection:
        row = await connection.fetchrow(query("desk_mark"), char_id)
    if row is None:
        raise CharacterNotFound(char_id)
    reason: str | None = row["quarantined"]
    return reason


async def release(store: InventoryStore, char_id: str) -> str:
    """Take the mark off, and answer what it said; raises ``CharacterNotFound``, ``DeskRefusal``.

    For when the cause in PostgreSQL was cured. The session is as it was, so the next load adopts
    it, and the next flush writes what it has; where the cause is still there, it is quarantined again.
    """
    reason = await reason_of(store, char_id)
    if reason is None:
        raise DeskRefusal(f"character {char_id} is not quarantined")
    if reason == ERASING:
        raise DeskRefusal(f"character {char_id} is being erased: erase it again, and it ends")
    await store.release(char_id)
    return reason
