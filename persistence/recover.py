"""After PostgreSQL was restored from a backup: what Redis holds of the time since then is out of date.

A backup is PostgreSQL at one moment. What was told to callers afterwards is not in it: sessions, tags and
epochs that are ahead of the restored rows, and nobody knows by how much where Redis was lost as well.
So PostgreSQL's state counts for everybody:

1. Nobody serves or flushes. A process that did would flush what it had on rows that do not fit it.
2. Every epoch and every incarnation goes on above all that were ever given out: no flush of the former
   time fits, and no tag comes a second time for other content.
3. Sessions, journals, fences, queues and what is remembered of operations are deleted from Redis. The
   operations that the backup knows come back with the next loads.

Each step may be done again, so who is cut off begins anew.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

from msgspec import Struct

from persistence.errors import PersistenceError
from persistence.keys import Keys
from persistence.link.redis_link import Argument, RedisLink
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query
from persistence.service import ServiceSettings, check_shards
from persistence.sessions.mirror import value_of

# A transaction for so many characters; keys that are looked through at a time.
CHARACTERS_AT_ONCE: Final = 5_000
_KEYS_AT_ONCE: Final = 1_000
_LOOKS, _LOOK_S = 10, 0.1
_NOBODY: Final = uuid.UUID(int=0)


class Standing(Struct, frozen=True):
    """Characters in PostgreSQL, sessions in Redis, and connections of those who serve."""

    characters: int
    sessions: int
    serving: int


class StillServed(PersistenceError):
    """Other processes of the program are connected to the database; nothing was done."""


async def standing(settings: ServiceSettings) -> Standing:
    """Look, and change nothing; raises ``Unavailable``, ``PersistenceError``."""
    async with AsyncExitStack() as stack:
        database, link, keys = await _open(settings, stack)
        async with database.connection() as connection:
            characters: int = await connection.fetchval(query("audit_count"))
        sessions = 0
        async for page in _pages(link, keys.patterns_of_sessions()[0]):
            sessions += len(page)
        return Standing(characters, sessions, await _serving(database))


async def recover(settings: ServiceSettings, tell: Callable[[int], None]) -> int:
    """Let PostgreSQL's state count; answers how many keys were deleted, ``tell`` hears of characters done.

    Raises ``StillServed``, nothing having been done; ``Unavailable``, ``OutcomeUnknown``: do it again.
    """
    async with AsyncExitStack() as stack:
        database, link, keys = await _open(settings, stack)
        if serving := await _still_serving(database):
            raise StillServed(
                f"{serving} connections of running gateways or flushers: stop them, and begin again"
            )
        last, done = _NOBODY, 0
        while last is not None:
            async with database.transaction() as connection:
                row = await connection.fetchrow(query("outlive_former_sessions"), CHARACTERS_AT_ONCE, last)
            assert row is not None
            last, done = row["last"], done + row["characters"]
            tell(done)
        deleted = 0
        for pattern in keys.patterns_of_sessions():
            async for page in _pages(link, pattern):
                deleted += sum(await _send(link, ("UNLINK", *page)))
        return deleted


async def _open(settings: ServiceSettings, stack: AsyncExitStack) -> tuple[Database, RedisLink, Keys]:
    link = RedisLink(settings.redis_url, timeout_s=30.0)
    stack.push_async_callback(link.close)
    keys = Keys(settings.key_prefix, settings.shards)
    await check_shards(link, keys)
    database = await Database.connect(settings.database_url, pool_size=1, statement_timeout_s=600.0)
    stack.push_async_callback(database.close)
    return database, link, keys


async def _serving(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval(query("others_connected")))


async def _still_serving(database: Database) -> int:
    # A process that has just ended is counted until PostgreSQL has noticed.
    for _ in range(_LOOKS):
        if not (serving := await _serving(database)):
            break
        await asyncio.sleep(_LOOK_S)
    return serving


async def _pages(link: RedisLink, pattern: str) -> AsyncIterator[list[bytes]]:
    cursor: Argument = 0
    while True:
        ((cursor, page),) = await _send(link, ("SCAN", cursor, "COUNT", _KEYS_AT_ONCE, "MATCH", pattern))
        if page:
            yield page
        if cursor == b"0":
            return


async def _send(link: RedisLink, command: tuple[Argument, ...]) -> list[Any]:
    return list(map(value_of, await link.send([command], harmless=True)))
