"""One address before several gateways: each new connection goes to the next of those that take part."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


@dataclass
class Backend:
    """A gateway behind the address; ``connections`` of clients that it has now."""

    name: str
    url: str
    connections: int = 0


@dataclass
class Balancer:
    """Carries bytes and understands none. ``of``: which backend has the connection from a client's port."""

    backends: list[Backend] = field(default_factory=list)
    of: dict[int, str] = field(default_factory=dict)
    turn: int = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def take_out(self, backend: Backend) -> None:
        """No new connections for it; those that it has are waited for."""
        self.backends.remove(backend)
        async with asyncio.timeout(30):
            while backend.connections:
                await asyncio.sleep(0.01)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backend = self.backends[self.turn % len(self.backends)]
        self.turn += 1
        backend.connections += 1
        self.of[writer.get_extra_info("peername")[1]] = backend.name
        try:
            parts = urlsplit(backend.url)
            there, back = await asyncio.open_connection(parts.hostname, parts.port)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        except asyncio.CancelledError:
            writer.close()
        finally:
            backend.connections -= 1


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    # The other direction ends with this one: a client that has gone wants no answer, and a gateway that
    # has hung up gives none.
    writer.close()
