"""The lock on a data directory: one `haversack serve` at a time."""

import contextlib
import fcntl
import os
import weakref
from pathlib import Path

from persistence.embedded.errors import DataDirLocked, EmbeddedError

_LOCK = "lock"


class DataDirLock:
    """An flock on `<data_dir>/lock`, held until `release` or the end of this process.

    The kernel gives the lock back however the process ends, so a lock is never stale. The file holds the
    pid of the holder, for the message to whoever comes second; it stays in place when the lock is released,
    because removing it would let two processes lock two different files of the same name.
    """

    def __init__(self, data_dir: Path) -> None:
        """Use the lock of `data_dir`, which must exist by the time of `acquire`."""
        self._path = data_dir / _LOCK
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock at once, or raise `DataDirLocked` naming the pid that holds it."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EmbeddedError(f"the data directory {self._path.parent} cannot be used: {error}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _read_pid(fd)
            os.close(fd)
            if not isinstance(error, BlockingIOError):
                raise EmbeddedError(f"{self._path} cannot be locked: {error}") from error
            raise DataDirLocked(
                f"the data directory {self._path.parent} is in use by {holder}; "
                "stop that one first, or choose another directory with --data-dir"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd
        _forget_in_forked_children(self)

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def make_data_dir(path: Path) -> bool:
    """Create the data directory with mode 0700 and say whether it is new; an existing one keeps its mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():
            raise EmbeddedError(f"the data directory {path} is, or lies below, a file") from None
        return False
    except OSError as error:
        raise EmbeddedError(f"the data directory {path} cannot be created: {error}") from error
    return True


def _read_pid(fd: int) -> str:
    text = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
    return f"process {text}" if text.isdigit() else "another process"


# A forked child (a worker, say) shares the open lock, and would keep the directory locked after its parent's
# death. Closing its copy does not unlock the parent's.
_held: "weakref.WeakSet[DataDirLock]" = weakref.WeakSet()
_watching_forks = False


def _forget_in_forked_children(lock: DataDirLock) -> None:
    global _watching_forks
    _held.add(lock)
    if not _watching_forks:
        os.register_at_fork(after_in_child=_forget_all)
        _watching_forks = True


def _forget_all() -> None:
    for lock in list(_held):
        lock._close()
