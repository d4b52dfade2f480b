"""Files that decide who is let in, read again when they change, without a restart."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

# A look costs a few microseconds.
LOOK_INTERVAL_S: Final = 1.0

_log = logging.getLogger("haversack.reloading")

_Signature = tuple[int, int, int, int] | None


class Reloading:
    """Some files, and what is to be done when one of them is another."""

    def __init__(self, what: str, files: Sequence[Path], read: Callable[[], None]) -> None:
        """``what`` names them in the log; ``read`` raises ``ValueError`` where it has changed nothing."""
        self._what = what
        self._files = tuple(files)
        self._read = read
        self._seen = self._signatures()

    def look(self, *, changed: bool = False) -> None:
        """Read them again if one has changed since the last look, or if somebody says so."""
        seen = self._signatures()
        if not changed and seen == self._seen:
            return
        self._seen = seen
        try:
            self._read()
        except ValueError as error:
            _log.error("%s stay as they were: %s", self._what, error)
        except Exception:
            _log.exception("%s stay as they were", self._what)
        else:
            _log.info("%s were read again", self._what)

    def _signatures(self) -> list[_Signature]:
        return [_signature(path) for path in self._files]


@asynccontextmanager
async def reloading(all_of_them: Sequence[Reloading]) -> AsyncIterator[None]:
    """Look about every second, and when SIGHUP comes, as long as the block lasts.

    Where the process has a terminal, the signal says that it is gone, and is left alone.
    """
    watched = [one for one in all_of_them if one._files]

    def look_now() -> None:
        for one in watched:
            one.look(changed=True)

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            for one in watched:
                one.look()

    loop = asyncio.get_running_loop()
    if not at_terminal():
        loop.add_signal_handler(signal.SIGHUP, look_now)
    looking = loop.create_task(look()) if watched else None
    try:
        yield
    finally:
        if looking is not None:
            looking.cancel()


def at_terminal() -> bool:
    """Whether somebody sits at a terminal that this process was started from."""
    try:
        return sys.stdin is not None and os.isatty(sys.stdin.fileno())
    except (OSError, ValueError):
        return False


def _signature(path: Path) -> _Signature:
    """What is another when the file is; links are followed, so that a mounted secret is seen to change."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev
