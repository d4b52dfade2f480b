"""Watches what a process sends to Redis and PostgreSQL, below everything that the product does itself.

Each command and each named statement is a point with three moments: before it is sent, sent but not
answered, and answered.
"""

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextvars import ContextVar
from typing import Any

import asyncpg

from persistence.link.redis_link import RedisLink
from persistence.link.redis_wire import Exchange, Wire
from persistence.postgres.named_sql import queries
from tests.crash_points.moments import reached
from tests.crash_points.points import redis_point

# The statement under way, and its point.
_statement: ContextVar[tuple[str, str]] = ContextVar("_statement", default=("", ""))


def watch() -> None:
    """From now on, in this process."""
    _watch_redis()
    _watch_postgresql()


def _watch_redis() -> None:
    ask, write = RedisLink._ask, Wire.write

    def _ask(self: RedisLink, packed: bytes, count: int, *, harmless: bool) -> asyncio.Future[Any]:
        future = ask(self, packed, count, harmless=harmless)

        def answered(done: asyncio.Future[Any]) -> None:
            if not done.cancelled() and done.exception() is None:
                for point in _points(packed):
                    reached(point, "after")

        # The first callback of all: the caller is woken up by a later one.
        future.add_done_callback(answered)
        return future

    def _write(self: Wire, exchanges: Sequence[Exchange], now: float) -> None:
        points = [point for exchange in exchanges for point in _points(exchange.packed)]
        for point in dict.fromkeys(points):
            reached(point, "before")
        write(self, exchanges, now)
        for point in dict.fromkeys(points):
            reached(point, "sent")

    RedisLink._ask = _ask  # type: ignore[method-assign]
    Wire.write = _write  # type: ignore[method-assign]


def _points(packed: bytes) -> list[str]:
    return list(dict.fromkeys(_redis_point(words) for words in _unpacked(packed)))


def _redis_point(words: list[bytes]) -> str:
    texts = [word.decode() for word in words[:2]]
    # A function's name ends in the library's stamp.
    return f"redis: {texts[1].rpartition('_')[0]}" if texts[0] == "FCALL" else redis_point(texts)


def _unpacked(packed: bytes) -> list[list[bytes]]:
    """The commands in what is sent, each an array of bulk strings; only their first words."""
    commands, at = [], 0
    while at < len(packed):
        end = packed.index(b"\r\n", at)
        count, at = int(packed[at + 1 : end]), end + 2
        words: list[bytes] = []
        for _ in range(count):
            end = packed.index(b"\r\n", at)
            length = int(packed[at + 1 : end])
            words.append(packed[end + 2 : end + 2 + length] if len(words) < 2 else b"")
            at = end + 2 + length + 2
        commands.append(words)
    return commands


def _watch_postgresql() -> None:
    names = {text: name for name, text in queries().items()}
    first: dict[int, str] = {}

    def point_of(connection: asyncpg.Connection, text: str) -> str:
        if text == "BEGIN":
            first.pop(id(connection), None)
        if text == "COMMIT":
            return f"sql: COMMIT of {first.get(id(connection), 'nothing')}"
        if text in names:
            first.setdefault(id(connection), names[text])
        name = names.get(text, text if text in ("BEGIN", "ROLLBACK") else "")
        return f"sql: {name}" if name else ""

    def watched(real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def method(self: asyncpg.Connection, query: str, *args: Any, **kwargs: Any) -> Any:
            point = point_of(self, query)
            if not point:
                return await real(self, query, *args, **kwargs)
            reached(point, "before")
            _statement.set((query, point))
            running = real(self, query, *args, **kwargs)
            # Without arguments it is sent as text, at once; with some, it is prepared first.
            result = await (running if args or real is not execute else _sent(point, running))
            _statement.set(("", ""))
            reached(point, "after")
            return result

        return method

    execute = asyncpg.Connection.execute
    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        setattr(asyncpg.Connection, name, watched(getattr(asyncpg.Connection, name)))

    do_execute = asyncpg.Connection._do_execute

    async def _do_execute(
        self: asyncpg.Connection, query: str, executor: Any, *args: Any, **kwargs: Any
    ) -> Any:
        text, point = _statement.get()

        def watched_executor(statement: Any, timeout: Any) -> Awaitable[Any]:
            return _sent(point, executor(statement, timeout))

        return await do_execute(self, query, watched_executor if text == query else executor, *args, **kwargs)

    asyncpg.Connection._do_execute = _do_execute


@types.coroutine
def _sent(point: str, running: Awaitable[Any]) -> Generator[Any, Any, Any]:
    """Run it, and report the moment when it first waits: that is when its message is with the kernel."""
    steps = running.__await__()
    try:
        waits = next(steps)
        reached(point, "sent")
        while True:
            try:
                value = yield waits
            except BaseException as error:
                waits = steps.throw(error)
            else:
                waits = steps.send(value)
    except StopIteration as end:
        return end.value
