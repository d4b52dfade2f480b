"""A row that PostgreSQL refuses: the whole batch is refused, nothing of it stays, others can go on."""

import random
from collections.abc import Callable

import msgspec
import pytest

from engine.state import Actor, Item
from persistence.errors import FlushRejected
from persistence.postgres.store import InventoryStore
from persistence.records import FlushWork, JournalEntry
from tests.store.given import HERO, at, count, entry, items_of, loaded, new_item, of, work


def _entry(**changed: object) -> JournalEntry:
    return msgspec.structs.replace(entry(2), **changed)


POISON: dict[str, Callable[[Item], list[JournalEntry]]] = {
    "quantity zero": lambda mine: [entry(2, [of(mine, 0)])],
    "quantity beyond 64 bits": lambda mine: [entry(2, [of(mine, 2**63)])],
    "a place taken twice": lambda mine: [entry(2, [new_item(slot=0)])],
    "a place taken twice by new ones": lambda mine: [entry(2, [new_item(slot=3), new_item(slot=3)])],
    "an id that is no uuid": lambda mine: [entry(2, [new_item(slot=3, item_id="nonsense")])],
    "NUL in a place": lambda mine: [entry(2, [at(mine, "bag", "\0")])],
    "NUL in a caller's name": lambda mine: [_entry(by="\0")],
    "half a surrogate pair": lambda mine: [_entry(op_id="\ud800")],
    "half a surrogate pair in jsonb": lambda mine: [entry(2, actor=Actor(class_="\ud800"))],
    "NUL in jsonb": lambda mine: [_entry(commands=msgspec.Raw(b'["\\u0000"]'))],
    "what is not JSON": lambda mine: [_entry(commands=msgspec.Raw(b"["))],
    "a time beyond all calendars": lambda mine: [_entry(at=2**62)],
    "a slot beyond an index entry": lambda mine: [entry(2, [at(mine, "bag", _noise())])],
    "a gap in the journal": lambda mine: [entry(2), entry(4)],
    "a journal of another seq": lambda mine: [entry(3)],
    "removing what is not there": lambda mine: [entry(2, (), [new_item()])],
}


def _noise() -> str:
    # An index entry is compressed, so only text that does not compress is too long for one.
    return "".join(map(chr, random.Random(1).choices(range(0x100, 0x2000), k=9000)))


@pytest.mark.parametrize("poison", POISON)
async def test_one_poisoned_character_rejects_the_batch(
    store: InventoryStore, poison: str, caplog: pytest.LogCaptureFixture
) -> None:
    mine, fine = new_item(slot=0), new_item(slot=0)
    victim, other = await loaded(store, mine), await loaded(store)
    ledger = await count(store, "journal")
    batch = [work(other, entry(1, [fine])), work(victim, *POISON[poison](mine))]
    for works in (batch, batch[::-1], batch[1:]):
        with pytest.raises(FlushRejected) as rejected:
            await store.flush(works)
        assert str(rejected.value)
        assert await count(store, "journal") == ledger
        assert await items_of(store, victim.head.char_id) == {mine}
        assert await store.character(victim.head.char_id) == victim.head
        assert await store.character(other.head.char_id) == other.head
    assert (await store.flush(batch[:1]))[other.head.char_id].status == "flushed"
    assert await items_of(store, other.head.char_id) == {fine}
    assert not caplog.records, "a connection goes back to the pool without an open transaction"


async def test_an_item_of_another_is_never_overwritten(store: InventoryStore) -> None:
    theirs = new_item(slot=0, quantity=5)
    owner, thief = await loaded(store, theirs), await loaded(store)
    for claim in (
        [entry(1, [of(theirs, 9)])],
        [entry(1, [], [theirs])],
        [entry(1, [new_item(slot=1)]), entry(2, [theirs])],
    ):
        with pytest.raises(FlushRejected, match="this owner's"):
            await store.flush([work(thief, *claim)])
    assert await items_of(store, owner.head.char_id) == {theirs}
    assert await items_of(store, thief.head.char_id) == set()
    # One that came and went within the batch was never here; not even then may the row be touched.
    assert (await store.flush([work(thief, entry(1, [theirs]), entry(2, [], [theirs]))]))[
        thief.head.char_id
    ].status == "flushed"
    assert await items_of(store, owner.head.char_id) == {theirs}


async def test_one_new_id_for_two_characters_is_refused(store: InventoryStore) -> None:
    first, second, item = await loaded(store), await loaded(store), new_item()
    with pytest.raises(FlushRejected):
        await store.flush([work(first, entry(1, [item])), work(second, entry(1, [item]))])
    assert await count(store, "items") == 0


async def test_a_character_twice_in_a_batch_is_a_mistake(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    with pytest.raises(ValueError, match="twice"):
        await store.flush([work(snapshot, entry(1)), work(snapshot, entry(1))])


async def test_an_id_that_is_no_uuid_is_refused(store: InventoryStore) -> None:
    with pytest.raises(FlushRejected):
        await store.flush([FlushWork("nonsense", 1, 0, (entry(1),))])


async def test_the_ledger_cannot_be_altered(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    await store.flush([work(snapshot, entry(1, actor=HERO))])
    for change in ("UPDATE journal SET by = 'x'", "DELETE FROM journal", "TRUNCATE journal"):
        with pytest.raises(FlushRejected, match="append-only"):
            async with store.database.transaction(FlushRejected) as connection:
                await connection.execute(change)
    assert await count(store, "journal") == 1
