"""Questions to the ledger, for the tests."""

from persistence.ledger.reading import inventory_at
from persistence.ledger.replay import Inventory
from persistence.postgres.database import Connection
from persistence.postgres.store import InventoryStore
from persistence.postgres.store_rows import Slots
from tests.ledger.history import Past, same


async def at(store: InventoryStore, char_id: str, seq: int) -> Inventory:
    async with store.database.connection() as connection:
        return await inventory_at(connection, char_id, seq, Slots(store.ruleset))


async def seqs(store: InventoryStore, char_id: str) -> list[int]:
    """Of the entries that are still there."""
    return [
        row[0]
        for row in await rows(store, "SELECT seq FROM journal WHERE char_id = $1 ORDER BY seq", char_id)
    ]


async def baselines(store: InventoryStore, char_id: str) -> list[int]:
    return [
        row[0]
        for row in await rows(store, "SELECT seq FROM baselines WHERE char_id = $1 ORDER BY seq", char_id)
    ]


async def partitions(store: InventoryStore) -> set[str]:
    found = await rows(
        store, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'journal'::regclass"
    )
    return {row[0] for row in found}


async def week_of(store: InventoryStore, at_ms: int) -> str:
    """The name of the partition of a time, whether it is there or not."""
    found = await rows(
        store,
        "SELECT to_char(date_trunc('week', timestamptz 'epoch' + $1 * interval '1 millisecond', 'UTC')"
        " AT TIME ZONE 'UTC', '\"journal_\"YYYYMMDD')",
        at_ms,
    )
    return str(found[0][0])


async def rows(store: InventoryStore, statement: str, *arguments: object) -> list[tuple[object, ...]]:
    async with store.database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]  # type: ignore[arg-type]


async def waiting(connection: Connection) -> int:
    """How many backends of this database wait for a lock."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return found


async def assert_whole(store: InventoryStore, past: Past) -> None:
    """Every entry that is still there is told as it was."""
    for seq in await seqs(store, past.char_id):
        assert same(await at(store, past.char_id, seq), past.states[seq]), seq
