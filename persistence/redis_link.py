"""Connections to Redis or Valkey on which nothing is ever repeated by itself.

redis-py repeats a command whose reply was lost ten times over, and one call of a function
would then be applied twice. So commands go over its connections, but not through its client:
what was sent and not answered is an unknown outcome, and repeating it is its caller's choice.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis import exceptions
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from persistence.errors import OutcomeUnknown, Unavailable

Argument = bytes | str | int
# The server answered that it will not do it now: nothing was done.
_NOT_NOW = (
    exceptions.BusyLoadingError,
    exceptions.ExecAbortError,
    exceptions.MasterDownError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
)


# FUNCTION KILL ends only what has not written yet.
_KILLED = "Script killed by user"
# uvloop says RuntimeError of a connection that was closed just before it is written to.
_CUT_OFF = (OSError, RuntimeError)
_NOT_NOW_WORDS = ("BUSY ", "MISCONF ", "NOREPLICAS ", "CLUSTERDOWN ", "TRYAGAIN ", "LOADING ", "MASTERDOWN ")


class RedisLink:
    """A bounded pool of connections; ``send`` is all it does."""

    def __init__(self, url: str, *, connections: int = 32, timeout_s: float = 5.0) -> None:
        """``url``: redis://, rediss:// or unix://; raises ``ValueError`` for any other.

        ``timeout_s`` bounds the wait for a connection, and then that for all replies of a ``send``.
        """
        self._timeout_s = timeout_s
        # The client's own time limit of a write is made with asyncio.wait_for, which before Python 3.12
        # loses a cancellation that comes as the write ends; so the time is kept here.
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=timeout_s,
            socket_timeout=None,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.disconnect()

    async def send(self, commands: Sequence[Sequence[Argument]], *, harmless: bool = False) -> list[Any]:
        """Send commands in one write and read their replies; error replies come back as values.

        Raises ``Unavailable`` when nothing was sent, or when the commands are ``harmless`` (they
        may be repeated, or never done); else ``OutcomeUnknown`` when a reply was lost.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        except (exceptions.RedisError, *_CUT_OFF) as error:
            raise Unavailable(_words(error)) from error
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(connection, commands)
        except (exceptions.ConnectionError, exceptions.TimeoutError, *_CUT_OFF) as error:
            if harmless:
                raise Unavailable(_words(error)) from error
            raise OutcomeUnknown(_words(error)) from error
        finally:
            await self._pool.release(connection)

    async def call(self, *command: Argument, harmless: bool = False) -> Any:  # noqa: ANN401 - as Redis has it
        """Send one command; raises ``ResponseError`` when the server answers with an error."""
        (reply,) = await self.send([command], harmless=harmless)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def _exchange(
        self, connection: AbstractConnection, commands: Sequence[Sequence[Argument]]
    ) -> list[Any]:
        replies: list[Any] = []
        try:
            await connection.send_packed_command(
                connection.pack_commands(commands)
                if len(commands) > 1
                else connection.pack_command(*commands[0])
            )
            for _ in commands:
                try:
                    replies.append(await connection.read_response())
                except _NOT_NOW as error:
                    replies.append(Unavailable(f"Redis: {error}"))
                except exceptions.ResponseError as error:
                    not_now = str(error).startswith(_NOT_NOW_WORDS) or _KILLED in str(error)
                    replies.append(Unavailable(f"Redis: {error}") if not_now else error)
        except BaseException:
            # Cancelled or broken midway: a reply that is still to come must never be taken for
            # the reply of whoever gets this connection next. The driver sees to it too, as it is now.
            await connection.disconnect(nowait=True)
            raise
        return replies


def _words(error: Exception) -> str:
    return f"Redis: {error}" if str(error) else "Redis: no answer in time"
