"""Numbered changes of the database's shape, applied by the program itself.

A migration is a file ``sql/migrations/NNNN_what.sql``. It runs in a transaction of its own and is
written down in ``schema_migrations`` with a hash of its text; a file that was changed after it
ran somewhere is refused, because databases would differ from then on.
"""

import hashlib
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files

from msgspec import Struct

from persistence.errors import MigrationError
from persistence.postgres import pg_errors
from persistence.postgres.database import Connection, Database

_log = logging.getLogger(__name__)
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

# Any number will do that nothing else in the database locks: "haversack" has nine letters.
_LOCK = 0x6861766572736163

_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    hash       text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class Migration(Struct, frozen=True):
    """One migration; ``name`` is that of its file without the ending."""

    number: int
    name: str
    sql: str

    @property
    def hash(self) -> str:
        """64 hex digits over the text, whichever line ends the file was checked out with."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()


def shipped() -> list[Migration]:
    """The migrations of this program, in order; raises ``MigrationError`` for a gap in the numbers."""
    found = [
        Migration(int(match[1]), file.name.removesuffix(".sql"), file.read_text("utf-8"))
        for file in files("persistence").joinpath("sql/migrations").iterdir()
        if (match := _FILE.fullmatch(file.name))
    ]
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError("the migrations are not numbered one by one")
    return found


async def pending(connection: Connection, known: Sequence[Migration] | None = None) -> list[Migration]:
    """What is still to be applied, in order. Never writes; an empty database needs all.

    A database that is ahead of this program is no error: during a rolling deploy old and new
    programs share it. Raises ``MigrationError`` for a migration changed after it was applied, or
    passed over by a later one.
    """
    known = shipped() if known is None else known
    applied: dict[int, str] = {}
    if await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL"):
        rows = await connection.fetch("SELECT number, hash FROM schema_migrations")
        applied = {row["number"]: row["hash"] for row in rows}
    for migration in known:
        if migration.number not in applied and migration.number < max(applied, default=0):
            raise MigrationError(f"{migration.name} was not applied, but later ones were")
        if applied.get(migration.number, migration.hash) != migration.hash:
            raise MigrationError(f"{migration.name} was changed after it was applied to this database")
    return [migration for migration in known if migration.number not in applied]


async def pending_at(url: str) -> list[str]:
    """Names of what is still to be applied to the database at ``url``; raises as ``pending``, ``migrate``."""
    database = await Database.connect(url, pool_size=1)
    try:
        async with database.connection() as connection:
            return [migration.name for migration in await pending(connection)]
    finally:
        await database.close()


async def migrate(url: str, known: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is pending, one transaction each, and return the names of what this call applied.

    Several callers may do so at once: each takes a lock for each transaction and looks again what
    is pending. Raises ``MigrationError`` (also for SQL that PostgreSQL refuses), ``Unavailable``,
    ``OutcomeUnknown`` (run it again), and ``ValueError`` for a URL that cannot be read.
    """
    database = await Database.connect(url, pool_size=1, statement_timeout_s=3600)
    applied: list[str] = []
    try:
        while (migration := await _apply_next(database, known)) is not None:
            _log.info("applied migration %s", migration.name)
            applied.append(migration.name)
    finally:
        await database.close()
    return applied


async def _apply_next(database: Database, known: Sequence[Migration] | None) -> Migration | None:
    async with _locked(database) as connection:
        await connection.execute(_RECORD)
        todo = await pending(connection, known)
        if not todo:
            return None
        migration = todo[0]
        with pg_errors.statements(MigrationError, pg_errors.MISFITS):
            await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (number, name, hash) VALUES ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.hash,
        )
        return migration


@asynccontextmanager
async def _locked(database: Database) -> AsyncIterator[Connection]:
    # The lock goes with the transaction, so a caller that dies leaves none behind.
    async with database.transaction(MigrationError) as connection:
        await lock(connection)
        yield connection


async def lock(connection: Connection) -> None:
    """Until the transaction ends, nobody else migrates or grants."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
