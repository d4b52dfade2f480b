"""Where the gateway listens."""

import asyncio
import os
import socket
from ssl import SSLContext
from typing import Final, cast

from aiohttp import web

from gateway.serving.listening import BACKLOG

# Who is still to agree on a cipher when the port is closed gets this long.
_LAST_HANDSHAKE_S: Final = 1.0


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

    async def stop(self) -> None:
        """Listen no more, and take those who are connected already and wait for it.

        The kernel would reset them, and they could not tell whether their first request was carried out.
        """
        server, loop = self._runner.server, asyncio.get_running_loop()
        if server is None or self._server is None:
            # It could not begin to listen.
            await super().stop()
            return
        ports = cast(asyncio.Server, self._server).sockets
        listening = [socket.socket(fileno=os.dup(one.fileno())) for one in ports]
        await super().stop()
        waiting = [one for port in listening for one in _rest_of(port)]
        await asyncio.gather(
            *(
                loop.connect_accepted_socket(
                    server,
                    one,
                    ssl=self._ssl_context,
                    ssl_handshake_timeout=None if self._ssl_context is None else _LAST_HANDSHAKE_S,
                )
                for one in waiting
            ),
            # A handshake that fails is its caller's matter.
            return_exceptions=True,
        )


def _rest_of(port: socket.socket) -> list[socket.socket]:
    """Those who wait at a port, which is closed right after the last of them."""
    taken = []
    with port:
        port.setblocking(False)
        while True:
            try:
                taken.append(port.accept()[0])
            except OSError:
                return taken
