"""One worker at a time, whichever process it is in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

from persistence.postgres.database import Database
from persistence.postgres.named_sql import query


class Work(IntEnum):
    """What is done by one worker at a time; the numbers are PostgreSQL's advisory locks."""

    ADD_WEEKS = 1
    TRIM = 2
    FORGET_OPERATIONS = 3
    FOLLOW_CATALOG = 8


@asynccontextmanager
async def alone(database: Database, work: Work) -> AsyncIterator[bool]:
    """True in the block if nobody else does ``work`` as long as it lasts, False if somebody does.

    The lock is a connection's, and goes with it: where that is lost midway, another worker may
    begin. What is done under it has to bear that. Raises ``Unavailable``.
    """
    async with database.connection() as connection:
        mine: bool = await connection.fetchval(query("try_lock"), work)
        released = not mine
        try:
            yield mine
            if mine:
                await connection.execute(query("unlock"), work)
                released = True
        finally:
            # Back in the pool, a connection that is still locked would keep everybody out.
            if not released:
                connection.terminate()
