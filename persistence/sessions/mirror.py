"""The function library on a server: loading it, and calling its functions."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from redis.exceptions import ResponseError

from lua.library import Library
from persistence.errors import Unavailable
from persistence.keys import SessionKeys
from persistence.link.redis_link import Argument, RedisLink

_log = logging.getLogger(__name__)


class Mirror:
    """Calls functions of one library over one link; a library that has gone is loaded again."""

    def __init__(self, link: RedisLink, library: Library) -> None:
        """Nothing is loaded before ``load`` or the first call."""
        self.link = link
        self.library = library
        self._heads: dict[str, tuple[Argument, ...]] = {}
        self._keys_of: dict[str, Callable[[SessionKeys], tuple[str, ...]]] = {}
        for name, contract in library.contracts.items():
            self._heads[name] = ("FCALL", library.function(name), len(contract.keys))
            self._keys_of[name] = _picker(contract.keys)
        self._loading = asyncio.Lock()
        self._loads = 0

    async def load(self) -> None:
        """Load the library; harmless when it is there."""
        await self.link.call("FUNCTION", "LOAD", "REPLACE", self.library.code, harmless=True)
        self._loads += 1
        _log.info("function library %s loaded", self.library.name)

    async def is_loaded(self) -> bool:
        """Whether the server has the library."""
        reply = await self.link.call("FUNCTION", "LIST", "LIBRARYNAME", self.library.name, harmless=True)
        return bool(reply)

    def command(self, name: str, keys: SessionKeys, *args: Argument) -> tuple[Argument, ...]:
        """The command that calls a function, its keys in the order of the function's header."""
        return (*self._heads[name], *self._keys_of[name](keys), *args)

    def command_of_many(self, name: str, keys: Sequence[str], *args: Argument) -> tuple[Argument, ...]:
        """The same, of a function whose header says that more keys come in turn; ``keys`` are all of them."""
        return ("FCALL", self.library.function(name), len(keys), *keys, *args)

    def submit(self, name: str, keys: SessionKeys, *args: Argument) -> asyncio.Future[Any]:
        """Call a function without waiting; see ``RedisLink.submit``.

        The reply may be the error of which ``is_missing`` is true: then nothing was done, and ``call``
        would load the library.
        """
        return self.link.submit(*self.command(name, keys, *args))

    async def call(self, name: str, keys: SessionKeys, *args: Argument, harmless: bool = False) -> Any:  # noqa: ANN401 - each header says what
        """Call a function; see its header for arguments and reply.

        A server that does not know the function has done nothing, so the library is loaded and
        the call sent again.
        """
        (reply,) = await self.send([self.command(name, keys, *args)], harmless=harmless)
        return reply

    async def call_with(
        self, command: Sequence[Argument], name: str, keys: SessionKeys, *args: Argument
    ) -> tuple[Any, Any]:
        """Call a function, and the reply to a command beside it, both of one moment; both only read."""
        calls = [("MULTI",), self.command(name, keys, *args), command, ("EXEC",)]
        replies = value_of((await self.link.send(calls, harmless=True))[-1])
        if is_missing(replies[0]):
            await self.load()
            return await self.call_with(command, name, keys, *args)
        return value_of(replies[0]), value_of(replies[1])

    async def send(self, commands: Sequence[Sequence[Argument]], *, harmless: bool = False) -> list[Any]:
        """Send calls, ``harmless`` ones if there are several, in one round trip; raises as ``call``."""
        loads = self._loads
        replies = await self.link.send(commands, harmless=harmless)
        if any(map(is_missing, replies)):
            async with self._loading:
                # Once for all who have found it missing.
                if self._loads == loads:
                    await self.load()
            replies = await self.link.send(commands, harmless=harmless)
            if any(map(is_missing, replies)):
                # A server that restarts again and again, perhaps; for the caller it is simply not there.
                raise Unavailable("Redis: the function library vanished as soon as it was loaded")
        return list(map(value_of, replies))


def _picker(names: Sequence[str]) -> Callable[[SessionKeys], tuple[str, ...]]:
    if len(names) > 1:
        pick: Callable[[SessionKeys], tuple[str, ...]] = attrgetter(*names)
        return pick
    (name,) = names
    return lambda keys: (getattr(keys, name),)


def value_of(reply: Any) -> Any:  # noqa: ANN401 - as Redis has it
    """The reply, unless it is an error, which is raised."""
    if isinstance(reply, Exception):
        raise reply
    return reply


def is_missing(reply: object) -> bool:
    """Whether a reply says that the server does not have the function."""
    return isinstance(reply, ResponseError) and "Function not found" in str(reply)
