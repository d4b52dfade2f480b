"""Small files of ours in the data directory, each of which remembers a path."""

import os
from pathlib import Path


def write_path(file: Path, path: Path) -> None:
    """Write `path` so that a crash leaves the old or the new content, never half of it; mode 0600."""
    fresh = file.with_name(file.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, os.fsencode(path) + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.replace(file)
    sync_directory(file.parent)


def read_path(file: Path) -> Path:
    """Read what `write_path` wrote; raises OSError."""
    return Path(os.fsdecode(file.read_bytes().removesuffix(b"\n")))


def identity(directory: Path) -> str:
    """Which directory it is, wherever it is moved to; a copy is another one. Raises OSError."""
    found = directory.stat()
    return f"{found.st_dev}:{found.st_ino}"


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
