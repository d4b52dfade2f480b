"""Files of a catalog, taken apart: JSON Lines, or one JSON array. Nothing of an entry is judged here."""

from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from persistence.errors import CatalogError

ENTRY_BYTES_MAX = 64 * 1024
# An array is held in memory as a whole, lines are not.
ARRAY_BYTES_MAX = 64 * 1024 * 1024


class Entry(NamedTuple):
    """One entry's JSON, undecoded; a longer one than ``ENTRY_BYTES_MAX`` may be cut off.

    ``place`` says where it stands, as ``line 3`` or ``entry 3``, counted from 1, after the file's
    path where there are several. ``foreign``: not of the form ``{"facts": …, "data": …}``, to be mapped.
    """

    place: str
    raw: bytes | memoryview
    foreign: bool = False


class _Own(Struct):
    facts: msgspec.Raw
    data: msgspec.Raw


def read_entries(paths: Sequence[Path], *, mapped: bool) -> Iterator[Entry]:
    """The entries of files one after the other, blank lines included.

    With ``mapped``, the entries of a file whose first is not of our own form are ``foreign``.
    Raises ``OSError``, and ``CatalogError`` for an array that is none or is too large.
    """
    for path in paths:
        within = f"{path}: " if len(paths) > 1 else ""
        with path.open("rb") as file:
            is_array = file.peek(1).lstrip().startswith(b"[")
            raws: Iterable[bytes | memoryview] = _array(file, path) if is_array else _lines(file)
            word = "entry" if is_array else "line"
            foreign: bool | None = None if mapped else False
            for number, raw in enumerate(raws, 1):
                if foreign is None and bytes(raw[:ENTRY_BYTES_MAX]).strip():
                    foreign = not _is_own(raw)
                yield Entry(f"{within}{word} {number}", raw, bool(foreign))


def _array(file: BufferedReader, path: Path) -> Iterable[memoryview]:
    text = file.read(ARRAY_BYTES_MAX + 1)
    if len(text) > ARRAY_BYTES_MAX:
        raise CatalogError([f"{path}: an array longer than {ARRAY_BYTES_MAX} bytes: use JSON Lines"])
    try:
        return map(memoryview, msgspec.json.decode(text, type=list[msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CatalogError([f"{path}: {error}"]) from error


def _lines(file: BufferedReader) -> Iterator[bytes]:
    while line := file.readline(ENTRY_BYTES_MAX + 1):
        rest = line
        while len(rest) > ENTRY_BYTES_MAX and not rest.endswith(b"\n"):
            rest = file.readline(ENTRY_BYTES_MAX + 1)
        yield line


def _is_own(raw: bytes | memoryview) -> bool:
    try:
        msgspec.json.decode(raw, type=_Own)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
