"""The commander: carries every call to Redis or Valkey, many at once, over one connection.

What is asked for in one turn of the event loop goes out in a few writes, in the order in which it was
asked; so two calls of one character are applied in the order of their callers, and a write, a read
and a wake-up of the process are shared by those who call at that moment. One connection is enough for
a server that does one thing at a time, and a second link is what keeps long batches apart from
short calls.

Nothing is ever repeated here. redis-py's client repeats a command whose reply was lost ten times
over, and one call of a function would then be applied twice: what was sent and not answered is an
unknown outcome, and repeating it is its caller's choice.
"""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import hiredis
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from persistence import measures
from persistence.link.redis_wire import Exchange, Wire
from persistence.meters import Meters
from persistence.url_files import OF_REDIS, check_files

Argument = bytes | str | int

# Commands sent and not answered; more wait here, where they can be given up without harm.
IN_FLIGHT_MAX: Final = 4_096
# So many are written at once, without waiting for the turn's end: Redis begins with them while the
# others are made ready here. Were all written together, one of the two would always wait for the other.
EAGER: Final = 4
# One write takes no more, so that what the connection cannot take stays here.
WRITE_BYTES_MAX: Final = 1 << 20
# What a waiting call holds beside its text.
_EXCHANGE_BYTES: Final = 300
# Beyond so much that waits, the next caller is told at once: memory must not grow while Redis is slow.
WAITING_BYTES_MAX: Final = 64 << 20
BACKOFF_MIN_S: Final = 0.02
BACKOFF_MAX_S: Final = 0.5
# How often deadlines are looked at in the time that they allow.
_LOOKS: Final = 10


