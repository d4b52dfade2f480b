"""Connections to PostgreSQL: a bounded pool, and transactions whose outcome is always told."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, Self

import asyncpg
import msgspec

from persistence.errors import Unavailable
from persistence.postgres import pg_errors
from persistence.postgres.named_sql import query
from persistence.url_files import OF_POSTGRESQL, check_files

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_CLOSE_S = 10.0


class Row(Protocol):
    """A row of a result, by column name or number."""

    def __getitem__(self, key: str | int) -> Any:  # noqa: ANN401
        """The value of a column."""


class Connection(Protocol):
    """What is used of a connection. Statements are prepared once and kept by the driver."""

    async def fetch(self, query: str, *args: object, timeout: float | None = None) -> list[Row]:  # noqa: ASYNC109
        """All rows; ``timeout`` in seconds, where it is not that of all statements."""

    async def fetchrow(self, query: str, *args: object) -> Row | None:
        """The first row, None when there is none."""

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401
        """The first column of the first row, None when there is none."""

    async def execute(self, query: str, *args: object) -> str:
        """Run, and return the command tag, such as ``INSERT 0 3``."""

    def is_closed(self) -> bool:
        """Whether the connection is known to be gone."""

    def terminate(self) -> None:
        """Drop the connection without a word."""


class Database:
    """A pool of connections to one PostgreSQL database. Times are in seconds."""

    def __init__(self, pool: Any, acquire_timeout_s: float) -> None:  # noqa: ANN401
        """Made by ``connect``."""
        self._pool = pool
        self._acquire_timeout_s = acquire_timeout_s

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        pool_size: int = 8,
        acquire_timeout_s: float = 5.0,
        statement_timeout_s: float = 30.0,
        idle_in_transaction_s: float = 10.0,
    ) -> Self:
        """Open one connection, and more up to ``pool_size`` as they are needed.

        Raises ``Unavailable`` when PostgreSQL cannot be reached, ``ValueError`` for a URL that
        cannot be read. The URL is never repeated in an error: it may hold a password.
        """

        async def prepare(connection: Any) -> None:  # noqa: ANN401
            # A process stopped in the middle of a transaction would keep its heads locked, and
            # every other flusher waiting, for as long as it is stopped.
            await connection.execute(
                f"SET idle_in_transaction_session_timeout = {int(idle_in_transaction_s * 1000)}"
            )
            await connection.set_type_codec(
                "jsonb", schema="pg_catalog", format="binary", encoder=_jsonb, decoder=_json
            )

        check_files(url, OF_POSTGRESQL)
        with pg_errors.statements():
            try:
                # No connection is kept open for its own sake: the pool would try to bring it back
                # by itself while PostgreSQL is away, and fill the log with it.
                pool = asyncpg.create_pool(
                    url,
                    min_size=0,
                    max_size=pool_size,
                    init=prepare,
                    reset=_leave_as_it_is,
                    timeout=acquire_timeout_s,
                    command_timeout=statement_timeout_s,
                    server_settings={"application_name": "haversack"},
                )
                await pool
                async with pool.acquire(timeout=acquire_timeout_s):
                    pass
            except ssl.SSLError:
                # A certificate that does not fit is a ValueError too, and nothing is wrong with the URL.
                raise
            except (ValueError, asyncpg.exceptions.ClientConfigurationError):
                raise ValueError("the URL of the database cannot be read") from None
        return cls(pool, acquire_timeout_s)

    async def close(self) -> None:
        """Wait for what is under way, at most ten seconds, and close all connections."""
        try:
            await asyncio.wait_for(self._pool.close(), _CLOSE_S)
        except pg_errors.TROUBLE:
            self._pool.terminate()

    @property
    def connections(self) -> tuple[int, int, int]:
        """How many connections are in use, how many are idle, and how many there may be."""
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        return size - idle, idle, self._pool.get_max_size()

    async def ping(self) -> None:
        """Raise ``Unavailable`` unless PostgreSQL answers."""
        async with self.connection() as connection:
            await connection.fetchval(query("ping"))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for single statements that only read.

        Raises ``Unavailable``, and ``ValueError`` for a value that PostgreSQL refuses. The block
        should hold statements only: any ``OSError`` out of it is taken for one of the connection.
        """
        with pg_errors.statements():
            connection = await self._pool.acquire(timeout=self._acquire_timeout_s)
            try:
                yield connection
            finally:
                await self._release(connection)

    @asynccontextmanager
    async def single(self, refusal: pg_errors.Refusal | None = None) -> AsyncIterator[Connection]:
        """A connection for one statement that changes something, and is a transaction by itself.

        Raises ``Unavailable``: nothing was done. ``OutcomeUnknown``: the reply was lost, or never came.
        ``refusal(reason)``, ``ValueError`` without it: PostgreSQL refused a value.
        """
        async with self.connection() as connection:
            with pg_errors.commit(refusal):
                yield connection

    @asynccontextmanager
    async def transaction(self, refusal: pg_errors.Refusal | None = None) -> AsyncIterator[Connection]:
        """A transaction (READ COMMITTED), committed when the block ends, rolled back when it raises.

        Raises ``Unavailable``: nothing was done. ``OutcomeUnknown``: the reply to COMMIT was lost.
        ``refusal(reason)``, ``ValueError`` without it: PostgreSQL refused a value, at COMMIT perhaps.
        """
        async with self.connection() as connection:
            with pg_errors.statements(refusal):
                try:
                    # Inside: a task may be cancelled while PostgreSQL begins.
                    await connection.execute("BEGIN")
                    yield connection
                except BaseException:
                    await _roll_back(connection)
                    raise
            if _is_gone(connection):
                raise Unavailable("PostgreSQL: the connection was lost before COMMIT was sent")
            with pg_errors.commit(refusal):
                await connection.execute("COMMIT")

    async def _release(self, connection: Any) -> None:  # noqa: ANN401
        # What was done is done: a connection that is lost only now must not make it look failed.
        try:
            await self._pool.release(connection)
        except pg_errors.TROUBLE as error:
            _log.debug("a connection was lost on its way back to the pool: %r", error)


async def _roll_back(connection: Connection) -> None:
    try:
        await connection.execute("ROLLBACK")
    except pg_errors.TROUBLE:
        # Without a connection there is, for PostgreSQL, no transaction.
        with suppress(*pg_errors.TROUBLE):
            connection.terminate()


def _is_gone(connection: Connection) -> bool:
    # The driver takes a connection that it knows to be lost away from whoever holds it.
    try:
        return connection.is_closed()
    except pg_errors.TROUBLE:
        return True


async def _leave_as_it_is(_: object) -> None:
    # The driver's own reset costs a round trip each time, and nothing here changes a session.
    return None


def _jsonb(value: object) -> bytes:
    # jsonb crosses as its format's number, 1, and the text; the driver has no JSON of its own.
    return b"\x01" + _encode(value)


def _json(sent: bytes) -> bytes:
    return sent[1:]
