"""Characters, items and work for the store's tests, with what does not matter filled in."""

import uuid
from collections.abc import Iterable

import msgspec

from engine.outcome import Changes
from engine.state import Actor, Item, Place, SlotKey
from persistence.postgres.store import InventoryStore
from persistence.records import FlushWork, JournalEntry, Snapshot
from tests.loading import begin_load

HERO = Actor(level=7, class_="warrior", attributes={"strength": 12}, states=("in_combat",))
COMMANDS = msgspec.Raw(b'[{"op":"grant","template_id":"sword","quantity":1}]')


def new_id() -> str:
    """The id of a new character."""
    return str(uuid.uuid4())


def new_item(
    container: str = "bag",
    slot: SlotKey = 0,
    quantity: int = 1,
    template_id: str = "sword",
    item_id: str | None = None,
    *,
    bound: bool = False,
    locked: bool = False,
    held: bool = False,
) -> Item:
    """An item with an id of its own."""
    place = Place(container, slot)
    return Item(item_id or uuid.uuid4().hex, template_id, quantity, place, bound, locked, held)


def at(item: Item, container: str, slot: SlotKey) -> Item:
    """The item elsewhere."""
    return msgspec.structs.replace(item, place=Place(container, slot))


def of(item: Item, quantity: int) -> Item:
    """The item with another quantity."""
    return msgspec.structs.replace(item, quantity=quantity)


def entry(
    seq: int,
    changed: Iterable[Item] = (),
    removed: Iterable[Item] = (),
    actor: Actor | None = None,
    *,
    by: str = "game",
    time_ms: int = 1_700_000_000_123,
) -> JournalEntry:
    """What a call that did this leaves in the journal."""
    changes = Changes(tuple(changed), tuple(item.item_id for item in removed), actor)
    return JournalEntry(seq, time_ms, by, "request", f"op-{seq}", COMMANDS, changes)


def work(snapshot: Snapshot, *entries: JournalEntry) -> FlushWork:
    """The entries, as following on what was loaded."""
    head = snapshot.head
    return FlushWork(head.char_id, head.epoch, head.seq, entries, head.incarnation)


async def loaded(store: InventoryStore, *items: Item) -> Snapshot:
    """A new character, loaded, that has the items in PostgreSQL."""
    head = await store.create_character(new_id(), "Aria", HERO)
    snapshot = await begin_load(store, head.char_id)
    if items:
        await store.flush([work(snapshot, entry(1, items))])
        await store.mark_closed(head.char_id, head.epoch + 1)
        snapshot = await begin_load(store, head.char_id)
    return snapshot


async def items_of(store: InventoryStore, char_id: str) -> set[Item]:
    """The items PostgreSQL has, without loading the character."""
    async with store.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT item_id, template_id, quantity, container, slot, bound, locked, held"
            "  FROM items WHERE owner = $1",
            char_id,
        )
    return set(map(store._slots.item, rows))


async def count(store: InventoryStore, table: str) -> int:
    """Rows in a table."""
    async with store.database.connection() as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
