"""How far a run is: a bar that rewrites its line on a terminal, a line now and then elsewhere."""

import sys
import time
from typing import TextIO

_WIDTH = 24
_TERMINAL_EVERY_S, _LINES_EVERY_S = 0.2, 15.0


class Progress:
    """Shows steps done, their rate and what is left of the time; ``stream`` is stderr by default."""

    def __init__(self, total: int, label: str, stream: TextIO | None = None) -> None:
        """``total`` steps are to be done; ``label`` begins each line."""
        self._total, self._label = total, label
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._began = self._shown = time.monotonic()

    def update(self, done: int) -> None:
        """So many steps are done; what is shown too often is left out."""
        now = time.monotonic()
        if now - self._shown >= (_TERMINAL_EVERY_S if self._terminal else _LINES_EVERY_S):
            self._shown = now
            self._show(done, now - self._began)

    def rate(self, done: int) -> float:
        """Steps a second since the beginning."""
        return done / max(time.monotonic() - self._began, 1e-9)

    def end(self) -> None:
        """Leave the terminal's line empty for what comes next."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _show(self, done: int, elapsed_s: float) -> None:
        share = min(1.0, done / self._total)
        left_s = int(elapsed_s * (1 - share) / share) if share else 0
        left = f"{left_s // 60}:{left_s % 60:02d} left"
        words = f"{share:4.0%}  {done:,}/{self._total:,}  {done / elapsed_s:,.0f}/s  {left}"
        if self._terminal:
            bar = "#" * int(share * _WIDTH)
            self._stream.write(f"\r\x1b[K{self._label} [{bar:.<{_WIDTH}}] {words}")
        else:
            self._stream.write(f"{self._label} {words}\n")
        self._stream.flush()
