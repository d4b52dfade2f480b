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

    def __call__(self) -> RequestHandler:
        loop = cast(asyncio.AbstractEventLoop, _Loop(self._loop))
        return Connection(self, self.limits, loop=loop, **self._kwargs)

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
    ) -> None:
        """No request is logged unless there is an ``access_log``: a line a request is dear.

        ``shutdown_timeout``: seconds that ``cleanup`` gives running requests to end.
        """
        self._limits = limits or ConnectionLimits()
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
        """Stop: finish running requests, then close all connections."""
        await super().cleanup()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

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
