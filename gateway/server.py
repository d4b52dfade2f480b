"""The server below the application: what is not HTTP is answered with a problem too."""

import logging
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from gateway.problems import Problem, invalid

# How long the rest of a body is read and thrown away that was answered before its end, so that
# the caller finds the answer and not a reset connection. A stop of the server waits for it.
LINGERING_S: Final = 2.0

_log = logging.getLogger("haversack.gateway")


class _Protocol(RequestHandler):
    """aiohttp's, but for the answers that it gives before or beside an application."""

    __slots__ = ()

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


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


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
        return server
