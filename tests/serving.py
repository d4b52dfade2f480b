"""`haversack serve` as a process of its own, as an operator would have it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

TOKEN = "token-of-the-tests"
START_S = 60.0


class Serving:
    """A running process; ``url`` is where it serves. Its output is kept in ``log``."""

    def __init__(
        self,
        log: Path,
        *options: str,
        env: Mapping[str, str] | None = None,
        program: tuple[str, ...] | None = None,
    ) -> None:
        """Start it with ``serve``, a free port and ``options``, and wait until it serves."""
        self.log = log
        command = program or (sys.executable, "-m", "gateway.cli")
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HAVERSACK_")}
        with log.open("ab") as output:
            begun = output.tell()
            self.process = subprocess.Popen(
                [*command, "serve", "--port", "0", *options],
                env=environ | {"HAVERSACK_TOKEN": TOKEN} | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.url = self._wait_until_it_serves(begun)

    def _wait_until_it_serves(self, begun: int) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            text = self.log.read_bytes()[begun:].decode()
            if match := re.search(r"serves at (https?://\S+?),", text):
                return match[1]
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{text}"
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"it did not serve within {START_S} s:\n{self.log.read_text()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, wait, and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def serving(
    log: Path, *options: str, env: Mapping[str, str] | None = None, program: tuple[str, ...] | None = None
) -> Iterator[Serving]:
    """A process for the length of a block."""
    with Serving(log, *options, env=env, program=program) as process:
        yield process
