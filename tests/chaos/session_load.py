"""Many sessions that play at a steady rate, over a few raw connections: cheap enough to measure beside."""

import asyncio
import itertools
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Self
from urllib.parse import urlsplit

from tests.serving import TOKEN

_LENGTH = b"content-length:"
_SEQ = re.compile(rb'"seq":(\d+)')
_CODE = re.compile(rb'"code":"(\w+)"')
_QUANTITY = re.compile(rb'"quantity":(\d+)')
CONNECTIONS = 48


class Reply:
    """Status, and what was looked for in the body; times on the monotonic clock."""

    __slots__ = ("at", "code", "head", "quantity", "seq", "status", "took_s")

    def __init__(self, head: bytes, body: bytes, sent: float) -> None:
        self.head, self.status = head, int(head[9:12])
        self.seq = _number(_SEQ, body) if self.status == 200 else 0
        self.quantity = _number(_QUANTITY, body) if self.status == 200 else 0
        code = _CODE.search(body) if self.status != 200 else None
        self.code = code[1].decode() if code else ""
        self.at = time.monotonic()
        self.took_s = self.at - sent


def _number(pattern: re.Pattern[bytes], body: bytes) -> int:
    found = pattern.search(body)
    return int(found[1]) if found else 0


class _Wire(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._sent = 0.0
        self._waiting: asyncio.Future[Reply] | None = None
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    async def post(self, request: bytes) -> Reply:
        assert self._transport is not None
        if self._transport.is_closing():
            raise ConnectionResetError
        self._waiting = asyncio.get_running_loop().create_future()
        self._sent = time.monotonic()
        self._transport.write(request)
        return await self._waiting

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        at = head.lower().index(_LENGTH) + len(_LENGTH)
        if len(body) >= int(head[at:].partition(b"\r\n")[0]):
            self._received = b""
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result(Reply(head, body, self._sent))

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError())


class SessionLoad:
    """Grants gold by ones, ``per_s`` times a second in all, to one session after the other, at random."""

    def __init__(
        self,
        urls: Sequence[str],
        characters: Sequence[str],
        per_s: float,
        on_reply: Callable[[int, Reply], None],
    ) -> None:
        """``on_reply`` gets the number of the character, and the reply.

        At 0 ``per_s`` no call is made but those of ``once``.
        """
        self._urls, self._per_s, self.on_reply = urls, per_s, on_reply
        body = b'{"template_id":"gold_coin","quantity":1}'
        self._requests = [
            (
                f"POST /v1/characters/{char_id}/inventory/grant HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            ).encode()
            + body
            for char_id in characters
        ]
        self._queue: asyncio.Queue[int] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self.answers: Counter[str] = Counter()
        # Connections that broke with a call under way, whose outcome nobody knows.
        self.broken = 0

    async def __aenter__(self) -> Self:
        urls = itertools.cycle(self._urls)
        self._tasks = [asyncio.create_task(self._connection(next(urls))) for _ in range(CONNECTIONS)]
        if self._per_s:
            self._tasks.append(asyncio.create_task(self._dispatch()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def pause(self) -> None:
        """Begin no more calls, and wait for those under way."""
        self._tasks[-1].cancel()
        del self._tasks[-1]
        await self._all_answered()

    async def once(self, numbers: Iterable[int]) -> None:
        """One call for each of these sessions, as fast as the connections carry them."""
        for number in numbers:
            self._queue.put_nowait(number)
        await self._all_answered()

    async def _all_answered(self) -> None:
        answered = asyncio.create_task(self._queue.join())
        done, _ = await asyncio.wait({answered, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        # A connection's task ends only by an error.
        for task in done:
            task.result()

    async def _dispatch(self) -> None:
        """At the rate that was asked for, however late the loop is."""
        order = list(range(len(self._requests)))
        rng, begun, sent = random.Random(1), time.monotonic(), 0
        while True:
            rng.shuffle(order)
            for number in order:
                while sent > (time.monotonic() - begun) * self._per_s:
                    await asyncio.sleep(0.002)
                sent += 1
                self._queue.put_nowait(number)

    async def _connection(self, url: str) -> None:
        parts = urlsplit(url)
        wire: _Wire | None = None
        while True:
            number = await self._queue.get()
            try:
                if wire is None:
                    _, wire = await asyncio.get_running_loop().create_connection(
                        _Wire, parts.hostname, parts.port
                    )
                reply = await wire.post(self._requests[number])
                self.answers[f"{reply.status} {reply.code}".strip()] += 1
                self.on_reply(number, reply)
            except OSError:
                wire = None
                self.broken += 1
            finally:
                self._queue.task_done()
