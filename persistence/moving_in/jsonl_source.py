"""A table in a file of JSON Lines: an object a line, its columns named by its keys."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO, Final

import msgspec

from persistence.moving_in.columns import ABSENT, FIELDS, PAGE, Cells, Misread, Page, names_of

LINE_BYTES_MAX: Final = 1024 * 1024
KEYS_KEPT: Final = 1_000

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_ABSENT: Final = object()


class JsonLinesSource:
    """Reads one object a line; a line that is none is by itself wrong."""

    def __init__(self, file: BinaryIO, renamed: Mapping[str, str]) -> None:
        """``renamed``: the keys of fields that are not called as the field is."""
        self._file = file
        self._keys = [(name, ABSENT[field]) for field, name in names_of(renamed).items()]
        assert len(self._keys) == len(FIELDS)
        self._names = frozenset(name for name, _ in self._keys)
        # In the order in which they are met; a file may have other keys in each of its lines.
        self._others: dict[str, None] = {}

    @property
    def left_aside(self) -> Sequence[str]:
        """Keys that no field is taken from; no others are kept once there are a thousand."""
        return tuple(self._others)

    async def pages(self) -> AsyncGenerator[Page, None]:
        """All rows; blank lines are none."""
        rows = self._rows()
        while page := list(islice(rows, PAGE)):
            yield page

    def _rows(self) -> Iterator[tuple[int, Cells | Misread]]:
        number = 0
        for line in self._lines():
            text = line.strip()
            if text:
                number += 1
                yield number, self._cells(text)

    def _cells(self, text: bytes) -> list[str | None] | Misread:
        if len(text) > LINE_BYTES_MAX:
            return Misread(f"it is longer than {LINE_BYTES_MAX} bytes")
        try:
            document = _decode(text)
        except msgspec.ValidationError:
            return Misread("it is no JSON object")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Misread(f"it is no JSON: {error}")
        if not self._names.issuperset(document) and len(self._others) < KEYS_KEPT:
            self._others |= dict.fromkeys(key for key in document if key not in self._names)
        return [_cell(document.get(key, _ABSENT), absent) for key, absent in self._keys]

    def _lines(self) -> Iterator[bytes]:
        first = True
        while line := self._file.readline(LINE_BYTES_MAX + 2):
            rest = line
            while len(rest) > LINE_BYTES_MAX and not rest.endswith(b"\n"):
                rest = self._file.readline(LINE_BYTES_MAX + 2)
            yield line.removeprefix(b"\xef\xbb\xbf") if first else line
            first = False


def _cell(value: object, absent: str | None) -> str | None:
    if value is _ABSENT:
        return absent
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _encode(value).decode()
