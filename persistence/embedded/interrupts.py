"""Ctrl-C and SIGTERM while the servers are being started: noted at once, obeyed at the next safe point."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Holds back signals that would end this process, lest one strike between a fork and its bookkeeping.

    Only default handlers are replaced, and only in the main thread: a program with handlers of its own keeps
    them.
    """

    def __init__(self) -> None:
        """Change nothing yet: that is for the `with`."""
        self._former: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}
        self._noted: int | None = None

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for signum in _SIGNALS:
                former = signal.getsignal(signum)
                if former in (signal.SIG_DFL, signal.default_int_handler):
                    self._former[signum] = former
                    signal.signal(signum, self._note)
        return self

    def check(self) -> None:
        """Raise KeyboardInterrupt or SystemExit (128 + signal) when a signal has come."""
        signum, self._noted = self._noted, None
        if signum is None:
            return
        if self._former[signum] is signal.default_int_handler:
            raise KeyboardInterrupt
        raise SystemExit(128 + signum)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, former in self._former.items():
            signal.signal(signum, former)
        if error is None:
            self.check()

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._noted = signum
