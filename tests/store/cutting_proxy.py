"""A proxy in front of PostgreSQL that can be cut at a chosen statement, before it or after it."""

import asyncio
from contextlib import suppress
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit


def with_database(url: str, name: str) -> str:
    """The URL with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def with_setting(url: str, name: str, value: str) -> str:
    """The URL with a setting for its connections."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), (name, value)])))


class CuttingProxy:
    """Passes bytes on until it is told to cut.

    ``cut_before``: a connection over which these bytes are sent is dropped, and they with it.
    ``cut_after``: they are passed on, and the connection is dropped when the answer has come.
    """

    def __init__(self, url: str) -> None:
        self._upstream = url
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.cut_before: bytes | None = None
        self.cut_after: bytes | None = None
        self.statements: list[bytes] = []
        self.url = ""
        self.port = 0

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = port = self._server.sockets[0].getsockname()[1]
        parts = urlsplit(self._upstream)
        user, _, _ = parts.netloc.rpartition("@")
        settings = [(name, value) for name, value in parse_qsl(parts.query) if name not in ("host", "port")]
        self.url = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{port}", query=urlencode(settings)))

    async def close(self) -> None:
        """Refuse connections, and drop those there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self._upstream)
        query = parse_qs(parts.query)
        if "host" in query and query["host"][0].startswith("/"):
            port = parts.port or int(query.get("port", ["5432"])[0])
            return await asyncio.open_unix_connection(f"{query['host'][0]}/.s.PGSQL.{port}")
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            up_reader, up_writer = await self._open()
            self._writers |= {writer, up_writer}
            cut = asyncio.Event()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._up(reader, up_writer, writer, cut))
                    group.create_task(self._down(up_reader, writer, up_writer, cut))
            except* OSError:
                pass
            finally:
                self._writers -= {writer, up_writer}

    async def _up(
        self,
        reader: asyncio.StreamReader,
        up: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        cut: asyncio.Event,
    ) -> None:
        while data := await reader.read(1 << 16):
            self.statements.append(data)
            if self.cut_before is not None and self.cut_before in data:
                back.transport.abort()
                break
            if self.cut_after is not None and self.cut_after in data:
                cut.set()
            up.write(data)
            await up.drain()
        up.close()

    async def _down(
        self,
        reader: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        up: asyncio.StreamWriter,
        cut: asyncio.Event,
    ) -> None:
        while data := await reader.read(1 << 16):
            if cut.is_set():
                back.transport.abort()
                up.transport.abort()
                return
            back.write(data)
            await back.drain()
        back.close()
