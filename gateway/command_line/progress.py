"""How far a long command is: a bar on a terminal, a line now and then elsewhere."""

import time
from typing import Final, TextIO

_BAR: Final = 24
_TERMINAL_EVERY_S: Final = 0.2
_LINES_EVERY_S: Final = 5.0


class ProgressBar:
    """Written to a stream that nobody parses, such as standard error."""

    def __init__(self, stream: TextIO, things: str) -> None:
        """``things``: what is counted, in the plural."""
        self._stream = stream
        self._things = things
        self._terminal = stream.isatty()
        self._began = self._shown = time.monotonic()

    def show(self, done: int, total: int | None) -> None:
        """So many are done; ``total`` is None as long as nobody knows it."""
        now = time.monotonic()
        if now - self._shown < (_TERMINAL_EVERY_S if self._terminal else _LINES_EVERY_S):
            return
        self._shown = now
        words, bar = f"{done:,} {self._things} read", ""
        if total is not None:
            share = done / max(1, total)
            left_s = int((now - self._began) * (1 - share) / share) if share else 0
            words = (
                f"{share:4.0%}  {done:,} of {total:,} {self._things}, {left_s // 60}:{left_s % 60:02d} left"
            )
            bar = f"[{'#' * int(share * _BAR):.<{_BAR}}] "
        self._stream.write(f"\r\x1b[K{bar}{words}" if self._terminal else f"{words}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave an empty line for what comes next."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
