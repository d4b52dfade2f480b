"""The server below the application: its connections, and what watches over them."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.http.connection_limits import ConnectionLimits
from gateway.routes import ROUTES
from gateway.serving.connection import Connection

# How long the rest of a body is read and thrown away that was answered before its end, so that
# the caller finds the answer and not a reset connection. A stop of the server waits for it.
LINGERING_S: Final = 2.0
# How often all connections are looked at, at least.
LOOK_INTERVAL_S: Final = 1.0
# While a stop waits for its callers to hear of it, how often it looks whether any are left; who was told
# to connect again is back before the second look.
_LEFT_INTERVAL_S: Final = 0.05
# Who has connected just before the port was closed gets this long to ask something.
_FIRST_REQUEST_S: Final = 0.5

_HANDLING: Final = RequestHandler._handle_request.__code__

_log = logging.getLogger("haversack.gateway")


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
    limits: ConnectionLimits
    leaving = False

    def __call__(self) -> RequestHandler:
        loop = cast(asyncio.AbstractEventLoop, _Loop(self._loop))
        connection = Connection(self, self.limits, loop=loop, **self._kwargs)
        if self.leaving:
            connection.leave()
        return connection

    def leave(self) -> None:
        """End each connection with its next answer, those that are still to come as well."""
        self.leaving = True
        for connection in self.connections:
            cast(Connection, connection).leave()

    def has_callers(self) -> bool:
        """Whether there are connections that an answer can end."""
        return any(not cast(Connection, connection).is_stream for connection in self.connections)

    def has_new_callers(self) -> bool:
        """Whether anybody has connected just now, whose first request is on its way."""
        since = self._loop.time() - _FIRST_REQUEST_S
        return any(cast(Connection, connection).is_new(since) for connection in self.connections)

    def look(self) -> None:
        now = self._loop.time()
        for connection in self.connections:
            cast(Connection, connection).look(now)


class GatewayRunner(web.AppRunner):
    """Runs the application."""

    def __init__(
        self,
        app: web.Application,
        *,
        access_log: logging.Logger | None = None,
        shutdown_timeout: float = 60.0,
        limits: ConnectionLimits | None = None,
        grace_s: float = 0.0,
    ) -> None:
        """No request is logged unless there is an ``access_log``: a line a request is dear.

        ``shutdown_timeout``: seconds that ``cleanup`` gives running requests to end. ``grace_s``: seconds
        that it goes on to take requests before that, to tell callers to connect elsewhere.
        """
        self._limits = limits or ConnectionLimits()
        self._grace_s = grace_s
        self._looking: asyncio.Task[None] | None = None
        super().__init__(
            app,
            access_log=access_log,
            shutdown_timeout=shutdown_timeout,
            lingering_time=LINGERING_S,
            keepalive_timeout=self._limits.keepalive_s,
            # Unpacking would come before the gate: 200 KB from anybody could keep the loop busy for a second.
            auto_decompress=False,
        )

    async def cleanup(self) -> None:
        """Stop: tell callers, finish running requests, then close all connections."""
        if self._grace_s and isinstance(server := self.server, _Server):
            await self._take_leave(server)
        await super().cleanup()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _take_leave(self, server: _Server) -> None:
        """Answer with ``Connection: close`` for a while, or until nobody is left.

        A request may be on its way on any connection that stays open. Where it is closed at once, the
        caller cannot tell whether the request was carried out.
        """
        server.leave()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._grace_s
        seen = server.has_callers()
        while (left_s := end - loop.time()) > 0 and (seen or server.has_callers()):
            seen = server.has_callers()
            await asyncio.sleep(min(_LEFT_INTERVAL_S, left_s))
        for site in self.sites:
            await site.stop()
        for _ in range(round(_FIRST_REQUEST_S / _LEFT_INTERVAL_S)):
            if not server.has_new_callers():
                break
            await asyncio.sleep(_LEFT_INTERVAL_S)

    async def _make_server(self) -> web.Server:
        # aiohttp gives no way to name the protocol's class.
        server = await super()._make_server()
        server.__class__ = _Server
        assert isinstance(server, _Server)
        server.limits = self._limits
        if (routes := self.app.get(ROUTES)) is not None:
            # Requests here are those of an application, which know what matched.
            server.request_handler = cast(Any, routes.handler(cast(Any, server.request_handler)))
        self._looking = asyncio.get_running_loop().create_task(self._look(server))
        return server

    async def _look(self, server: _Server) -> None:
        """One task looks at all of them: a timer for each request would cost more than its head does."""
        interval_s = min(LOOK_INTERVAL_S, self._limits.request_timeout_s / 4)
        while True:
            await asyncio.sleep(interval_s)
            try:
                server.look()
            except Exception:
                # Whatever it was, the other connections are still to be looked at.
                _log.exception("looking at the connections failed")
