"""One connection to Redis or Valkey on which many callers' commands are under way at once.

redis-py connects: host or socket, TLS, password, database. Then the transport is ours, because its
client waits for each reply before it sends the next command. Replies come in the order of the
commands, so the oldest exchange that is not answered is whose reply it is, whether its caller still
waits or not.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import hiredis
from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from persistence.errors import OutcomeUnknown, Unavailable
from persistence.meters import NS_PER_S, Histogram

# More unsent bytes than this wait with us, where they can still be given up, and not in the transport.
_TRANSPORT_BYTES_MAX: Final = 1 << 20
_MORE: Final = object()
# The server answered that it will not do it now: nothing was done.
_NOT_NOW: Final = (
    "BUSY ", "CLUSTERDOWN ", "EXECABORT ", "LOADING ", "MASTERDOWN ", "MISCONF ", "NOREPLICAS ", "OOM ",
    "READONLY ", "TRYAGAIN ",
)  # fmt: skip
# FUNCTION KILL ends only what has not written yet.
_KILLED: Final = "Script killed by user"


class Exchange:
    """Commands of one caller, sent together, and the future of their replies.

    A single command's future has the reply, several commands' the list of them. Error replies are
    values. ``since``: when it was asked for, and then when it was sent, in the loop's time.
    """

    __slots__ = ("count", "future", "harmless", "packed", "replies", "since")

    def __init__(self, packed: bytes, count: int, future: asyncio.Future[Any], *, harmless: bool) -> None:
        """``packed`` holds ``count`` commands; ``harmless``: they may be repeated, or never done."""
        self.packed = packed
        self.count = count
        self.future = future
        self.harmless = harmless
        self.since = 0.0
        self.replies: list[Any] | None = None if count == 1 else []

    def fail(self, words: str, *, sent: bool) -> None:
        """Tell the caller that no reply will come, unless it has gone away."""
        if not self.future.done():
            unknown = sent and not self.harmless
            self.future.set_exception(OutcomeUnknown(words) if unknown else Unavailable(words))


class Wire(asyncio.Protocol):
    """Writes exchanges and pairs the replies with them, until the connection is lost."""

    def __init__(self, connection: AbstractConnection, heard: Callable[[], None], seconds: Histogram) -> None:
        """Take over a connection of redis-py's; ``heard`` is called after replies, and at the end.

        ``seconds`` counts how long the oldest of the calls took whose replies come together.

        Raises ``ConnectionError`` when it has been lost already.
        """
        reader, writer = connection._reader, connection._writer
        if reader is None or writer is None or reader.at_eof() or writer.transport.is_closing():
            raise ConnectionError("the connection was closed at once")
        # It owns the transport, so it must live as long as that.
        self._connection = connection
        self._transport: asyncio.WriteTransport = writer.transport
        self._heard = heard
        self._seconds = seconds
        self._time = asyncio.get_running_loop().time
        self._reader = hiredis.Reader(replyError=_error_of, notEnoughData=_MORE)
        self.expected: deque[Exchange] = deque()
        self.in_flight = 0
        self.answered = False
        self.writable = True
        self.lost = False
        self._transport.set_protocol(self)
        self._transport.set_write_buffer_limits(_TRANSPORT_BYTES_MAX)

    def write(self, exchanges: Sequence[Exchange], now: float) -> None:
        """Send, all in one write; ``now`` in the loop's time."""
        for exchange in exchanges:
            exchange.since = now
            self.in_flight += exchange.count
        self.expected.extend(exchanges)
        try:
            self._transport.write(b"".join([exchange.packed for exchange in exchanges]))
        except (OSError, RuntimeError) as error:
            # uvloop says RuntimeError of a connection that has just been closed.
            self.abort(str(error))

    def data_received(self, data: bytes) -> None:
        """Give replies to those who wait for them."""
        gets, expected = self._reader.gets, self.expected
        self._reader.feed(data)
        since = expected[0].since if expected else 0.0
        try:
            while (reply := gets()) is not _MORE:
                exchange = expected[0]
                self.in_flight -= 1
                if exchange.replies is not None:
                    exchange.replies.append(reply)
                    if len(exchange.replies) < exchange.count:
                        continue
                    reply = exchange.replies
                expected.popleft()
                if not exchange.future.done():
                    exchange.future.set_result(reply)
        except (hiredis.ProtocolError, IndexError):
            self.abort("what the server sends cannot be understood")
            return
        self.answered = True
        self._seconds.observe(int((self._time() - since) * NS_PER_S))
        self._heard()

    def pause_writing(self) -> None:
        """The server reads more slowly than it is written to."""
        self.writable = False

    def resume_writing(self) -> None:
        """It has caught up."""
        self.writable = True
        self._heard()

    def connection_lost(self, error: Exception | None) -> None:
        """What was sent and not answered has an unknown outcome."""
        self._end(str(error) if error and str(error) else "the connection was closed")

    def abort(self, words: str) -> None:
        """Give the connection up; ``words`` say why."""
        self._transport.abort()
        self._end(words)

    def close(self) -> None:
        """Close, what is written being sent still; its replies are not waited for."""
        self._transport.close()
        self._end("the link was closed")

    def _end(self, words: str) -> None:
        if self.lost:
            return
        self.lost = True
        for exchange in self.expected:
            exchange.fail(f"Redis: {words}", sent=True)
        self.expected.clear()
        self.in_flight = 0
        self._heard()


def _error_of(text: str) -> Exception:
    not_now = text.startswith(_NOT_NOW) or _KILLED in text
    return Unavailable(f"Redis: {text}") if not_now else exceptions.ResponseError(text)
