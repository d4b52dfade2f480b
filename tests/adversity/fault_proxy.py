"""A TCP proxy that fails on request, in front of Redis, PostgreSQL or a gateway.

It has a thread and an event loop of its own, so that neither the product's loop nor a test that blocks
changes what it does. Every method may be called from any thread.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.adversity.fault_wire import Action, Direction, LineFaults, Trap, Wire

Address = str | tuple[str, int]
_T = TypeVar("_T")


def address_of(url: str) -> Address:
    """Where a Redis, PostgreSQL or HTTP URL leads: the path of a socket, or host and port."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return unquote(parts.path)
    query = parse_qs(parts.query)
    if query.get("host", [""])[0].startswith("/"):
        return f"{query['host'][0]}/.s.PGSQL.{query.get('port', ['5432'])[0]}"
    assert parts.hostname is not None and parts.port is not None, url
    return parts.hostname, parts.port


class FaultProxy:
    """Passes bytes on, as far as it is let."""

    def __init__(self, url: str, *, seed: int = 0) -> None:
        """Begin at once, on a free port, towards the server of ``url``; ``seed`` is that of the jitter."""
        self._target = address_of(url)
        self.port = 0
        # Connections that clients have made, whatever became of them.
        self.accepted = 0
        self._wires: set[Wire] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._thread.start()
        self._faults = self._run(lambda: LineFaults(seed))
        self.accept()

    @property
    def hits(self) -> int:
        """How many faults that were set for a message have met one."""
        return self._faults.hits

    def redis_url(self) -> str:
        """The URL of the Redis behind the proxy."""
        return f"redis://127.0.0.1:{self.port}/0"

    def database_url(self, direct: str) -> str:
        """The URL of the same database by way of the proxy."""
        parts = urlsplit(direct)
        user = parts.netloc.rpartition("@")[0]
        return f"postgresql://{user}@127.0.0.1:{self.port}{parts.path}"

    def lead_to(self, url: str) -> None:
        """New connections go to another server: the same one, where it listens since its restart."""
        self._target = address_of(url)

    def accept(self) -> None:
        """Take connections, on the same port as before."""
        if self._server is None:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def refuse(self) -> None:
        """Refuse connections, and cut those there are."""
        self._run(self._stop_listening)
        self.cut()

    def cut(self) -> None:
        """Cut all connections now."""
        self._run(self._cut)

    def stall(self) -> None:
        """Pass nothing on any more, in either direction, and cut nothing: a black hole."""
        self._run(self._faults.flowing.clear)

    def flow(self) -> None:
        """Pass on what was stalled, and all that follows."""
        self._run(self._faults.flowing.set)

    def slow_down(
        self, *, delay_s: float = 0.0, jitter_s: float = 0.0, bytes_per_s: float | None = None
    ) -> None:
        """From now on each piece is late by ``delay_s`` and up to ``jitter_s`` more, and by its size."""
        faults = self._faults
        faults.delay_s, faults.jitter_s, faults.bytes_per_s = delay_s, jitter_s, bytes_per_s

    def cut_before(self, needle: bytes, times: int = 1) -> None:
        """The next request with these bytes is not passed on; its connection is cut."""
        self._set(needle, "cut_before", times)

    def cut_after(self, needle: bytes, times: int = 1) -> None:
        """It is passed on, and its connection is cut when the reply has come to the proxy."""
        self._set(needle, "cut_after", times)

    def stall_before(self, needle: bytes) -> None:
        """At the next request with these bytes, all is stalled before it is passed on."""
        self._set(needle, "stall_before", 1)

    def stall_after(self, needle: bytes) -> None:
        """It is passed on, and all is stalled when the reply has come to the proxy."""
        self._set(needle, "stall_after", 1)

    def cut_within(self, direction: Direction, after_bytes: int) -> None:
        """Pass so many bytes more in a direction, then cut the connection, amid whatever it was."""
        self._run(lambda: self._faults.budgets.update({direction: after_bytes}))

    def heal(self) -> None:
        """No faults from now on."""
        self._run(self._faults.traps.clear)
        self._run(self._faults.budgets.clear)
        self.slow_down()
        self.flow()
        self.accept()

    def close(self) -> None:
        """Cut everything and end the thread."""
        self.flow()
        self.refuse()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _set(self, needle: bytes, action: Action, times: int) -> None:
        self._run(lambda: self._faults.traps.append(Trap(needle, action, times)))

    def _run(self, act: Callable[[], _T]) -> _T:
        """Do it in the proxy's loop, between two steps of its connections."""

        async def run() -> _T:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _cut(self) -> None:
        for wire in list(self._wires):
            wire.cut()

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if tasks := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            await asyncio.wait(tasks, timeout=5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        await self._faults.flowing.wait()
        try:
            if isinstance(self._target, str):
                upstream = await asyncio.open_unix_connection(self._target)
            else:
                upstream = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        wire = Wire(self._faults, (reader, writer), upstream)
        self._wires.add(wire)
        try:
            await wire.run()
        finally:
            self._wires.discard(wire)
