"""What /proc tells about other processes: who holds a lock, who works in a directory.

On a system without /proc, every question is answered with "nobody".
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def pids() -> Iterator[int]:
    """Yield every process but this one."""
    for directory in _entries(_PROC):
        if directory.name.isdigit() and int(directory.name) != os.getpid():
            yield int(directory.name)


def lock_holders(fd: int) -> list[int]:
    """List the processes that hold an flock on the file open as `fd`, including those that inherited it.

    A process that merely has the file open, such as a backup reading it, is not among them.
    """
    file = os.fstat(fd)
    return [pid for pid in pids() if holds_lock(pid, file)]


def holds_lock(pid: int, file: os.stat_result) -> bool:
    """Say whether `pid` holds an flock on `file` through one of its descriptors."""
    process = _PROC / str(pid)
    for fd in _entries(process / "fd"):
        # Any of them may be closed, and the process gone, between two looks.
        with contextlib.suppress(OSError):
            if os.path.samestat(fd.stat(), file) and b"FLOCK" in (process / "fdinfo" / fd.name).read_bytes():
                return True
    return False


def working_in(directory: Path, programs: tuple[str, ...]) -> int | None:
    """Return the pid of a process of `programs` (file names) whose current directory is `directory`, or None.

    Both servers change into the directory of their files, so this finds even one that somebody started by
    hand.
    """
    if not directory.exists():
        return None
    wanted = directory.stat()
    for pid in pids():
        process = _PROC / str(pid)
        with contextlib.suppress(OSError):
            here = os.path.samestat((process / "cwd").stat(), wanted)
            # A program whose file was replaced while it runs reads "name (deleted)", which begins the same.
            if here and (process / "exe").readlink().name.startswith(programs):
                return pid
    return None


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []
