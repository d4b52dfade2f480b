"""The service token that is made at the first start and kept beside the data."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from gateway.configuration.kinds import valid_token
from gateway.configuration.settings import SettingsError

FILE_NAME: Final = "token"
_BYTES_MAX: Final = 4096


def kept_token(data_dir: Path) -> tuple[str, Path]:
    """The token in ``data_dir`` and its file, both made when there is none yet.

    The file is readable by its owner alone (mode 0600). Raises ``SettingsError`` where it is
    not, where it has no token in it, and where it cannot be read or written.
    """
    path = data_dir / FILE_NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.path.lexists(path):
            _make(path)
        return _read(path), path
    except OSError as error:
        raise SettingsError([f"the token cannot be kept in {path}: {error.strerror}"]) from error


def _read(path: Path) -> str:
    # A link could have the token read from, and later believed to be kept in, another place.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise SettingsError([f"{path} is not a file"])
        if mode & 0o077:
            raise SettingsError([f"{path} can be read or written by others: chmod 600, or remove it"])
        token = file.read(_BYTES_MAX).decode("ascii", "replace").strip()
    if not valid_token(token):
        raise SettingsError([f"{path} has no token in it: remove it, and a new one is made"])
    return token


def _make(path: Path) -> None:
    """Make the file, whole or not at all: whoever finds it finds a token in it.

    Where two starts race, one links its file first and the other uses that.
    """
    written = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(written, path)
        except FileExistsError:
            pass
        except OSError:
            # Not every file system has hard links. The lock on the data directory still keeps a
            # second server out; only who reads the token at this very moment could miss it.
            written.rename(path)
    finally:
        written.unlink(missing_ok=True)
