"""What the two servers have in common: the order of starting, waiting, watching and stopping."""

import contextlib
import enum
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from persistence.embedded import procfs
from persistence.embedded.errors import DataInUse, ServerFailed
from persistence.embedded.lifeline import POLL_S, Lifeline, Plan
from persistence.embedded.process import Log, how_it_ended
from persistence.embedded.sockets import SocketDir

Checkpoint = Callable[[], None]

# A server that answers "still loading" may take as long as it needs; one that says nothing at all may not.
_SILENCE_S = 60.0
_REAP_S = 10.0
_PAUSE_MAX_S = 0.5


def no_checkpoint() -> None:
    """Wait on, whatever happens: the checkpoint of a caller that has none."""


class Readiness(enum.Enum):
    """What a probe of a starting server found."""

    READY = enum.auto()
    LOADING = enum.auto()
    SILENT = enum.auto()


class Server(ABC):
    """One server under `home`: its files in `home/<key>`, its log in `logs/<key>.log`.

    The caller must see to it that nobody else starts a server for the same `home` at the same time
    (`EmbeddedServers` does, by locking the data directory): a server found running there is taken for an
    orphan and stopped.
    """

    NAME: ClassVar[str]
    KEY: ClassVar[str]
    PROGRAMS: ClassVar[tuple[str, ...]]
    STOP_PLAN: ClassVar[Plan]
    STRAGGLER_PLAN: ClassVar[Plan]

    def __init__(self, home: Path, records: Path) -> None:
        """Keep the files under `home`; log and memory of the socket's place go to `records`."""
        self.home = home
        self.data = home / self.KEY
        self.log = Log(records / f"{self.KEY}.log")
        self._sockets = SocketDir(records / f"{self.KEY}.sockets")
        self._lifeline = Lifeline(
            home / f"{self.KEY}.lifeline", leader_plan=self.STOP_PLAN, straggler_plan=self.STRAGGLER_PLAN
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._launched_by: int | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find the server; only after `start`."""

    @property
    def pid(self) -> int:
        """The pid of the server's first process; only between `start` and `stop`."""
        assert self._process is not None, f"{self.NAME} is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start the server and wait until it serves; leaves nothing running when it raises."""
        try:
            self.launch()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self, checkpoint: Checkpoint = no_checkpoint) -> None:
        """Stop an orphan if there is one, prepare the files and start the process, without waiting for it.

        `checkpoint` is called while waiting and may raise; after any error the caller must call `stop`.
        """
        self._launched_by = os.getpid()
        self._lifeline.take(checkpoint)
        try:
            other = procfs.working_in(self.data, self.PROGRAMS)
            if other is not None:
                raise DataInUse(
                    f"{self.NAME}'s files in {self.data} are in use by process {other}, "
                    "which Haversack did not start; stop it first"
                )
            self._process = self._spawn(checkpoint)
            self._lifeline.name_leader(self._process.pid)
        finally:
            self._lifeline.let_go()

    def wait_ready(self, checkpoint: Checkpoint = no_checkpoint) -> None:
        """Wait until the server serves; raises `ServerFailed`, with its last words, when it dies instead."""
        heard = time.monotonic()
        pause_s = POLL_S
        while True:
            checkpoint()
            self._raise_if_dead()
            readiness = self._probe()
            if readiness is Readiness.READY:
                return
            if readiness is Readiness.LOADING:
                heard = time.monotonic()
                # Each question leaves a line in PostgreSQL's log, so during a long recovery ask less often.
                pause_s = min(pause_s * 1.5, _PAUSE_MAX_S)
            elif time.monotonic() - heard > _SILENCE_S:
                raise ServerFailed(f"{self.NAME} runs but does not answer; its log is {self.log.path}")
            time.sleep(pause_s)

    def alive(self) -> bool:
        """Say whether the server was started and its first process still runs."""
        return self._process is not None and self._process.poll() is None

    def dead(self) -> str | None:
        """Return a statement about the end of a server that was not stopped, or None while it runs."""
        if self._process is None or self._process.poll() is None:
            return None
        who = f"{self.NAME} (process {self._process.pid})"
        return f"{who} {how_it_ended(self._process.returncode)}; {self.log.last_words()}"

    def ask_to_stop(self) -> None:
        """Begin stopping, without waiting."""
        if self._is_ours() and self._process is not None:
            self._send(self._process, self.STOP_PLAN[0].signum)

    def stop(self) -> None:
        """Stop the server and all its children; does nothing if it was not started, or in a forked child."""
        if not self._is_ours():
            return
        if self._process is not None:
            self._end(self._process)
        # Whoever is left (a backend that outlived its postmaster, a half-started process) still has the
        # lifeline.
        self._lifeline.take()
        self._lifeline.let_go()
        self._sockets.remove()
        self._process = self._launched_by = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def _spawn(self, checkpoint: Checkpoint) -> "subprocess.Popen[bytes]":
        """Prepare files and socket directory and start the server; the lifeline is held."""

    @abstractmethod
    def _probe(self) -> Readiness:
        """Ask the server once how far it is."""

    def _raise_if_dead(self) -> None:
        ended = self.dead()
        if ended is not None:
            raise ServerFailed(ended)

    def _is_ours(self) -> bool:
        return self._launched_by == os.getpid()

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        for step in self.STOP_PLAN:
            self._send(process, step.signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(step.wait_s)
                return
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_REAP_S)

    def _send(self, process: "subprocess.Popen[bytes]", signum: signal.Signals | None) -> None:
        if signum is not None:
            process.send_signal(signum)
