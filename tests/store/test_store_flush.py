"""FLUSH: what is written, what is passed over, and how many statements it takes."""

import asyncio

import msgspec
import pytest

from engine.state import Item
from persistence.postgres.store import InventoryStore
from persistence.records import FlushResult, FlushWork, Snapshot
from tests.loading import begin_load
from tests.store.cutting_proxy import CuttingProxy
from tests.store.given import COMMANDS, HERO, at, count, entry, items_of, loaded, new_id, new_item, of, work


async def test_entries_become_items_and_ledger(store: InventoryStore) -> None:
    sword, shield = new_item(slot=0), new_item(slot=1, template_id="shield")
    snapshot = await loaded(store)
    char_id = snapshot.head.char_id
    entries = (
        entry(1, [sword, shield], time_ms=1_700_000_000_001),
        entry(
            2, [at(sword, "equipment", "main_hand")], [shield], HERO, by="support", time_ms=1_234_567_891_999
        ),
    )
    results = await store.flush([work(snapshot, *entries)])
    assert results == {char_id: FlushResult("flushed", 1, 2)}
    assert await items_of(store, char_id) == {at(sword, "equipment", "main_hand")}
    ledger = await store.journal(char_id)
    assert [msgspec.structs.replace(e, commands=COMMANDS) for e in ledger] == list(entries)
    assert [msgspec.json.decode(e.commands) for e in ledger] == [msgspec.json.decode(COMMANDS)] * 2
    head = await store.character(char_id)
    assert head is not None and (head.seq, head.open, head.epoch) == (2, True, 1)


