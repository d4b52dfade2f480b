"""A connection: aiohttp's, but for its bounds and for what it says before or beside an application."""

import asyncio
import logging
from typing import Any, Final, cast

from aiohttp import HttpVersion11, web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from gateway.http.connection_limits import BodyTimedOut, ConnectionLimits
from gateway.http.problems import RETRY_AFTER, Problem, invalid
from gateway.http.responses import SERVER, JsonReply

# A body may take this much longer than others for every so many bytes that have come: who sends a
# large one steadily is in time, who sends a byte now and then is not.
BODY_BYTES_S_MIN: Final = 16 * 1024
# A longer reply waits until the caller has read of it, and is not written in one piece.
_PIECE_MAX: Final = 32 * 1024
_NONE: Final = -1

_log = logging.getLogger("haversack.gateway")


class Connection(RequestHandler):
    """One caller. ``look`` is to be called about every second."""

    __slots__ = (
        "_body_of",
        "_body_since",
        "_head",
        "_head_since",
        "_leaving",
        "_limits",
        "_made",
        "_piece_max",
        "_stuck_since",
    )

    def __init__(
        self,
        manager: web.Server,
        limits: ConnectionLimits,
        **options: Any,  # noqa: ANN401 - those of aiohttp
    ) -> None:
        """A connection of ``manager``, before it is made."""
        super().__init__(manager, **options)
        self._limits = limits
        self._made = 0.0
        # How many requests had come when the first part of another's head did, and when that was.
        self._head = _NONE
        self._head_since = 0.0
        self._body_of: BaseRequest | None = None
        self._body_since = 0.0
        self._stuck_since: float | None = None
        self._leaving = False
        self._piece_max = _PIECE_MAX

    @property
    def is_stream(self) -> bool:
        """Whether it has left HTTP, and its end is not told by a header."""
        return self._upgraded

    def is_new(self, since: float) -> bool:
        """Whether it was made after ``since``, by the loop's time, and nothing was asked over it yet."""
        return self._request_count == 0 and self._made > since and self.transport is not None

    def leave(self) -> None:
        """From now on, answer with ``Connection: close`` and end with that: the service stops."""
        self._leaving = True
        # Nothing is written in one piece any more, for such a piece says that the connection stays.
        self._piece_max = _NONE

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or tell the caller that there are too many."""
        assert self._manager is not None
        if len(self._manager._connections) >= self._limits.connections_max:
            self._force_close = True
            cast(asyncio.Transport, transport).write(_TOO_MANY)
            transport.close()
            return
        self._made = self._loop.time()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and notice when a request has begun that is not whole yet."""
        super().data_received(data)
        # Nothing has woken what waits for a request: these bytes were not the end of a head.
        waiter = self._waiter
        if waiter is not None and self._head != self._request_count and not waiter.done():
            self._head = self._request_count
            self._head_since = self._loop.time()

    async def start(self) -> None:
        """Answer requests one after the other; whatever else happens, the connection ends with this."""
        try:
            await super().start()
        except Exception:
            # A CONNECT to nowhere passes aiohttp's parser, and no request can be made of it: aiohttp would
            # leave the connection open for ever.
            _log.debug("not HTTP", exc_info=True)
            if self.transport is not None:
                self.transport.write(_NOT_HTTP)
            self.force_close()

    def pause_writing(self) -> None:
        """Read nothing more of a caller that does not read; a stream sees to that by itself."""
        super().pause_writing()
        if not self._upgraded:
            self._pause_transport_reading()

    def resume_writing(self) -> None:
        """The caller has read what waited for it."""
        self._stuck_since = None
        super().resume_writing()
        if not self._reading_paused and not self._buffer_paused:
            self._resume_transport_reading()

    def _resume_transport_reading(self) -> None:
        if not self._paused or self._upgraded:
            super()._resume_transport_reading()

    def look(self, now: float) -> None:
        """End what takes too long: a head, a body, a reply that is not read. ``now`` is the loop's time."""
        if self._upgraded or self.transport is None:
            return
        limit_s = self._limits.request_timeout_s
        if self._paused:
            if self._stuck_since is None:
                self._stuck_since = now
            elif now - self._stuck_since > limit_s:
                self.transport.abort()
            return
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            if self._head == self._request_count:
                if now - self._head_since > limit_s:
                    self.transport.write(_TIMED_OUT)
                    self.force_close()
            elif self._request_count == 0 and now - self._made > limit_s:
                self.force_close()
        self._look_at_body(now, limit_s)

    def _look_at_body(self, now: float, limit_s: float) -> None:
        request = self._current_request
        if request is None or request.content.is_eof():
            self._body_of = None
        elif self._body_of is not request or self._reading_paused:
            # Where the handler has not taken what came, it is not the caller who is slow.
            self._body_of = request
            self._body_since = now
        elif now - self._body_since > limit_s + request.content.total_bytes / BODY_BYTES_S_MIN:
            request.content.set_exception(BodyTimedOut("the body did not come in time"))

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write a plain reply in one piece where nothing speaks against it; else as ever."""
        transport = self.transport
        if (
            resp.__class__ is JsonReply
            and resp.is_plain
            and request.version == HttpVersion11
            and request.keep_alive
            and request.method != "HEAD"
            and not self._upgraded
            and not self._logging_enabled
            and resp.size <= self._piece_max
            and transport is not None
            and not transport.is_closing()
        ):
            transport.write(resp.message())
            return resp, False
        # What was sent behind this request, without waiting for its answer, is answered too.
        if self._leaving and not self._messages:
            resp.force_close()
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """400 for what cannot be parsed; 500 for an error that passed the middleware."""
        if isinstance(exc, ConnectionError) and request.transport is None:
            # The caller hung up. aiohttp takes this error for just that, and logs nothing.
            raise exc
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the reply was sent already")
        if status < 500:
            # Anybody can send rubbish as often as they like, so it leaves no line in the log.
            _log.debug("not HTTP: %s", message)
            problem = _not_http()
        else:
            _log.error("a reply failed", exc_info=exc)
            problem = Problem("INTERNAL")
        response = problem.response()
        response.force_close()
        return response

    def log_exception(self, *args: object, **kwargs: object) -> None:
        """Leave out of the log what a caller's broken body does to the reading of its rest."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)


def _not_http() -> Problem:
    """The problem that rubbish is answered with."""
    return invalid("$", "this is not HTTP, or its line or headers are too long")


def _last_words(problem: Problem) -> bytes:
    """The whole reply, for a caller that is told without having been understood."""
    response, body = problem.response(), problem.document()
    head = f"HTTP/1.1 {response.status} {response.reason}\r\nServer: {SERVER}\r\nConnection: close\r\n"
    headers = {**(problem.headers or {}), "Content-Type": "application/problem+json"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


_NOT_HTTP: Final = _last_words(_not_http())
_TIMED_OUT: Final = _last_words(Problem("REQUEST_TIMEOUT"))
_TOO_MANY: Final = _last_words(
    Problem("UNAVAILABLE", "There are too many connections: nothing was done.", headers=RETRY_AFTER)
)
