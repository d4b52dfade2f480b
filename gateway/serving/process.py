"""What every process of ours that serves has: a log, signals that stop it, and last words."""

import asyncio
import gc
import signal
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Final, Self

from gateway.auth.reloading import at_terminal
from persistence.embedded import EmbeddedError
from persistence.errors import PersistenceError

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
_NOTED: Final = (*STOPPING, signal.SIGHUP)


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
    """Signals to a process without an event loop, which ``poll`` sees.

    SIGINT and SIGTERM are noted in ``stop``. SIGHUP is noted in ``reload``, or in ``stop`` where it says
    that a terminal is gone.
    """

    def __init__(self) -> None:
        """Change nothing yet: that is for the ``with``, in the main thread."""
        self.stop = False
        self.reload = False
        # Asked now, because a terminal that is gone is none.
        self._at_terminal = at_terminal()
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """What can be read from when a signal has come."""
        return self._reader.fileno()

    def taken(self) -> bool:
        """Whether SIGHUP has come since the last call; to be called when there is something to read."""
        self._reader.recv(4096)
        taken, self.reload = self.reload, False
        return taken

    def __enter__(self) -> Self:
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._former = [signal.signal(number, self._note) for number in _NOTED]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, former in zip(_NOTED, self._former, strict=True):
            signal.signal(number, former)
        self._reader.close()
        self._writer.close()

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """For a fork: what comes meanwhile comes afterwards, in the child once it has its own handlers."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _NOTED)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def leave_to_parent(self) -> None:
        """In a fork: SIGTERM ends this process, the others are for the parent, who may get them too."""
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _NOTED)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and not self._at_terminal:
            self.reload = True
        else:
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