async def test_the_ledger_is_read_in_pages(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    await store.flush([work(snapshot, *(entry(n) for n in range(1, 8)))])
    char_id = snapshot.head.char_id
    assert [e.seq for e in await store.journal(char_id, 0, 3)] == [1, 2, 3]
    assert [e.seq for e in await store.journal(char_id, 3, 10)] == [4, 5, 6, 7]
    assert await store.journal(char_id, 7) == [] == await store.journal(new_id())


async def test_only_the_final_value_of_an_item_counts(store: InventoryStore) -> None:
    kept, used = new_item(slot=0, quantity=3), new_item(slot=1, quantity=3)
    snapshot = await loaded(store, kept, used)
    passing = new_item(slot=2)
    back = of(used, 9)
    await store.flush(
        [
            work(
                snapshot,
                entry(2, [of(kept, 2), passing, of(used, 1)]),
                entry(3, [of(kept, 1)], [used, passing]),
                entry(4, [of(kept, 7), back]),
            )
        ]
    )
    assert await items_of(store, snapshot.head.char_id) == {of(kept, 7), back}


async def test_an_item_changed_and_then_removed_in_one_batch_is_gone(store: InventoryStore) -> None:
    item, other = new_item(slot=0, quantity=2), new_item(slot=1)
    snapshot = await loaded(store, item, other)
    results = await store.flush([work(snapshot, entry(2, [of(item, 1)]), entry(3, [], [item, other]))])
    assert results[snapshot.head.char_id].status == "flushed"
    assert await items_of(store, snapshot.head.char_id) == set()


async def test_two_items_swap_places_in_one_flush(store: InventoryStore) -> None:
    left, right = new_item("equipment", "ring_1"), new_item("equipment", "ring_2")
    snapshot = await loaded(store, left, right)
    swapped = [at(left, "equipment", "ring_2"), at(right, "equipment", "ring_1")]
    await store.flush([work(snapshot, entry(2, swapped))])
    assert await items_of(store, snapshot.head.char_id) == set(swapped)


async def test_an_item_takes_the_place_of_a_removed_one(store: InventoryStore) -> None:
    old, new = new_item(slot=0), new_item(slot=1)
    snapshot = await loaded(store, old, new)
    await store.flush([work(snapshot, entry(2, [at(new, "bag", 0)], [old]))])
    assert await items_of(store, snapshot.head.char_id) == {at(new, "bag", 0)}


async def test_the_same_work_twice_is_passed_over(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    same = work(snapshot, entry(1, [new_item()]), entry(2))
    results = await asyncio.gather(*(store.flush([same]) for _ in range(4)))
    char_id = snapshot.head.char_id
    outcomes = [result[char_id] for result in results]
    assert outcomes.count(FlushResult("flushed", 1, 2)) == 1
    assert {outcome.status for outcome in outcomes} <= {"flushed", "passed_over", "busy"}
    assert (await store.flush([same]))[char_id] == FlushResult("passed_over", 1, 2)
    assert await count(store, "journal") == 2


async def test_an_older_epoch_is_passed_over(store: InventoryStore) -> None:
    old = await loaded(store)
    new = await begin_load(store, old.head.char_id)
    results = await store.flush([work(old, entry(1, [new_item()]))])
    assert results == {old.head.char_id: FlushResult("passed_over", 2, 0)}
    head = await store.character(old.head.char_id)
    assert head == new.head and head.open
    assert await count(store, "journal") == 0 == await count(store, "items")


async def test_a_newer_epoch_than_postgresql_gave_is_passed_over(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    forged = msgspec.structs.replace(work(snapshot, entry(1)), epoch=5)
    assert await store.flush([forged]) == {snapshot.head.char_id: FlushResult("passed_over", 1, 0)}


@pytest.mark.parametrize("base", [0, 3])
async def test_work_that_begins_elsewhere_is_passed_over(store: InventoryStore, base: int) -> None:
    snapshot = await loaded(store)
    await store.flush([work(snapshot, entry(1), entry(2))])
    char_id = snapshot.head.char_id
    stray = FlushWork(char_id, 1, base, (entry(base + 1, [new_item()]),))
    assert await store.flush([stray]) == {char_id: FlushResult("passed_over", 1, 2)}
    assert await count(store, "items") == 0


async def test_one_batch_has_a_result_for_each(store: InventoryStore) -> None:
    fine, stale = await loaded(store), await loaded(store)
    await begin_load(store, stale.head.char_id)
    nobody = new_id()
    mine, theirs = new_item(), new_item()
    results = await store.flush(
        [
            work(stale, entry(1, [theirs])),
            FlushWork(nobody, 1, 0, (entry(1, [new_item()]),)),
            work(fine, entry(1, [mine])),
        ]
    )
    assert results == {
        stale.head.char_id: FlushResult("passed_over", 2, 0),
        nobody: FlushResult("absent"),
        fine.head.char_id: FlushResult("flushed", 1, 1),
    }
    assert await items_of(store, fine.head.char_id) == {mine}
    assert await count(store, "items") == 1 == await count(store, "journal")


async def test_work_without_entries_only_asks(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    assert (await store.flush([work(snapshot)]))[snapshot.head.char_id].status == "flushed"
    assert await store.character(snapshot.head.char_id) == snapshot.head
    assert await store.flush([]) == {}


async def test_a_head_knows_whose_flush_moved_it(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    char_id = snapshot.head.char_id
    assert snapshot.line is None
    first = msgspec.structs.replace(work(snapshot, entry(1, [new_item()])), incarnation=7)
    await store.flush([first])
    assert (await begin_load(store, char_id)).line == 7
    asking = FlushWork(char_id, 2, 1, (), 8)
    assert (await store.flush([asking]))[char_id].status == "flushed"
    assert (await begin_load(store, char_id)).line == 7, "what moves nothing is nobody's"


async def test_only_who_holds_the_newest_epoch_marks_a_character_closed(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    char_id = snapshot.head.char_id
    await store.mark_closed(char_id, 0)
    assert (await store.character(char_id) or snapshot.head).open
    await store.mark_closed(char_id, 1)
    assert not (await store.character(char_id) or snapshot.head).open


async def test_results_are_under_the_ids_that_were_sent(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    shouted = msgspec.structs.replace(work(snapshot, entry(1)), char_id=snapshot.head.char_id.upper())
    assert list(await store.flush([shouted])) == [shouted.char_id]


async def test_statements_do_not_grow_with_the_batch(
    store: InventoryStore, proxied: InventoryStore, proxy: CuttingProxy
) -> None:
    async def messages(characters: int) -> int:
        batch: list[FlushWork] = []
        for _ in range(characters):
            snapshot, kept = await _with_item(store)
            batch.append(work(snapshot, entry(2, [new_item(slot=5)], [kept]), entry(3, [new_item(slot=6)])))
        proxy.statements.clear()
        results = await proxied.flush(batch)
        assert {result.status for result in results.values()} == {"flushed"}
        return sum(statement[:1] in b"BQ" for statement in proxy.statements)

    await messages(1)
    assert await messages(1) == await messages(40) == 1, "a transaction by itself"


async def test_who_does_not_fit_is_left_out_and_the_others_are_sent_again(
    store: InventoryStore, proxied: InventoryStore, proxy: CuttingProxy
) -> None:
    fine, stale = [await loaded(store) for _ in range(3)], [await loaded(store) for _ in range(3)]
    for snapshot in stale:
        await begin_load(store, snapshot.head.char_id)
    batch = [work(snapshot, entry(1, [new_item()])) for snapshot in (*fine[:2], *stale, fine[2])]
    await proxied.ping()
    proxy.statements.clear()
    results = await proxied.flush(batch)
    assert [results[each.char_id].status for each in batch] == [
        "flushed", "flushed", "passed_over", "passed_over", "passed_over", "flushed"
    ]  # fmt: skip
    assert sum(statement[:1] == b"B" for statement in proxy.statements) == 2


async def test_texts_that_an_array_has_to_spell_otherwise(store: InventoryStore) -> None:
    names = ['a "quoted" one', "back\\slash", "{braces}", "a, b", "NULL", "", " ", "line\nbreak", "Zwölf"]
    items = {new_item("wallet", f"{n} {name}", template_id=name) for n, name in enumerate(names)}
    snapshot = await loaded(store, *items)
    assert await items_of(store, snapshot.head.char_id) == items
    actor = msgspec.structs.replace(HERO, class_='"\\ {}, NULL')
    await store.flush([work(snapshot, entry(2, [], list(items), actor))])
    head = await store.character(snapshot.head.char_id)
    assert head is not None and head.actor == actor
    assert await items_of(store, snapshot.head.char_id) == set()


async def test_an_entry_may_be_spelled_over_several_lines(store: InventoryStore) -> None:
    snapshot, item = await loaded(store), new_item()
    plain = work(snapshot, entry(1, [item]), entry(2))
    texts = tuple(msgspec.json.format(msgspec.json.encode(each), indent=2) for each in plain.entries)
    assert all(b"\n" in text for text in texts)
    await store.flush([msgspec.structs.replace(plain, texts=texts)])
    ledger = await store.journal(snapshot.head.char_id)
    assert [msgspec.structs.replace(each, commands=COMMANDS) for each in ledger] == list(plain.entries)


async def test_an_id_passes_from_one_character_to_another_in_one_flush(store: InventoryStore) -> None:
    item = new_item()
    giver, taker = await loaded(store, item), await loaded(store)
    gives, takes = work(giver, entry(2, [], [item])), work(taker, entry(1, [item]))
    results = await store.flush([takes, gives])
    assert {result.status for result in results.values()} == {"flushed"}
    assert await items_of(store, taker.head.char_id) == {item}


async def _with_item(store: InventoryStore) -> tuple[Snapshot, Item]:
    item = new_item()
    return await loaded(store, item), item
