"""A table's rows come together by their characters, in a table of PostgreSQL that is the connection's own."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import Any, Final, Protocol, cast
from uuid import UUID

import msgspec
from msgspec import Struct

from persistence.moving_in.columns import Page
from persistence.moving_in.ids import char_id_of, item_id_of
from persistence.moving_in.judge import ITEMS_MAX
from persistence.moving_in.rows import Fault, read, undecodable
from persistence.moving_in.rows import Row as TableRow
from persistence.moving_in.snapshot import snapshot
from persistence.postgres.database import Connection
from persistence.postgres.named_sql import query

PAGE: Final = 5_000
# Rows of one owner often come together.
_IDS_KEPT: Final = 50_000
_NIL: Final = str(UUID(int=0))
_COLUMNS: Final = ("char_id", "number", "item_id", "taken", "row")

_encode = msgspec.json.Encoder().encode
_row = msgspec.json.Decoder(TableRow).decode
_fault = msgspec.json.Decoder(Fault).decode
Record = tuple[str | None, int, str | None, bool, bytes]
# Rows of a page, and their units by the templates' names in the table.
Told = Callable[[int, dict[str, int]], None]


# A row of import_rows or import_existing.
_Kept = tuple[UUID | None, int, bytes, bool, bool, str | None, bool]


class _Cursor(Protocol):
    async def fetch(self, n: int) -> list[_Kept]: ...


class _Driver(Protocol):
    """What is used of a connection beside ``Connection``."""

    def cursor(self, query: str, *args: object) -> Awaitable[_Cursor]: ...

    def copy_records_to_table(
        self, table_name: str, *, records: Sequence[Any], columns: Sequence[str]
    ) -> Coroutine[Any, Any, str]: ...


class Gathered(Struct):
    """The rows of a character, in the order of their numbers; ``texts`` are they as they were kept.

    ``taken``: rows whose item's id another one has. ``existing``: there is such a character;
    ``digest``: of the rows that it was made of and of what came of them, if it was brought in.
    """

    char_id: str
    existing: bool
    erased: bool
    digest: str | None
    rows: list[tuple[int, TableRow]]
    texts: list[bytes]
    taken: set[int]

    def rows_digest(self) -> str:
        """A hash over the rows, in whatever order they came."""
        joined = b"\n".join(sorted(self.texts))
        return hashlib.blake2b(joined, digest_size=16).hexdigest()

    def is_of_these_rows(self) -> bool:
        """Whether the character was brought in, and made of just these rows."""
        return self.digest is not None and self.digest.partition(":")[0] == self.rows_digest()

    def came_to(self, judged: str) -> bool:
        """Whether just what has the digest ``judged`` came in of the rows then."""
        return self.digest is not None and self.digest.partition(":")[2] == judged


class Beyond(Struct, frozen=True):
    """A row of a character that has more than are judged; ``is_new``: nobody else made the character."""

    char_id: str
    is_new: bool
    number: int
    row: TableRow


class Gathering:
    """Rows go in page by page, and come out character by character, as often as they are asked for."""

    def __init__(self, connection: Connection, namespace: UUID) -> None:
        """``connection`` is kept for as long as the rows are needed; ``namespace`` is that of new ids."""
        self._connection = connection
        self._driver = cast("_Driver", connection)
        self._namespace = namespace
        self._char_id = lru_cache(_IDS_KEPT)(lambda owner: char_id_of(owner, namespace))
        self._has_ids = False

    async def begin(self) -> None:
        """Make the table; before everything else."""
        await self._connection.execute(query("import_manners"))
        await self._connection.execute(query("import_table"))

    async def fill(self, pages: AsyncIterator[Page], tell: Told) -> None:
        """Take all pages in: PostgreSQL keeps the rows of one while the next one is read."""
        keeping: asyncio.Task[str] | None = None
        try:
            async for page in pages:
                units, records = self._read_page(page)
                if keeping is not None:
                    await keeping
                keeping = asyncio.create_task(
                    self._driver.copy_records_to_table("moving_in", records=records, columns=_COLUMNS)
                )
                # It is sent now: to read a file gives nobody else a turn.
                await asyncio.sleep(0)
                tell(len(page), units)
        finally:
            if keeping is not None:
                await keeping
        await self._connection.execute(query("import_look"))
        if self._has_ids:
            await self._connection.execute(query("import_taken"))

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """Within it ``characters`` may be asked for, and what is there is always the same."""
        return snapshot(self._connection)

    async def characters(
        self, *, existing_only: bool = False
    ) -> AsyncGenerator[Gathered | Beyond | tuple[int, Fault], None]:
        """First the rows that cannot be judged, with their numbers, then the characters by id.

        ``existing_only``: only characters that are there.
        """
        gathered: Gathered | None = None
        last: UUID | None = None
        rows: list[tuple[int, TableRow]] = []
        texts: list[bytes] = []
        wanted = query("import_existing") if existing_only else query("import_rows")
        cursor = await self._driver.cursor(wanted)
        while page := await cursor.fetch(PAGE):
            for owner, number, text, taken, existing, digest, erased in page:
                if owner is None:
                    yield number, _fault(text)
                    continue
                if owner != last:
                    if gathered is not None:
                        yield gathered
                    last = owner
                    rows, texts = [], []
                    gathered = Gathered(str(owner), existing, erased, digest, rows, texts, set())
                assert gathered is not None
                if len(rows) == ITEMS_MAX:
                    is_new = not gathered.existing or gathered.digest is not None
                    yield Beyond(gathered.char_id, is_new, number, _row(text))
                    continue
                rows.append((number, _row(text)))
                texts.append(text)
                if taken:
                    gathered.taken.add(number)
        if gathered is not None:
            yield gathered

    def _read_page(self, page: Page) -> tuple[dict[str, int], list[Record]]:
        """Units by the templates' names in the table, and the rows as they are kept."""
        units: dict[str, int] = {}
        records: list[Record] = []
        for number, cells in page:
            row = read(cells)
            if isinstance(row, TableRow):
                try:
                    char_id = self._char_id(row.owner)
                    item_id = None
                    if row.item_id:
                        item_id = item_id_of(row.item_id, self._namespace)
                        row = msgspec.structs.replace(row, item_id=item_id)
                        self._has_ids = True
                    text = _encode(row)
                except UnicodeEncodeError:
                    row = undecodable(row)
                else:
                    if char_id != _NIL:
                        units[row.template] = units.get(row.template, 0) + row.quantity
                        records.append((char_id, number, item_id, False, text))
                        continue
                    row = Fault(row.owner, row.template, "owner", "it is the nil UUID, which is nobody's")
            records.append((None, number, None, False, _encode(row)))
        return units, records
