"""Which process delivers what: advisory locks of PostgreSQL, which go with the process that has them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Final

from persistence.errors import PersistenceError
from persistence.postgres import pg_errors
from persistence.postgres.database import Connection, Database
from persistence.postgres.named_sql import query

# None of these statements waits for anything. A connection whose other end has gone without a word would keep
# all lanes standing for as long as statements may take.
ANSWER_S: Final = 5.0


class Locks:
    """Locks by number, on one connection that is kept as long as it lasts.

    Where it is lost, all locks are, and others may have them at once; what is done under a lock has to
    bear that. Methods raise ``Unavailable``.
    """

    def __init__(self, opened: Callable[[], Awaitable[Database]]) -> None:
        """Take a connection of the database that ``opened`` answers, for good."""
        self._opened = opened
        self._connection: Connection | None = None
        self._kept = AsyncExitStack()
        self._held: set[int] = set()
        # A connection carries one statement at a time.
        self._turn = asyncio.Lock()

    async def take(self, number: int) -> bool:
        """Whether the lock is this process's now, perhaps since long."""
        async with self._turn:
            if self._connection is not None and _is_gone(self._connection):
                await self._drop()
            if number in self._held:
                return True
            try:
                with pg_errors.statements():
                    connection = await self._connected()
                    async with asyncio.timeout(ANSWER_S):
                        taken: bool = await connection.fetchval(query("outbox_lock"), number)
            except BaseException:
                await self._drop()
                raise
            if taken:
                self._held.add(number)
            return taken

    async def let_go(self, number: int) -> None:
        """Let others have it; nothing where it was lost already."""
        async with self._turn:
            if self._connection is None or number not in self._held:
                return
            self._held.discard(number)
            try:
                with pg_errors.statements():
                    async with asyncio.timeout(ANSWER_S):
                        await self._connection.execute(query("outbox_unlock"), number)
            except BaseException:
                await self._drop()
                raise

    async def close(self) -> None:
        """Let all of them go."""
        async with self._turn:
            await self._drop()

    async def _connected(self) -> Connection:
        if self._connection is None:
            database = await self._opened()
            self._connection = await self._kept.enter_async_context(database.connection())
            async with asyncio.timeout(ANSWER_S):
                await self._connection.execute(query("outbox_watch_locks"))
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._held.clear()
        if connection is not None:
            # Back in the pool, a connection that still has locks would keep everybody out.
            with suppress(*pg_errors.TROUBLE):
                connection.terminate()
        with suppress(PersistenceError):
            await self._kept.aclose()


def _is_gone(connection: Connection) -> bool:
    # The driver takes a connection that it knows to be lost away from whoever holds it.
    try:
        return connection.is_closed()
    except pg_errors.TROUBLE:
        return True
