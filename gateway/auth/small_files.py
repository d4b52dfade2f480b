"""Reading the small files that settings name, which decide who is let in."""

import os
import stat
from pathlib import Path
from typing import Final

BYTES_MAX: Final = 1 << 20


def read_small(path: Path) -> bytes:
    """The content of a file. Raises ``ValueError`` with the path and the reason.

    Links are followed, since mounted secrets are links. A file that everybody may write is refused:
    whoever can write it, can let themselves in.
    """
    try:
        # Opening a pipe would wait for somebody to write it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ValueError(f"{path}: is not a file")
            if mode & stat.S_IWOTH:
                raise ValueError(f"{path}: can be written by everybody: chmod o-w")
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    if len(data) > BYTES_MAX:
        raise ValueError(f"{path}: is larger than {BYTES_MAX} bytes")
    return data
