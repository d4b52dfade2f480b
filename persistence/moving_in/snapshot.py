"""A transaction that only reads, and has ended whatever happens within it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from persistence.postgres import pg_errors
from persistence.postgres.database import Connection

_BEGIN: Final = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncIterator[None]:
    """All that is read in the block is of one moment, that of its first statement.

    Raises what the driver raises, if the transaction cannot begin.
    """
    try:
        # Whoever is cancelled here does not know whether it has begun.
        await connection.execute(_BEGIN)
        yield
    finally:
        # Without a connection there is no transaction either, and whoever used it has been told why.
        with suppress(*pg_errors.TROUBLE):
            await connection.execute("ROLLBACK")
