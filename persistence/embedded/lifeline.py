"""The lifeline: a lock that a server inherits, and the kernel's word on whether its files are still in use.

Before a server is started, its lifeline is locked with flock and handed down to it; our own copy is closed.
The lock then lasts exactly as long as the server and all its children: when it can be taken, nobody is left,
and when it cannot, those who hold it are the server of an earlier start, whatever became of that start. No
pid is ever trusted by itself, so a stale or reused one cannot mislead: a pid counts only while that process
holds the lifeline.

An orphan is stopped cleanly rather than adopted: the next server then always runs the installed version with
the present settings as our own child, gateway workers that outlived their parent lose it, and it costs a
fraction of a second.
"""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from persistence.embedded import procfs
from persistence.embedded.errors import DataInUse, EmbeddedError

POLL_S = 0.01
_UNSEEN_S = 2.0
_KILL_WAIT_S = 10.0


class Step(NamedTuple):
    """One step of stopping: send `signum` (None: nothing), then wait up to `wait_s` seconds for the end."""

    signum: signal.Signals | None
    wait_s: float


Plan = tuple[Step, ...]


class Lifeline:
    """The inherited lock of one server. Whoever uses it must hold the lock of the data directory."""

    def __init__(self, path: Path, *, leader_plan: Plan, straggler_plan: Plan) -> None:
        """Use the lock file `path`.

        `leader_plan` stops a server that is still led by its first process; `straggler_plan` applies to
        children that outlived it. SIGKILL follows either.
        """
        self.path = path
        self._leader_plan = leader_plan
        self._straggler_plan = straggler_plan
        self._fd: int | None = None

    @property
    def fd(self) -> int:
        """The descriptor to hand down; only between `take` and `let_go`."""
        assert self._fd is not None, "the lifeline is not held"
        return self._fd

    def take(self, checkpoint: Callable[[], None] = lambda: None) -> None:
        """Lock it, stopping first whoever still holds it.

        `checkpoint` is called while waiting and may raise to give up. Raises `DataInUse` when a holder cannot
        be stopped or cannot even be seen.
        """
        if self._fd is not None:
            return
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EmbeddedError(f"{self.path} cannot be opened: {error}") from error
        try:
            if not _lock(fd):
                self._evict(fd, checkpoint)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def held(self) -> bool:
        """Say whether a server, or a child of one, holds it."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            return not _lock(fd)
        finally:
            os.close(fd)

    def name_leader(self, pid: int) -> None:
        """Note which process leads the server that inherited the lock."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, f"{pid}\n".encode(), 0)

    def let_go(self) -> None:
        """Close our copy; the lock stays with those who inherited it."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _evict(self, fd: int, checkpoint: Callable[[], None]) -> None:
        text = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
        leader = int(text) if text.isdigit() else -1
        led = procfs.holds_lock(leader, os.fstat(fd))
        for step in self._leader_plan if led else self._straggler_plan:
            if step.signum is not None:
                _signal([leader] if led else procfs.lock_holders(fd), step.signum, fd)
            if _wait(fd, step.wait_s, checkpoint):
                return
        _signal(procfs.lock_holders(fd), signal.SIGKILL, fd)
        if not _wait(fd, _KILL_WAIT_S if procfs.lock_holders(fd) else _UNSEEN_S, checkpoint):
            seen = ", ".join(str(pid) for pid in procfs.lock_holders(fd))
            who = f"process {seen}" if seen else "a process of another account or container"
            raise DataInUse(
                f"{who} cannot be stopped and still works in {self.path.parent}: it holds {self.path}"
            )


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(fd: int, wait_s: float, checkpoint: Callable[[], None]) -> bool:
    deadline = time.monotonic() + wait_s
    while not _lock(fd):
        checkpoint()
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _signal(pids: list[int], signum: signal.Signals, fd: int) -> None:
    file = os.fstat(fd)
    for pid in pids:
        if procfs.holds_lock(pid, file):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signum)
