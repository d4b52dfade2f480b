"""Migrations: in order, once, by any number of callers, and never a changed one."""

import asyncio

import pytest
from msgspec.structs import replace

from engine.ruleset import Ruleset
from persistence.errors import MigrationError, Unavailable
from persistence.postgres.database import Database
from persistence.postgres.migrations import Migration, migrate, pending, shipped
from persistence.postgres.store import InventoryStore

FIRST = Migration(1, "0001_first", "CREATE TABLE first (n integer); CREATE TABLE also (n integer);")
SECOND = Migration(2, "0002_second", "CREATE TABLE second (n integer);")


async def test_an_empty_database_gets_all_once(empty_database_url: str, ruleset: Ruleset) -> None:
    store = await InventoryStore.connect(empty_database_url, ruleset)
    names = [migration.name for migration in shipped()]
    assert await store.pending_migrations() == names and len(names) >= 3
    assert await migrate(empty_database_url) == names
    assert await migrate(empty_database_url) == []
    assert await store.pending_migrations() == []
    await store.close()


async def test_callers_at_once_share_the_work(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(6)))
    assert sorted(name for names in applied for name in names) == [migration.name for migration in shipped()]


async def test_a_changed_migration_is_refused_and_nothing_after_it_runs(empty_database_url: str) -> None:
    await migrate(empty_database_url, [FIRST])
    changed = replace(FIRST, sql=FIRST.sql + " -- changed")
    with pytest.raises(MigrationError, match="0001_first was changed"):
        await migrate(empty_database_url, [changed, SECOND])
    assert await migrate(empty_database_url, [FIRST, SECOND]) == ["0002_second"]


async def test_line_ends_are_no_change(empty_database_url: str) -> None:
    unix = replace(FIRST, sql="CREATE TABLE first (\n n integer\n);\n")
    await migrate(empty_database_url, [unix])
    assert await migrate(empty_database_url, [replace(unix, sql=unix.sql.replace("\n", "\r\n"))]) == []


async def test_one_that_fails_leaves_nothing_of_itself(empty_database_url: str) -> None:
    broken = replace(SECOND, sql="CREATE TABLE second (n integer); SELECT 1 / 0;")
    with pytest.raises(MigrationError, match="zero"):
        await migrate(empty_database_url, [FIRST, broken])
    misspelled = replace(SECOND, sql="CREATE TABEL second (n integer);")
    with pytest.raises(MigrationError, match="TABEL"):
        await migrate(empty_database_url, [FIRST, misspelled])
    assert await migrate(empty_database_url, [FIRST, SECOND]) == ["0002_second"]


async def test_one_passed_over_by_a_later_one_is_refused(empty_database_url: str) -> None:
    await migrate(empty_database_url, [SECOND])
    with pytest.raises(MigrationError, match="0001_first was not applied"):
        await migrate(empty_database_url, [FIRST, SECOND])


async def test_a_database_ahead_of_the_program_is_no_error(empty_database_url: str) -> None:
    await migrate(empty_database_url, [FIRST, SECOND])
    database = await Database.connect(empty_database_url)
    async with database.connection() as connection:
        assert await pending(connection, [FIRST]) == []
    assert await migrate(empty_database_url, [FIRST]) == []
    await database.close()


async def test_no_server_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await migrate("postgresql://nobody@127.0.0.1:1/none")
