"""One stream of server-sent events (WHATWG HTML, 9.2), from its head to its end."""

import asyncio
import random
from typing import Final

from aiohttp import web

from gateway.http.identity import Identity
from gateway.http.responses import SERVER
from persistence.events.follower import Follower
from persistence.events.position import Event

HEADERS: Final = {
    "Content-Type": "text/event-stream",
    # An event that is kept and sent again would be a lie.
    "Cache-Control": "no-store",
    # nginx would gather events until it has a page of them.
    "X-Accel-Buffering": "no",
    "Server": SERVER,
}
# After a silence of this length a comment is sent, so that both sides and what is between them know.
HEARTBEAT_S: Final = 15.0
# A client that takes nothing for so long is taken for dead; it goes on from where it was when it is back.
SLOW_READER_S: Final = 30.0
# When clients that were cut off come back: not all at once.
RETRY_MIN_MS: Final = 1_000
RETRY_MAX_MS: Final = 3_000
_HEARTBEAT: Final = b":\n\n"


class EventStream:
    """A follower's events, written as they come; ``look_after`` is to be called about once a second."""

    def __init__(
        self, request: web.Request, follower: Follower, identity: Identity | None, *, lifetime_s: float
    ) -> None:
        """To be ended after ``lifetime_s``, or when ``identity`` does not hold any more."""
        self.response = web.StreamResponse(headers=HEADERS)
        self._request = request
        self._follower = follower
        self._identity = identity
        self._ended = False
        now = asyncio.get_running_loop().time()
        self._ends_at = now + lifetime_s
        self._wrote_at = now
        self._is_writing = False

    async def run(self) -> None:
        """Serve until either side ends it; raises ``ConnectionError``, ``CharacterNotFound``."""
        await self.response.prepare(self._request)
        retry_ms = random.randint(RETRY_MIN_MS, RETRY_MAX_MS)  # noqa: S311 - no secret
        await self._write(b"retry: %d\n\n" % retry_ms)
        while not self._ended:
            events = await self._follower.next()
            if self._ended or not self._is_let_in():
                return
            await self._write(b"".join(map(_framed, events)) or _HEARTBEAT)

    def end(self) -> None:
        """Write no more, and let ``run`` return."""
        self._ended = True
        self._follower.interrupt()

    def look_after(self, now: float) -> None:
        """End what has outlived its client or its right, and break a silence; ``now`` by the loop's clock."""
        transport = self._request.transport
        has_gone = transport is None or transport.is_closing()
        if has_gone or now >= self._ends_at or not self._is_let_in():
            self.end()
        elif self._is_writing and now - self._wrote_at >= SLOW_READER_S:
            assert transport is not None
            # What is unsent is not kept for somebody who does not read it.
            transport.abort()
            self.end()
        elif now - self._wrote_at >= HEARTBEAT_S:
            self._follower.interrupt()

    def _is_let_in(self) -> bool:
        return self._identity is None or self._identity.holds()

    async def _write(self, data: bytes) -> None:
        self._wrote_at = asyncio.get_running_loop().time()
        self._is_writing = True
        try:
            await self.response.write(data)
        finally:
            self._is_writing = False


def _framed(event: Event) -> bytes:
    """The event's lines; JSON has no line ends in it."""
    head = f"id: {event.position}\nevent: {event.name}\ndata: "
    return b"%b%b\n\n" % (head.encode(), event.data)
