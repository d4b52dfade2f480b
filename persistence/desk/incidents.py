"""What had to give way to PostgreSQL's state: kept in PostgreSQL, and until then in Redis."""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore
from persistence.sessions.work_queue import WorkQueue


class Incident(Struct, frozen=True):
    """Entries that are not in the ledger: each a JSON document, mostly a journal entry.

    ``incident_id`` and ``at`` (Unix ms) are None as long as it is in Redis.
    """

    incident_id: int | None
    at: int | None
    reason: str
    entries: tuple[Raw, ...]


_entries = msgspec.json.Decoder(tuple[Raw, ...]).decode


async def incidents(store: InventoryStore, work: WorkQueue, char_id: str) -> list[Incident]:
    """The character's, oldest first."""
    async with store.database.connection() as connection:
        rows = await connection.fetch(query("desk_incidents"), char_id)
    found = [Incident(row["incident_id"], row["at"], row["reason"], _entries(row["entries"])) for row in rows]
    in_redis = await work.incident(char_id)
    if in_redis:
        reason = "a session that was behind PostgreSQL was replaced; not yet recorded in PostgreSQL"
        found.append(Incident(None, None, reason, as_documents(in_redis)))
    return found


async def set_aside(store: InventoryStore, char_id: str, reason: str, texts: Sequence[bytes]) -> None:
    """Keep a journal's entries in PostgreSQL; to do it again, with the same ones, adds nothing."""
    async with store.database.transaction() as connection:
        await connection.execute(query("desk_set_aside"), char_id, reason, as_documents(texts))


def as_documents(texts: Sequence[bytes]) -> tuple[Raw, ...]:
    """The texts as JSON, whatever they are: what is none becomes a string."""
    return tuple(map(_document, texts))


def _document(text: bytes) -> Raw:
    try:
        msgspec.json.decode(text)
    except ValueError:
        # PostgreSQL's JSON holds no NUL.
        return Raw(
            msgspec.json.encode(text.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}"))
        )
    return Raw(text)
