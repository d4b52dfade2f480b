"""LOAD: the epoch rises, the incarnation with a character found open, and slots come back as they were."""

import msgspec
import pytest

from engine.ruleset import Ruleset
from persistence.postgres.store import InventoryStore
from persistence.postgres.store_rows import Slots
from tests.loading import begin_load
from tests.store.given import entry, loaded, new_item, work


async def test_each_load_raises_the_epoch(store: InventoryStore) -> None:
    first = await loaded(store)
    assert (first.head.epoch, first.head.open, first.head.incarnation) == (1, True, 0)
    await store.mark_closed(first.head.char_id, 1)
    second = await begin_load(store, first.head.char_id)
    assert (second.head.epoch, second.head.open, second.head.incarnation) == (2, True, 0)


async def test_a_character_found_open_has_a_new_incarnation(store: InventoryStore) -> None:
    first = await loaded(store)
    again = await begin_load(store, first.head.char_id)
    assert (again.head.epoch, again.head.incarnation) == (2, 1)
    assert (await begin_load(store, first.head.char_id)).head.incarnation == 2
    assert (await store.character(first.head.char_id)) == msgspec.structs.replace(
        again.head, epoch=3, incarnation=2
    )


async def test_items_come_back_as_they_were(store: InventoryStore) -> None:
    items = [
        new_item("bag", 0, 5, bound=True),
        new_item("bag", 19, 10**12, locked=True),
        new_item("overflow", 12_345, held=True),
        new_item("equipment", "main_hand"),
        new_item("wallet", "gold", 10**12, template_id="gold"),
        new_item("attic", "7"),
        new_item("bag", "beyond"),
    ]
    snapshot = await loaded(store, *items)
    assert set(snapshot.items) == set(items)
    assert (await begin_load(store, snapshot.head.char_id)).items == snapshot.items, "in the same order"


@pytest.mark.parametrize(
    ("container", "text", "slot"),
    [
        ("bag", "7", 7),
        ("bag", "0", 0),
        ("bank", "10000", 10_000),
        ("overflow", "999999", 999_999),
        ("equipment", "ring_1", "ring_1"),
        ("wallet", "7", "7"),
        ("unknown", "7", "7"),
        ("bag", "", ""),
        ("bag", "-1", "-1"),
        ("bag", "07", "07"),
        ("bag", "1_0", "1_0"),
        ("bag", "٣", "٣"),
        ("bag", "²", "²"),
        ("bag", "9" * 5000, "9" * 5000),
    ],
)
def test_slots_are_integers_where_the_ruleset_says_so(
    ruleset: Ruleset, container: str, text: str, slot: int | str
) -> None:
    assert Slots(ruleset).key(container, text) == slot


async def test_the_actor_and_the_seq_are_what_was_flushed_last(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    braver = msgspec.structs.replace(snapshot.head.actor, level=8)
    stunned = msgspec.structs.replace(braver, states=("stunned",))
    await store.flush([work(snapshot, entry(1, actor=braver), entry(2, actor=stunned), entry(3))])
    head = (await begin_load(store, snapshot.head.char_id)).head
    assert (head.actor, head.seq) == (stunned, 3)
