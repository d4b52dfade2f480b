"""Where the gateway listens."""

import asyncio
import socket
from ssl import SSLContext

from aiohttp import web

from gateway.serving.listening import BACKLOG


class GatewaySite(web.BaseSite):
    """A host and port, or a socket that is bound already, with TLS or without."""

    def __init__(
        self,
        runner: web.BaseRunner,
        at: socket.socket | tuple[str, int],
        *,
        ssl_context: SSLContext | None,
        handshake_timeout_s: float,
    ) -> None:
        """``handshake_timeout_s``: how long a caller may take to agree on a cipher."""
        super().__init__(runner, ssl_context=ssl_context, backlog=BACKLOG)
        self._at = at
        self._handshake_timeout_s = None if ssl_context is None else handshake_timeout_s

    @property
    def name(self) -> str:
        """What aiohttp calls it."""
        return str(self._at)

    async def start(self) -> None:
        """Listen. Raises ``OSError`` where the port is taken, or the host is not this machine's."""
        await super().start()
        server, loop = self._runner.server, asyncio.get_running_loop()
        assert server is not None
        if isinstance(self._at, socket.socket):
            self._server = await loop.create_server(
                server,
                sock=self._at,
                backlog=self._backlog,
                ssl=self._ssl_context,
                ssl_handshake_timeout=self._handshake_timeout_s,
            )
        else:
            self._server = await loop.create_server(
                server,
                *self._at,
                backlog=self._backlog,
                ssl=self._ssl_context,
                ssl_handshake_timeout=self._handshake_timeout_s,
            )
