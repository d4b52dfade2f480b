"""Redis in memory: the nodes of ``redis/*.lua`` with replies in Python's terms, restarts and failovers.

The function library runs in the same Lua runtime, so what is tried is the text that a server
would run. One runtime a process is enough: nodes share nothing but compiled code.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import lupa.luajit21
from redis.exceptions import ResponseError

from persistence.errors import Unavailable
from persistence.link.redis_link import Argument

EPOCH_US = 1_700_000_000_000_000


@cache
def runtime() -> Any:
    """The functions of ``redis/6_nodes.lua``; the files are parts of one chunk."""
    parts = sorted((Path(__file__).parent / "redis").glob("*.lua"))
    lua = lupa.luajit21.LuaRuntime(encoding=None)
    # Each schedule makes the library's functions anew, so what was compiled for those of the last one is of
    # no use to it, and compiling would take more than half of the time spent in Lua.
    lua.execute(b"jit.off()")
    return lua.execute(b"".join(part.read_bytes() for part in parts))


@lru_cache(10_000)
def encoded(text: str) -> bytes:
    """The text as it is sent; keys and names come again and again."""
    return text.encode()


class RedisModel:
    """One address at which a node answers; which node that is may change.

    ``clock_us`` is the node's time. While ``up`` is false nobody answers.
    """

    def __init__(self) -> None:
        self._lua = runtime()
        self._serve = self._lua.serve
        self._nodes = 0
        self.node: Any = self._begin(None)
        self.up = True
        self._offset_us = 0
        # What was reckoned by a clock that went wrong stays so when it is right again.
        self.has_jumped = False
        self.now_us = 0
        # What a replica has: as old as its last word from the primary.
        self.replica: Any = None

    @property
    def clock_us(self) -> int:
        """What TIME says."""
        return EPOCH_US + self._offset_us + self.now_us

    def serve(self, command: Sequence[Argument]) -> Any:
        """The reply to one command; errors come back as values, as ``RedisLink.send`` has them."""
        parts = [part if part.__class__ is bytes else encoded(str(part)) for part in command]
        at_us = EPOCH_US + self._offset_us + self.now_us
        kind, value, *values = self._serve(self.node, at_us, *parts)
        if kind == b"many":
            return values
        if kind == b"one":
            return value
        text = value.decode()
        if text.startswith("OOM "):
            return Unavailable(f"Redis: {text}")
        return ResponseError(text.removeprefix("ERR "))

    def execute(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """Commands in a row; MULTI and EXEC work where they stand first and last."""
        if commands[0][0] == "MULTI":
            replies = [self.serve(command) for command in commands[1:-1]]
            return [b"OK", *(b"QUEUED" for _ in replies), replies]
        return [self.serve(command) for command in commands]

    def copy(self) -> Any:
        """Data and libraries as they are now."""
        return self._lua.copy(self.node)

    def restart(self, state: Any = None) -> None:
        """A new run of the server: with ``state``, a copy, or with nothing at all."""
        self.node = self._begin(state)

    def fail_over(self, state: Any) -> None:
        """A replica that has ``state`` is promoted; the old primary resynchronises and is the replica."""
        old, name = self.node, self._name()
        if self.replica is None:
            self.replica = self._begin(state)
        else:
            self._lua.resync(self.replica, state)
        self.node, self.replica = self.replica, old
        self.node.replid = name

    def full(self, full: bool) -> None:
        """Whether memory is used up."""
        self.node.full = full

    def jump(self, us: int) -> None:
        """Set the clock forward, or back."""
        self._offset_us += us
        self.has_jumped = True

    def standing(self, keys: Any, member: str) -> tuple[Any, ...]:
        """Where a session stands; see ``redis/6_nodes.lua``."""
        return self._lua.standing(
            self.node,
            self.clock_us,
            encoded(keys.session),
            encoded(keys.journal),
            encoded(keys.due),
            encoded(member),
        )

    def content(self, keys: Any) -> bytes:
        """A text that is equal where actor and items of a session are."""
        return self._lua.content(self.node, keys.session.encode())

    def _begin(self, state: Any) -> Any:
        return self._lua.begin(self._name(), self._name(), state)

    def _name(self) -> bytes:
        self._nodes += 1
        return b"%08x" % self._nodes
