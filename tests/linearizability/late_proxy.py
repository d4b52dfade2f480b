"""A proxy in front of Redis that loses requests, loses replies, and delivers requests late."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LATE_MAX_S = 0.03
# What a lost reply leaves its caller in doubt about.
_CALLS = (b"session_execute", b"session_commit")


class LateProxy:
    """Passes bytes on; ``share`` of the requests meet a fate, and ``calls_share`` of those that are calls."""

    def __init__(self, upstream_url: str, path: Path, seed: int) -> None:
        self._upstream = unquote(urlsplit(upstream_url).path)
        self._path = path
        self._rng = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = f"unix://{path}"
        self.share = self.calls_share = 0.0
        self.fates = {"request lost": 0, "reply lost": 0, "request late": 0}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._serve, self._path)
        try:
            yield
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(self._upstream)
        cut = asyncio.Event()
        self._spawn(self._down(up_reader, writer, up_writer, cut))
        self._spawn(self._up(reader, writer, up_writer, cut))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _up(
        self,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        up: asyncio.StreamWriter,
        cut: asyncio.Event,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                is_call = any(word in data for word in _CALLS)
                if self._rng.random() >= (self.calls_share if is_call else self.share):
                    up.write(data)
                    continue
                # None of them by chance much rarer than the others.
                fate = min(self.fates, key=lambda fate: (self.fates[fate], self._rng.random()))
                self.fates[fate] += 1
                cut.set()
                if fate != "reply lost":
                    client.transport.abort()
                if fate == "request lost":
                    break
                if fate == "request late":
                    await asyncio.sleep(self._rng.random() * LATE_MAX_S)
                # The other direction ends both connections when the reply has come.
                up.write(data)
                return
        up.close()

    async def _down(
        self,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        up: asyncio.StreamWriter,
        cut: asyncio.Event,
    ) -> None:
        with suppress(OSError):
            while (data := await reader.read(1 << 16)) and not cut.is_set():
                client.write(data)
        client.transport.abort()
        up.close()
