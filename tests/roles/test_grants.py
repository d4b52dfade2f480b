"""Every statement is allowed to whom it is for, and no right is granted that none of them needs."""

import re
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from persistence.postgres.named_sql import queries
from persistence.roles import postgres_grants
from tests.roles.rights import Restricted

# Not for who serves: the ledger's owner gives old weeks up.
OWNERS = {
    "insert_baselines", "delete_superseded_baselines", "week_runs", "week_entries", "baselines_chunk",
}  # fmt: skip
_TABLE_RIGHT = re.compile(r"(SELECT|INSERT|UPDATE|DELETE)(?: \(([^)]*)\))?")


class Asking:
    """One connection that asks, as one role or another, whether a statement would be let through."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.numbers: dict[str, tuple[str, int]] = {}

    async def prepare(self, name: str, sql: str) -> None:
        number = f"s{len(self.numbers)}"
        await self.connection.execute(f"PREPARE {number} AS {sql}")
        types = await self.connection.fetchval(
            "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1", number
        )
        self.numbers[name] = number, types

    async def refused(self, name: str) -> str:
        """Why the role that is set may not do it; empty when it may. Nothing is carried out."""
        number, parameters = self.numbers[name]
        nulls = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
        try:
            async with self.connection.transaction():
                await self.connection.execute(f"EXPLAIN EXECUTE {number}{nulls}")
        except asyncpg.InsufficientPrivilegeError as error:
            return str(error)
        return ""


@pytest.fixture
async def asking(each_rights: Restricted) -> AsyncIterator[Asking]:
    connection = await asyncpg.connect(each_rights.admin, statement_cache_size=0)
    found = Asking(connection)
    for name, sql in queries().items():
        # Moving in is the owner's, by a temporary table; what is no query is not explained.
        if not name.startswith("import_") and not re.match(r"(--[^\n]*\n)*(LOCK|SET)\b", sql):
            await found.prepare(name, sql)
    yield found
    await connection.close()


async def test_each_statement_is_allowed_to_whom_it_is_for(asking: Asking) -> None:
    for role, allowed in (
        ("haversack_owner", lambda _: True),
        ("haversack_service", lambda name: name not in OWNERS),
        ("haversack_support", lambda name: name.startswith("audit_")),
    ):
        await asking.connection.execute(f"SET ROLE {role}")
        refused = {name: await asking.refused(name) for name in asking.numbers if allowed(name)}
        assert {name: why for name, why in refused.items() if why} == {}, role
        await asking.connection.execute("RESET ROLE")


async def test_who_looks_changes_nothing(asking: Asking) -> None:
    await asking.connection.execute("SET ROLE haversack_support")
    for name, sql in queries().items():
        if name in asking.numbers and re.search(r"\b(INSERT INTO|UPDATE \w+ (AS|SET)|DELETE FROM)\b", sql):
            assert await asking.refused(name), name


async def test_imports_wait_for_each_other(each_rights: Restricted) -> None:
    """LOCK is not explained, only done."""
    connection = await asyncpg.connect(each_rights.service)
    async with connection.transaction():
        await connection.execute(queries()["lock_catalogs"])
    await connection.close()


async def test_who_serves_neither_alters_the_ledger_nor_the_schema(each_rights: Restricted) -> None:
    connection = await asyncpg.connect(each_rights.service)
    for statement in (
        "UPDATE journal SET by = 'x'",
        "DELETE FROM journal",
        "TRUNCATE journal",
        "DROP TABLE journal_other",
        "ALTER TABLE journal DISABLE TRIGGER ALL",
        "DELETE FROM schema_migrations",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "UPDATE characters SET name = 'x'",
        "SET ROLE haversack_owner",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    week = await connection.fetchval("SELECT journal_add_week(now() + interval '70 weeks')")
    assert await connection.fetchval(f"SELECT to_regclass('{week}') IS NOT NULL")
    await connection.close()


async def test_no_right_is_granted_in_vain(asking: Asking) -> None:
    """Each is taken away once, and then some statement is refused."""
    # By LOCK, which is not explained; by a statement that stands in the program's text.
    needed_elsewhere = {"UPDATE ON catalogs", "SELECT ON schema_migrations"}
    in_vain = []
    for right, columns, table in rights_on_tables():
        what = f"{right} ON {table}"
        if what in needed_elsewhere:
            continue
        wanted = [name for name in asking.numbers if re.search(rf"\b{table}\b", queries()[name])]
        for column in columns or [""]:
            taken = f"{right} ({column})" if column else right
            await asking.connection.execute(f"REVOKE {taken} ON {table} FROM haversack_service")
            await asking.connection.execute("SET ROLE haversack_service")
            if not any([await asking.refused(name) for name in wanted if name not in OWNERS]):
                in_vain.append(f"{taken} ON {table}")
            await asking.connection.execute("RESET ROLE")
            await asking.connection.execute(f"GRANT {taken} ON {table} TO haversack_service")
    # What triggers and functions of the database ask for is seen by no EXPLAIN; the tests of play hold it.
    assert in_vain == []


def rights_on_tables() -> Iterator[tuple[str, list[str], str]]:
    """What the file grants to who serves: right, columns if it is for some alone, table."""
    text = re.sub(r"--[^\n]*", "", postgres_grants())
    for rights, table in re.findall(r"GRANT ([^;]*?)\s+ON (\w+) TO haversack_service;", text):
        for right, columns in _TABLE_RIGHT.findall(rights):
            yield right, [column.strip() for column in columns.split(",")] if columns else [], table
