"""Where PostgreSQL's files live: in the data directory, or for root where its account can reach them."""

import os
import stat
import tempfile
from pathlib import Path

from persistence.embedded.account import Account
from persistence.embedded.errors import EmbeddedError
from persistence.embedded.files import read_path, write_path

STATE_ROOT = Path("/var/lib/haversack")
_RECORD = "postgres.place"
_OWNER = "data-dir"
_ENTER = 0o710
_PUBLIC = 0o755


def find_place(data_dir: Path) -> Path | None:
    """Return the directory that an earlier start chose, or None.

    Raises when it is gone or serves another data directory: an empty database must never appear where a full
    one was, and two copies of a data directory must not share one.
    """
    record = data_dir / _RECORD
    if not record.exists():
        return None
    place = read_path(record)
    if not place.is_dir():
        raise EmbeddedError(
            f"PostgreSQL's files are gone: {record} says that they are in {place}; "
            "restore them, or remove that file to begin with an empty database"
        )
    owner = read_path(place / _OWNER)
    if owner != data_dir:
        if _points_to(owner / _RECORD, place):
            raise EmbeddedError(
                f"{data_dir} is a copy of {owner}, to which PostgreSQL's files in {place} belong; "
                f"remove {record} to begin with an empty database"
            )
        write_path(place / _OWNER, data_dir)
    return place


def choose_place(data_dir: Path, account: Account, state_root: Path, *, new: bool) -> Path:
    """Choose a directory that `account` can enter: the data directory if possible, or one under `state_root`.

    A data directory that is `new`, made by us a moment ago, is opened to the account's group as far as
    entering goes (0710), provided that its parents let the account through. One that existed keeps its mode.
    """
    if account.can_enter(data_dir):
        return data_dir
    if new and account.can_enter(data_dir.parent):
        os.chown(data_dir, -1, account.gid)
        data_dir.chmod(_ENTER)
        return data_dir
    make_state_root(state_root)
    place = Path(tempfile.mkdtemp(prefix="data-", dir=state_root))
    os.chown(place, -1, account.gid)
    place.chmod(_ENTER)
    write_path(place / _OWNER, data_dir)
    write_path(data_dir / _RECORD, place)
    return place


def make_state_root(path: Path) -> None:
    """Create the state directory, or make sure that an existing one is ours alone to write in."""
    try:
        path.mkdir(mode=_PUBLIC, parents=True)
        path.chmod(_PUBLIC)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise EmbeddedError(
                f"{path} is not a directory that belongs to root and that only root can write to"
            ) from None
    except OSError as error:
        raise EmbeddedError(f"the state directory {path} cannot be created: {error}") from error


def _points_to(record: Path, place: Path) -> bool:
    try:
        return read_path(record) == place
    except OSError:
        return False
