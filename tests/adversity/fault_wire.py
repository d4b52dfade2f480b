"""One connection through a fault proxy, and the faults that all of a proxy's connections obey."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

Direction = Literal["up", "down"]
Action = Literal["cut_before", "cut_after", "stall_before", "stall_after"]
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_CHUNK = 1 << 16


@dataclass
class Trap:
    """A fault that waits for a request with these bytes."""

    needle: bytes
    action: Action
    times: int


class LineFaults:
    """What is wrong with the lines now; ``hits`` counts the faults that met a message."""

    def __init__(self, seed: int) -> None:
        self.hits = 0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.traps: list[Trap] = []
        # How many bytes may still pass in a direction, before a connection is cut amid them.
        self.budgets: dict[Direction, int] = {}
        self.delay_s, self.jitter_s = 0.0, 0.0
        self.bytes_per_s: float | None = None
        self._rng = random.Random(seed)

    def trapped(self, data: bytes, *actions: Action) -> Action | None:
        for trap in self.traps:
            if trap.action in actions and trap.needle in data:
                trap.times -= 1
                if trap.times == 0:
                    self.traps.remove(trap)
                return trap.action
        return None

    async def late(self, size: int) -> None:
        """As long as a piece of that size takes."""
        seconds = self.delay_s + self.jitter_s * self._rng.random()
        if self.bytes_per_s:
            seconds += size / self.bytes_per_s
        if seconds:
            await asyncio.sleep(seconds)
        await self.flowing.wait()

    def allowed(self, direction: Direction, data: bytes) -> bytes:
        """As much of it as may still pass."""
        if direction not in self.budgets:
            return data
        left = self.budgets[direction] - len(data)
        if left >= 0:
            self.budgets[direction] = left
            return data
        del self.budgets[direction]
        self.hits += 1
        return data[:left]


class Wire:
    """Passes on what a client and a server say to each other."""

    def __init__(self, faults: LineFaults, client: Stream, server: Stream) -> None:
        self._faults, self._client, self._server = faults, client, server
        self._on_reply: Action | None = None

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._up())
                group.create_task(self._down())
        except* OSError:
            pass
        finally:
            self.cut()

    def cut(self) -> None:
        for _, writer in (self._client, self._server):
            writer.transport.abort()

    async def _up(self) -> None:
        faults, reader, writer = self._faults, self._client[0], self._server[1]
        while data := await reader.read(_CHUNK):
            if action := faults.trapped(data, "cut_before", "stall_before"):
                faults.hits += 1
                if action == "cut_before":
                    raise ConnectionAbortedError
                faults.flowing.clear()
            if action := faults.trapped(data, "cut_after", "stall_after"):
                self._on_reply = action
            await self._pass("up", data, writer)
        with suppress(OSError):
            writer.write_eof()

    async def _down(self) -> None:
        faults, reader, writer = self._faults, self._server[0], self._client[1]
        while data := await reader.read(_CHUNK):
            action, self._on_reply = self._on_reply, None
            if action is not None:
                faults.hits += 1
                if action == "cut_after":
                    raise ConnectionAbortedError
                faults.flowing.clear()
            await self._pass("down", data, writer)
        raise ConnectionAbortedError

    async def _pass(self, direction: Direction, data: bytes, writer: asyncio.StreamWriter) -> None:
        await self._faults.late(len(data))
        allowed = self._faults.allowed(direction, data)
        writer.write(allowed)
        await writer.drain()
        if len(allowed) < len(data):
            # Closed and not aborted, so that the part which was passed on does arrive.
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            raise ConnectionAbortedError
