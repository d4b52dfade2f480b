"""The server below the application: what is not HTTP is answered with a problem too."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, cast

from aiohttp import HttpVersion11, web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from gateway.problems import Problem, invalid
from gateway.responses import JsonReply
from gateway.routes import ROUTES

# How long the rest of a body is read and thrown away that was answered before its end, so that
# the caller finds the answer and not a reset connection. A stop of the server waits for it.
LINGERING_S: Final = 2.0

# A longer reply waits until the caller has read of it, and is not written in one piece.
_PIECE_MAX: Final = 32 * 1024
_HANDLING: Final = RequestHandler._handle_request.__code__

_log = logging.getLogger("haversack.gateway")


class _Protocol(RequestHandler):
    """aiohttp's, but for the answers that it gives before or beside an application."""

    __slots__ = ()

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
            and resp.size <= _PIECE_MAX
            and transport is not None
            and not transport.is_closing()
        ):
            transport.write(resp.message())
            return resp, False
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
            problem = invalid("$", "this is not HTTP, or its line or headers are too long")
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


class _Loop:
    """The event loop as the protocol sees it: a request is handled in its connection's task.

    Before Python 3.12 a task of its own for each, which is all that aiohttp offers, costs two turns of
    the loop more, and gives nothing but a copy of the context variables, which nobody sets here.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.time = loop.time
        self.call_at = loop.call_at
        self.create_future = loop.create_future

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        if getattr(coroutine, "cr_code", None) is _HANDLING:
            return coroutine
        return self._loop.create_task(coroutine)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loop, name)


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Protocol(self, loop=cast(asyncio.AbstractEventLoop, _Loop(self._loop)), **self._kwargs)


class GatewayRunner(web.AppRunner):
    """Runs the application."""

    def __init__(
        self,
        app: web.Application,
        *,
        access_log: logging.Logger | None = None,
        shutdown_timeout: float = 60.0,
    ) -> None:
        """No request is logged unless there is an ``access_log``: a line a request is dear.

        ``shutdown_timeout``: seconds that ``cleanup`` gives running requests to end.
        """
        super().__init__(
            app, access_log=access_log, shutdown_timeout=shutdown_timeout, lingering_time=LINGERING_S
        )

    async def _make_server(self) -> web.Server:
        # aiohttp gives no way to name the protocol's class; the subclasses add no state.
        server = await super()._make_server()
        server.__class__ = _Server
        if (routes := self.app.get(ROUTES)) is not None:
            # Requests here are those of an application, which know what matched.
            server.request_handler = cast(Any, routes.handler(cast(Any, server.request_handler)))
        return server
