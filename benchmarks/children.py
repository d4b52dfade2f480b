"""Servers in processes of their own: started, watched for the CPU they use, and always stopped."""

import os
import re
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import ROOT
from benchmarks.serving import ANNOUNCEMENT

START_S = 60.0
STOP_S = 20.0
# It leads a session of its own, so all its processes are those of that session.
_SESSION = 3
_ADDRESS = re.compile(re.escape(ANNOUNCEMENT) + r"(http://[^\s,]+)")


class ChildError(Exception):
    """A server that did not start, or ended; the message has its last words."""


class Child:
    """A server that prints its address when it serves; a context manager.

    It is the first of a process group of its own, so that Ctrl-C is ours to handle and nothing of
    it stays behind.
    """

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        """Start; ``environ`` is added to ours, but for our ``HAVERSACK_*``. ``log`` gets its stderr."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("HAVERSACK_")}
        self.name = name
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**inherited, **environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                start_new_session=True,
            )
        self._stopped = False
        self.pid = self._process.pid
        self.url = ""

    def wait_ready(self) -> None:
        """Wait until it has told its address."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + START_S
        lines: deque[str] = deque(maxlen=20)
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while time.monotonic() < deadline:
                if not selector.select(timeout=0.5):
                    continue
                line = self._process.stdout.readline().decode("utf-8", "replace")
                if not line:
                    break
                lines.append(line)
                if found := _ADDRESS.search(line):
                    self.url = found[1]
                    return
        raise ChildError(f"{self.name} does not serve:\n{''.join(lines)}{self.last_words()}")

    def check(self) -> None:
        """Raise ``ChildError`` if it has ended."""
        if self._process.poll() is not None:
            raise ChildError(f"{self.name} ended with {self._process.returncode}:\n{self.last_words()}")

    def cpu_s(self) -> float | None:
        """CPU seconds that its processes have used, user and system; None where /proc is missing."""
        ticks = [int(stat[11]) + int(stat[12]) for stat in self._stats()]
        return sum(ticks) / os.sysconf("SC_CLK_TCK") if ticks else None

    def rss_bytes(self) -> int:
        """Resident memory of its processes; what they share is counted for each."""
        return sum(int(stat[21]) for stat in self._stats()) * os.sysconf("SC_PAGE_SIZE")

    def _stats(self) -> list[list[str]]:
        """Fields of /proc/PID/stat after the name, of it and of what it has started."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            # One that ends meanwhile is none of ours while a run lasts.
            with suppress(OSError):
                # The name, in parentheses, may have blanks in it.
                fields = path.read_text("ascii", "replace").rpartition(")")[2].split()
                if int(fields[_SESSION]) == self.pid:
                    found.append(fields)
        return found

    def last_words(self) -> str:
        """The end of what it wrote to stderr."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-20:])

    def ask_to_stop(self) -> None:
        """Begin stopping, without waiting."""
        if self._process.poll() is None and not self._stopped:
            self._stopped = True
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stop it; may be called again."""
        self.ask_to_stop()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
