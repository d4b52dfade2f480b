"""What every process of ours that serves has: a log, signals that stop it, and last words."""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Final, Self

from persistence.embedded import EmbeddedError
from persistence.errors import PersistenceError

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


def settle_memory() -> None:
    """To be called when all is made and nothing is served yet: the collector need not look at it again.

    Requests and loads make hundreds of thousands of objects a second that go by themselves; to look for
    circles among them as often as Python does by default costs up to half of a load, and its pauses
    are what the slowest requests wait for.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class ProcessEnded(Exception):
    """A process that serving needs has ended by itself; the message says which, and how."""


class ParentSignals:
    """SIGINT and SIGTERM of a process without an event loop: noted in ``stop``, and seen by ``poll``."""

    def __init__(self) -> None:
        """Change nothing yet: that is for the ``with``, in the main thread."""
        self.stop = False
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """What can be read from when a signal has come."""
        return self._reader.fileno()

    def __enter__(self) -> Self:
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._former = [signal.signal(number, self._note) for number in STOPPING]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, former in zip(STOPPING, self._former, strict=True):
            signal.signal(number, former)
        self._reader.close()
        self._writer.close()

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """For a fork: what comes meanwhile comes afterwards, in the child once it has its own handlers."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def leave_to_parent(self) -> None:
        """In a fork: SIGTERM ends this process, SIGINT is for the parent, who may get it from a terminal."""
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.stop = True


def stop_signal(numbers: Iterable[signal.Signals] = STOPPING) -> asyncio.Event:
    """An event that the signals set; needs a running event loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    return stop


def fatal(error: BaseException) -> str | None:
    """What to tell an operator who can mend it; None for an error that is ours."""
    if isinstance(error, PersistenceError | EmbeddedError | ProcessEnded | OSError | ValueError):
        return str(error)
    return None


def configure_logging(worker: str = "") -> None:
    """Log lines to standard error: time, level, which ``worker`` if there are several, what."""
    who = f"{worker}: " if worker else ""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=f"%(asctime)s %(levelname)s {who}%(name)s: %(message)s",
        force=bool(worker),
    )
