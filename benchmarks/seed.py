"""Databases with the world in them: schema, catalog, characters, items."""

import asyncpg
import msgspec

from benchmarks.world import ACTOR, Inventory, catalog
from engine.ruleset import Ruleset
from persistence.items.catalog_store import import_catalog
from persistence.postgres.migrations import migrate
from persistence.postgres.store import InventoryStore


async def seed(url: str, ruleset: Ruleset, inventories: list[Inventory]) -> None:
    """Fill the empty database at ``url``: rows go in by COPY, as if they had been flushed at seq 0."""
    await migrate(url)
    store = await InventoryStore.connect(url, ruleset, pool_size=1)
    try:
        await import_catalog(store, catalog())
    finally:
        await store.close()
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await _copy(connection, inventories)
        await connection.execute("VACUUM (ANALYZE, FREEZE)")
    finally:
        await connection.close()


async def copy_database(url: str, name: str) -> str:
    """Make a database that is a copy of the one at ``url``, which nobody may be connected to."""
    source = database_name(url)
    connection = await asyncpg.connect(with_database(url, "postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY wal_log")
    finally:
        await connection.close()
    return with_database(url, name)


def database_name(url: str) -> str:
    """The database that a URL of the embedded server names."""
    return url.partition("@/")[2].partition("?")[0]


def with_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    before, _, after = url.partition("@/")
    return f"{before}@/{name}?{after.partition('?')[2]}"


async def _copy(connection: asyncpg.Connection, inventories: list[Inventory]) -> None:
    actor = msgspec.json.encode(ACTOR).decode()
    await connection.copy_records_to_table(
        "characters",
        columns=["char_id", "name", "actor"],
        records=[(entry.char_id, f"Player {n}", actor) for n, entry in enumerate(inventories)],
    )
    await connection.copy_records_to_table(
        "items",
        columns=["item_id", "owner", "template_id", "quantity", "container", "slot", "bound"],
        records=[
            (
                item.item_id,
                entry.char_id,
                item.template_id,
                item.quantity,
                item.place.container,
                str(item.place.slot),
                item.bound,
            )
            for entry in inventories
            for item in entry.items()
        ],
    )
