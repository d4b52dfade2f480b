"""What PostgreSQL has of some characters, read from one snapshot and handed out one by one."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, cast

import msgspec
from msgspec import Struct

from engine.state import Actor, Item
from persistence.audit import findings
from persistence.audit.findings import Violation
from persistence.audit.ledger import Ledger, baseline_of
from persistence.ledger.replay import Inventory
from persistence.postgres.database import Connection, Database, Row
from persistence.postgres.named_sql import query
from persistence.postgres.store_rows import Slots

_actor = msgspec.json.Decoder(Actor).decode


class Remembered(Struct, frozen=True):
    """An operation as PostgreSQL remembers it; ``done`` is the MD5 of what a session remembers it by."""

    op_id: str
    seq: int
    done: str


class Stored(Struct, frozen=True):
    """One character in PostgreSQL; ``found`` is what is wrong there, without any look at Redis."""

    char_id: str
    epoch: int
    seq: int
    actor: Actor
    items: dict[str, Item]
    units: int
    operations: dict[int, Remembered]
    ledger: Ledger
    found: list[Violation]


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Connection]:
    """A connection on which everything is read as it was at one moment."""
    async with database.transaction() as connection:
        await connection.execute(query("audit_snapshot"))
        await connection.execute(query("audit_manners"))
        yield connection


class Reader:
    """Reads characters; entries and items in pages, so that what is held is one page and one character."""

    def __init__(self, slots: Slots, page: int) -> None:
        """``slots`` says what a slot is to the rules; ``page``: so many rows at once."""
        self._slots = slots
        self._page = page

    async def characters(
        self, connection: Connection, char_ids: Sequence[str], live: Collection[str]
    ) -> AsyncIterator[Stored]:
        """Those of ``char_ids`` that exist, in the order of their ids; operations only of ``live`` ones."""
        heads = {row["char_id"]: row for row in await connection.fetch(query("audit_heads"), char_ids)}
        baselines = {
            row["char_id"]: row for row in await connection.fetch(query("audit_baselines"), char_ids)
        }
        operations: dict[str, dict[int, Remembered]] = {}
        for row in await connection.fetch(query("audit_operations"), list(live)) if live else ():
            ring = operations.setdefault(row["char_id"], {})
            ring[row["slot"]] = Remembered(row["op_id"], row["seq"], row["done"])
        entries = _Grouped(connection, query("audit_entries"), char_ids, self._page)
        items = _Grouped(connection, query("audit_items"), char_ids, self._page)
        for char_id in sorted(heads):
            head = heads[char_id]
            ledger = _ledger(char_id, baselines.get(char_id))
            async for rows in entries.of(char_id):
                ledger.add(rows)
            stored = {item.item_id: item async for rows in items.of(char_id) for item in self._items(rows)}
            yield _judged(char_id, head, stored, operations.get(char_id, {}), ledger)

    def _items(self, rows: Sequence[Row]) -> list[Item]:
        return list(map(self._slots.item, rows))


def _ledger(char_id: str, row: Row | None) -> Ledger:
    if row is None:
        return Ledger(char_id)
    try:
        return Ledger(char_id, baseline_of(row), row["seqs"])
    except ValueError as error:
        ledger = Ledger(char_id, Inventory(row["seq"]), row["seqs"])
        ledger.give_up(findings.REPLAY, f"its baseline at {row['seq']} cannot be read: {error}")
        return ledger


def _judged(
    char_id: str, head: Row, items: dict[str, Item], operations: dict[int, Remembered], ledger: Ledger
) -> Stored:
    ledger.end(head["seq"])
    units: Counter[str] = Counter()
    for item in items.values():
        units[item.template_id] += item.quantity
    try:
        actor = _actor(head["actor"])
    except ValueError as error:
        actor = Actor()
        ledger.give_up(findings.REPLAY, f"PostgreSQL's actor cannot be read: {error}")
    ledger.contents(items, actor)
    ledger.totals(units)
    return Stored(
        char_id,
        head["epoch"],
        head["seq"],
        actor,
        items,
        units.total(),
        operations,
        ledger,
        ledger.found,
    )


class _Cursor(Protocol):
    async def fetch(self, n: int) -> list[Row]: ...


class _Cursors(Protocol):
    """What is used of a connection beside ``Connection``: a result that is fetched in pages."""

    def cursor(self, query: str, *args: object) -> Awaitable[_Cursor]: ...


class _Grouped:
    """Rows of a statement that is ordered by ``char_id``, asked for character by character in that order."""

    def __init__(self, connection: Connection, query: str, char_ids: Sequence[str], page: int) -> None:
        self._opening = cast("_Cursors", connection).cursor(query, char_ids)
        self._cursor: _Cursor | None = None
        self._page = page
        self._rows: list[Row] = []
        self._at = 0

    async def of(self, char_id: str) -> AsyncIterator[list[Row]]:
        """The character's rows, in runs; those of earlier ones that nobody asked for are passed by."""
        while await self._more():
            rows, first = self._rows, self._at
            owner = rows[first]["char_id"]
            last = first + 1
            while last < len(rows) and rows[last]["char_id"] == owner:
                last += 1
            name = str(owner)
            if name > char_id:
                return
            self._at = last
            if name == char_id:
                yield rows[first:last]

    async def _more(self) -> bool:
        if self._at < len(self._rows):
            return True
        if self._cursor is None:
            self._cursor = await self._opening
        self._rows, self._at = await self._cursor.fetch(self._page), 0
        return bool(self._rows)