class RedisLink:
    """Sends commands and gives each caller its own replies; ``database``: the number of the one it is for."""

    def __init__(
        self, url: str, *, timeout_s: float = 5.0, meters: Meters | None = None, name: str = "calls"
    ) -> None:
        """``url``: redis://, rediss:// or unix://; raises ``ValueError`` for any other, or a file it names.

        ``timeout_s`` bounds the wait to be sent, and then that for a reply, which is noticed at most
        a tenth of it late. No connection is made before the first command. ``meters`` have it under
        ``name``, one of ``measures.LINKS``.
        """
        meters = meters or Meters(measures.PERSISTENCE)
        self._seconds = meters.histogram(measures.REDIS_SECONDS, name)
        self._connections = meters.counter(measures.REDIS_CONNECTIONS, name)
        meters.watch(measures.REDIS_IN_FLIGHT, lambda: self._wire.in_flight if self._wire else 0, name)
        meters.watch(measures.REDIS_WAITING, lambda: len(self._unsent), name)
        arguments: dict[str, Any] = dict(parse_url(url))
        check_files(url, OF_REDIS)
        self.database = int(arguments.get("db") or 0)
        self._connection_class: type[AbstractConnection] = arguments.pop("connection_class", Connection)
        # The client's own time limit of a write is made with asyncio.wait_for, which before Python 3.12
        # loses a cancellation that comes as the write ends; so the time is kept here.
        self._arguments = arguments | {
            "socket_timeout": None,
            "socket_connect_timeout": timeout_s,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        self._timeout_s = timeout_s
        self._wire: Wire | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unsent: deque[Exchange] = deque()
        self._unsent_bytes = 0
        self._flush_is_due = False
        self._look: asyncio.TimerHandle | None = None
        self._failures = 0
        self._next_attempt_at = 0.0
        self._closed = False

    def submit(self, *command: Argument, harmless: bool = False) -> asyncio.Future[Any]:
        """Ask for one command, sent at the end of this turn of the loop; the reply is the future's result.

        An error reply is a result, too, as an exception's instance. The future fails with
        ``Unavailable`` when nothing was sent, or when the command is ``harmless`` (it may be repeated,
        or never done), else with ``OutcomeUnknown`` when the reply was lost. To cancel it takes
        nothing back that was sent.
        """
        return self._ask(_packed(command), 1, harmless=harmless)

    async def send(self, commands: Sequence[Sequence[Argument]], *, harmless: bool = False) -> list[Any]:
        """Send commands, next to each other, and answer with their replies; raises as ``submit``'s future."""
        if len(commands) == 1:
            return [await self.submit(*commands[0], harmless=harmless)]
        if not commands:
            # One that waits for no reply would be given the next caller's.
            return []
        packed = b"".join([_packed(command) for command in commands])
        replies: list[Any] = await self._ask(packed, len(commands), harmless=harmless)
        return replies

    async def call(self, *command: Argument, harmless: bool = False) -> Any:  # noqa: ANN401 - as Redis has it
        """Send one command; raises ``ResponseError`` when the server answers with an error."""
        reply = await self.submit(*command, harmless=harmless)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        """Close the connection; whoever still waits is told."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        self._give_up("the link was closed")
        if self._wire is not None:
            self._wire.close()
        if self._look is not None:
            self._look.cancel()

    def _ask(self, packed: bytes, count: int, *, harmless: bool) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        exchange = Exchange(packed, count, future, harmless=harmless)
        if self._closed or self._unsent_bytes > WAITING_BYTES_MAX:
            exchange.fail(
                "Redis: the link was closed" if self._closed else "Redis: too much waits", sent=False
            )
            return future
        exchange.since = loop.time()
        self._unsent.append(exchange)
        self._unsent_bytes += len(packed) + _EXCHANGE_BYTES
        if len(self._unsent) >= EAGER and self._wire is not None:
            self._flush()
        else:
            self._flush_soon()
        return future

    def _flush_soon(self) -> None:
        if self._unsent and not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Send what may be sent; begin to connect where there is no connection."""
        self._flush_is_due = False
        if not self._unsent or self._closed:
            return
        loop = asyncio.get_running_loop()
        if self._look is None:
            self._look = loop.call_later(self._timeout_s / _LOOKS, self._look_at_deadlines)
        wire = self._wire
        if wire is None:
            if self._connecting is None:
                self._connecting = loop.create_task(self._connect(), name="connect to Redis")
            return
        chosen = self._next(wire)
        if chosen:
            wire.write(chosen, loop.time())
            # What was too much for one write, if the connection took it all.
            if wire.writable and wire.in_flight < IN_FLIGHT_MAX:
                self._flush_soon()

    def _next(self, wire: Wire) -> list[Exchange]:
        """Those whose turn it is, without those whose callers have gone away: they were never sent."""
        chosen: list[Exchange] = []
        unsent, in_flight, room = self._unsent, wire.in_flight, WRITE_BYTES_MAX
        while unsent and wire.writable and room > 0:
            exchange = unsent[0]
            # More than the bound in one piece goes alone.
            if in_flight and in_flight + exchange.count > IN_FLIGHT_MAX:
                break
            self._take_first()
            if not exchange.future.done():
                chosen.append(exchange)
                in_flight += exchange.count
                room -= len(exchange.packed)
        return chosen

    def _take_first(self) -> Exchange:
        exchange = self._unsent.popleft()
        self._unsent_bytes -= len(exchange.packed) + _EXCHANGE_BYTES
        return exchange

    def _heard(self) -> None:
        """Replies came, or the connection has ended."""
        wire = self._wire
        if wire is not None and wire.lost:
            self._wire = None
            if wire.answered:
                self._failures = 0
            else:
                self._put_off()
        self._flush_soon()

    async def _connect(self) -> None:
        connection = self._connection_class(**self._arguments)
        try:
            await asyncio.sleep(self._next_attempt_at - asyncio.get_running_loop().time())
            async with asyncio.timeout(self._timeout_s):
                await connection.connect()  # type: ignore[no-untyped-call]
            self._wire = Wire(connection, self._heard, self._seconds)
            self._connections.add()
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if not isinstance(error, (RedisError, OSError, RuntimeError)):
                raise
            self._put_off()
            self._give_up(str(error) or "no connection in time")
        finally:
            self._connecting = None
        self._flush()

    def _put_off(self) -> None:
        """The next attempt waits, longer each time, and never in step with other processes."""
        self._failures += 1
        longest = min(BACKOFF_MIN_S * 2**self._failures, BACKOFF_MAX_S)
        delay = random.uniform(longest / 2, longest)  # noqa: S311 - no secret
        self._next_attempt_at = asyncio.get_running_loop().time() + delay

    def _give_up(self, words: str) -> None:
        """Nothing of what waits was sent."""
        unsent, self._unsent = self._unsent, deque()
        self._unsent_bytes = 0
        for exchange in unsent:
            exchange.fail(f"Redis: {words}", sent=False)

    def _look_at_deadlines(self) -> None:
        self._look = None
        loop = asyncio.get_running_loop()
        too_old = loop.time() - self._timeout_s
        while self._unsent and self._unsent[0].since < too_old:
            self._take_first().fail("Redis: not sent in time", sent=False)
        wire = self._wire
        if wire is not None and wire.expected and wire.expected[0].since < too_old:
            # Whatever comes now would come after this, so nobody gets an answer in time any more.
            wire.abort("no answer in time")
        if self._unsent or (self._wire is not None and self._wire.expected):
            self._look = loop.call_later(self._timeout_s / _LOOKS, self._look_at_deadlines)


def _packed(command: Sequence[Argument]) -> bytes:
    # Its stub knows only tuples of one element.
    packed: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type]
    return packed
