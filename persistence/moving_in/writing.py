"""Characters are written, many of them and all that they have, under the catalog that they were judged by."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from engine.outcome import Changes
from engine.state import Actor, Item
from persistence.errors import FlushRejected
from persistence.moving_in.errors import ImportRefused
from persistence.postgres import array_text
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query
from persistence.records import JournalEntry

# A transaction of some tenths of a second.
ITEMS_AT_ONCE: Final = 5_000
CHARACTERS_AT_ONCE: Final = 1_000

_encode = msgspec.json.Encoder().encode


class NewCharacter(Struct, frozen=True, gc=False):
    """A character with its first inventory; ``rows``: of how many it was made, ``digest``: over them."""

    char_id: str
    name: str
    actor: Actor
    items: Mapping[str, Item]
    given: Sequence[str]
    rows: int
    digest: str


class Writer:
    """Writes to one database."""

    def __init__(self, database: Database, by: str, catalog: int) -> None:
        """``by``: who the ledger says it was. ``catalog``: the version that characters were judged by."""
        self._database = database
        self._by = by
        self._catalog = catalog

    async def write(self, batch: Sequence[NewCharacter]) -> None:
        """All of them or none; each has one entry in the ledger if it has anything.

        Raises ``ImportRefused`` where one of them, or one of the items, has been made meanwhile, or the
        catalog is another one; ``Unavailable``; ``OutcomeUnknown``. The next import finds what was written,
        and goes on.
        """
        arguments = self._arguments(batch)
        try:
            async with self._database.transaction(FlushRejected) as connection:
                # A template cannot vanish between this and the items that it has then.
                await connection.execute(query("import_hold_catalog"))
                version: int = await connection.fetchval(query("catalog_version"))
                if version != self._catalog:
                    raise ImportRefused(
                        f"the item catalog is at version {version} now, and the rows were judged by version"
                        f" {self._catalog}. Those before are in place; begin again, and they are passed by"
                    )
                await connection.fetch(query("import_characters"), *arguments)
        except FlushRejected as error:
            raise ImportRefused(
                f"PostgreSQL refuses {len(batch)} characters, from {batch[0].char_id} on: {error}."
                " Those before are in place; begin again, and they are passed by"
            ) from error

    def _arguments(self, batch: Sequence[NewCharacter]) -> list[str | bytes | int]:
        at_ms = time.time_ns() // 1_000_000
        with_items = [one for one in batch if one.items]
        lines = b"\n".join(_encode(self._entry(one, at_ms)) for one in with_items)
        items = [item for one in batch for item in one.items.values()]
        owners = [one.char_id for one in batch for _ in one.items]
        places = [item.place for item in items]
        return [
            array_text.texts([one.char_id for one in batch]),
            array_text.texts([one.name for one in batch]),
            array_text.texts([_encode(one.actor).decode() for one in batch]),
            array_text.numbers([1 if one.items else 0 for one in batch]),
            array_text.texts([one.digest for one in batch]),
            array_text.texts([one.char_id for one in with_items]),
            lines,
            array_text.texts([item_id for one in batch for item_id in one.given]),
            array_text.texts([one.char_id for one in batch for _ in one.given]),
            array_text.texts([item.item_id for item in items]),
            array_text.texts(owners),
            array_text.texts([item.template_id for item in items]),
            array_text.numbers([item.quantity for item in items]),
            array_text.texts([place.container for place in places]),
            array_text.texts([str(place.slot) for place in places]),
            array_text.flags([item.bound for item in items]),
            array_text.flags([item.locked for item in items]),
            len(batch),
            len(items),
        ]

    def _entry(self, one: NewCharacter, at_ms: int) -> JournalEntry:
        return JournalEntry(
            seq=1,
            at=at_ms,
            by=self._by,
            request_id="",
            op_id="",
            commands=Raw(_encode([{"op": "import", "rows": one.rows}])),
            changes=Changes(tuple(one.items.values()), ()),
        )
