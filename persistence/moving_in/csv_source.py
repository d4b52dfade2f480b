"""A table in a file of comma-separated values, its columns named by its first line."""

import csv
import io
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import BinaryIO, Final

from persistence.moving_in.columns import ABSENT, FIELDS, PAGE, Misread, Page, others, positions
from persistence.moving_in.errors import ImportRefused

# A line is held in memory; whatever has longer ones is no table.
LINE_LENGTH_MAX: Final = 1024 * 1024


class CsvSource:
    """Reads RFC 4180, with any delimiter and encoding.

    Where quotes do not close, nobody can say where rows begin and end, so that is the end of it. A row
    that has too many fields or too few is by itself wrong.
    """

    def __init__(
        self, file: BinaryIO, renamed: Mapping[str, str], *, delimiter: str = ",", encoding: str = "utf-8-sig"
    ) -> None:
        """``renamed``: the columns of fields that are not called as the field is."""
        # What is not of the encoding is kept apart, so that only its row is wrong.
        self._text = io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="")
        self._renamed = renamed
        self._delimiter = delimiter
        self.left_aside: Sequence[str] = ()

    async def pages(self) -> AsyncGenerator[Page, None]:
        """All rows; blank lines are none."""
        reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
        try:
            header = next(reader, None)
            if header is None:
                raise ImportRefused("the file is empty: its first line should name the columns")
            names = [name.strip().removeprefix("\ufeff") for name in header]
            found = positions(names, self._renamed)
            self.left_aside = others(names, found)
            width = len(names)
            # What has no column is picked from behind the row's end, where all that is absent stands.
            absent = [ABSENT[field] for field in FIELDS]
            pick = itemgetter(*(found.get(field, width + n) for n, field in enumerate(FIELDS)))
            numbered = enumerate(filter(None, reader), 1)
            while records := list(islice(numbered, PAGE)):
                page: Page = [
                    (number, pick(record + absent) if len(record) == width else _misfit(record, width, found))
                    for number, record in records
                ]
                yield page
        except csv.Error as error:
            raise ImportRefused(f"line {reader.line_num} is no CSV: {error}") from error
        except UnicodeError as error:
            raise ImportRefused(
                f"line {reader.line_num + 1} is not {self._text.encoding}: {error}"
            ) from error

    def _lines(self) -> Iterator[str]:
        while line := self._text.readline(LINE_LENGTH_MAX + 1):
            if len(line) > LINE_LENGTH_MAX:
                raise csv.Error(f"it is longer than {LINE_LENGTH_MAX} characters")
            yield line


def _misfit(record: list[str], width: int, found: Mapping[str, int]) -> Misread:
    owner, template = (
        record[found[field]] if found[field] < len(record) else "" for field in ("owner", "template")
    )
    return Misread(f"it has {len(record)} fields, and the first line {width}", owner, template)
