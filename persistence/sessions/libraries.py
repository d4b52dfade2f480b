"""Old function libraries: each process notes which one it uses, and what nobody notes any more is deleted.

Every version of code or ruleset has a library of its own on the server. They are called by nobody once a
deployment has rolled on, but the server's collector of garbage goes through all of them for ever.

The notes are in database 0, and under no realm's prefix, because functions are the whole server's: realms
with other prefixes or databases may use the same library. Times are the server's. A library that is
found without a note is noted as found now; so one that has just been loaded, or whose note was lost
with all other keys, is not taken for an old one. Should one be deleted after all that somebody calls, as by a
process that was stopped for an hour and wakes, that call finds it missing and loads it.
"""

import asyncio
import logging
import random
import re
from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from persistence.errors import PersistenceError
from persistence.keys import LIBRARIES
from persistence.link.redis_link import Argument
from persistence.sessions.mirror import Mirror, value_of

_log = logging.getLogger(__name__)

INTERVAL_S: Final = 60.0
KEPT_S: Final = 3600
# Ours, and not what a studio may have named by our name.
_NAME = re.compile(rb"haversack_[0-9a-f]{12}")


class Libraries:
    """Notes a process's library about every minute, and deletes old ones, from ``start`` to ``stop``."""

    def __init__(self, mirror: Mirror, *, interval_s: float = INTERVAL_S, kept_s: int = KEPT_S) -> None:
        """Of the library of ``mirror``; those go that nobody has noted for ``kept_s`` seconds."""
        self._mirror = mirror
        self._link = mirror.link
        self._interval_s = interval_s
        self._kept_s = kept_s
        self._told = False
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the loop; needs a running event loop."""
        self._loop = asyncio.create_task(self._run(), name="libraries")

    async def stop(self) -> None:
        """End the loop."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])

    async def round(self) -> list[str]:
        """Note and delete once; the names of those that were deleted.

        Raises ``Unavailable``, and ``ResponseError`` where the server does not let us.
        """
        time, listed = await self._send([("TIME",), ("FUNCTION", "LIST", "LIBRARYNAME", "haversack_*")])
        now_s = int(time[0])
        found = [name for name in map(_name_of, listed) if _NAME.fullmatch(name)]
        notes: list[tuple[Argument, ...]] = [("ZADD", LIBRARIES, now_s, self._mirror.library.name)]
        notes += [("ZADD", LIBRARIES, "NX", now_s, name) for name in found]
        *_, old = await self._in_database_0(
            [*notes, ("ZRANGEBYSCORE", LIBRARIES, "-inf", f"({now_s - self._kept_s}")]
        )
        if not old:
            return []
        # Somebody else may have deleted it first, and that is just as well.
        gone = [name for name in old if name in found]
        await self._link.send([("FUNCTION", "DELETE", name) for name in gone], harmless=True)
        await self._in_database_0([("ZREM", LIBRARIES, *old)])
        return [name.decode() for name in gone]

    async def _run(self) -> None:
        while True:
            # Not at once: what is found without a note is safe for an hour, and processes that were started
            # together should not go on together.
            await asyncio.sleep(self._interval_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            try:
                for name in await self.round():
                    _log.info("function library %s was deleted: nobody has used it for an hour", name)
            except PersistenceError as error:
                _log.debug("old function libraries wait: %s", error)
            except ResponseError as error:
                if not self._told:
                    _log.warning("old function libraries stay: %s", error)
                self._told = True
            except Exception:
                _log.exception("looking for old function libraries failed")

    async def _in_database_0(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """The replies to commands that speak of keys in database 0, whichever the link is for."""
        if self._link.database == 0:
            return await self._send(commands)
        # All of it in one step, so that no other call of this connection comes in between; where the step is
        # refused, none of it was done.
        *_, replies = await self._send(
            [("MULTI",), ("SELECT", 0), *commands, ("SELECT", self._link.database), ("EXEC",)]
        )
        return list(map(value_of, replies[1:-1]))

    async def _send(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        return list(map(value_of, await self._link.send(commands, harmless=True)))


def _name_of(library: Sequence[Any]) -> bytes:
    described = dict(zip(library[::2], library[1::2], strict=True))
    name: bytes = described[b"library_name"]
    return name
