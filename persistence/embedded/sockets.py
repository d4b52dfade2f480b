"""The private directory of a server's unix socket.

A socket's path may have about 100 bytes, fewer than many a data directory's, so it lives in a short directory
made by mkdtemp, whose path is remembered in the data directory: after a kill -9 the next start uses it again.
The record says of which data directory it is, since a copy has it too, and its servers are the original's.
The directory is 0700 and belongs to the account of its server: whoever may connect may read the server's
files anyway, or is root, and the servers therefore ask nobody for a password.
"""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from persistence.embedded.account import Account
from persistence.embedded.errors import EmbeddedError
from persistence.embedded.files import identity, read_path, write_path

_PREFIX = "haversack-"
_PATH_BYTES_MAX = 100
_SOCKET_NAME_BYTES = len(f"/{_PREFIX}12345678/.s.PGSQL.5432.lock")


class SocketDir:
    """A short private directory for one server, remembered in the file `record`."""

    def __init__(self, record: Path) -> None:
        """Remember the directory in the file `record`."""
        self._record = record
        self._opened: tuple[Path, int] | None = None

    def open(self, account: Account | None = None) -> Path:
        """Return an empty directory that only `account` (None: we) and root can enter.

        What an earlier server left in it is removed: the caller knows that no server is running.
        """
        uid = account.uid if account else os.geteuid()
        known = self._remembered()
        if known is not None:
            with contextlib.suppress(OSError), _entered(known, uid) as fd:
                _empty(fd)
                self._opened = known, uid
                return known
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_base(account)))
        if account is not None:
            os.chown(path, account.uid, account.gid)
        write_path(self._record, path)
        write_path(_whose(self._record), Path(identity(self._record.parent)))
        self._opened = path, uid
        return path

    def remove(self) -> None:
        """Remove the directory that `open` returned, and the memory of it."""
        if self._opened is None:
            return
        path, uid = self._opened
        self._opened = None
        with contextlib.suppress(OSError):
            with _entered(path, uid) as fd:
                _empty(fd)
            path.rmdir()
        self._record.unlink(missing_ok=True)
        _whose(self._record).unlink(missing_ok=True)

    def _remembered(self) -> Path | None:
        path = remembered(self._record)
        # What it names is going to be emptied, so a damaged record must not lead anywhere else.
        return path if path is not None and path.is_absolute() and path.name.startswith(_PREFIX) else None


def remembered(record: Path) -> Path | None:
    """The directory that `record` names; None without one, or with one that is another data directory's."""
    try:
        if str(read_path(_whose(record))) == identity(record.parent):
            return read_path(record)
    except OSError:
        pass
    return None


def _whose(record: Path) -> Path:
    return record.with_name(f"{record.name}.of")


@contextlib.contextmanager
def _entered(path: Path, uid: int) -> Iterator[int]:
    """Open `path`, provided that it is a real directory, 0700, and belongs to `uid`.

    Everything is then done through the descriptor: another account may have made a directory, or a link, of
    that name after ours was removed by a cleaner of temporary files.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if stat.S_IMODE(found.st_mode) != 0o700 or found.st_uid != uid:
            raise PermissionError(f"{path} is not the private directory it was")
        yield fd
    finally:
        os.close(fd)


def _empty(fd: int) -> None:
    for name in os.listdir(fd):
        os.unlink(name, dir_fd=fd)


def _candidates() -> list[Path]:
    # /tmp comes first although $XDG_RUNTIME_DIR is tidier: the latter vanishes when its user logs out, under
    # a server left running.
    tmp = "/tmp"  # noqa: S108  (a directory is made there, not a file of a known name)
    names = [tmp, os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()]
    return [Path(name) for name in names if name]


def _base(account: Account | None) -> Path:
    candidates = _candidates()
    for candidate in candidates:
        if not candidate.is_absolute() or not os.access(candidate, os.W_OK | os.X_OK):
            continue
        mode = candidate.stat().st_mode
        shared = bool(mode & (stat.S_IWGRP | stat.S_IWOTH))
        # In a directory that others may write to and that is not sticky, ours could be swapped for theirs.
        if shared and not mode & stat.S_ISVTX:
            continue
        if account is not None and not account.can_enter(candidate):
            continue
        if len(os.fsencode(candidate)) + _SOCKET_NAME_BYTES <= _PATH_BYTES_MAX:
            return candidate
    raise EmbeddedError(
        f"no place for the servers' sockets: none of {', '.join(map(str, candidates))} will do"
    )
