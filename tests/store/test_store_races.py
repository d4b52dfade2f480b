"""Loads and flushes at once: no torn snapshot, no deadlock, nothing written twice."""

import asyncio
import random

import pytest

from engine.ruleset import Ruleset
from engine.state import Item
from persistence.errors import CharacterNotFound, CharacterQuarantined
from persistence.postgres.load_batch import HeadHeld
from persistence.postgres.store import InventoryStore
from persistence.records import FlushWork, Snapshot
from tests.loading import begin_load
from tests.store.cutting_proxy import with_setting
from tests.store.given import at, entry, items_of, loaded, new_id, new_item, of, work


async def test_a_load_after_a_flush_that_held_the_head_sees_what_it_wrote(store: InventoryStore) -> None:
    item = new_item(slot=0)
    snapshot = await loaded(store, item)
    char_id = snapshot.head.char_id
    async with store.database.transaction() as flusher:
        await flusher.execute("UPDATE characters SET seq = seq + 1 WHERE char_id = $1", char_id)
        await flusher.execute("UPDATE items SET quantity = 77 WHERE owner = $1", char_id)
        assert isinstance((await store.begin_loads([char_id]))[char_id], HeadHeld), "nobody waits for it"
    seen = await begin_load(store, char_id)
    assert (seen.head.epoch, seen.head.seq) == (snapshot.head.epoch + 1, snapshot.head.seq + 1)
    assert seen.items == (of(item, 77),)


async def test_each_of_a_batch_is_answered_for_itself(store: InventoryStore) -> None:
    item = new_item()
    full, empty, sick, held = [await loaded(store, item), *[await loaded(store) for _ in range(3)]]
    await store.quarantine(sick.head.char_id, "a row was refused")
    stranger = new_id()
    asked = [stranger, held.head.char_id, full.head.char_id, sick.head.char_id, empty.head.char_id]
    async with store.database.transaction() as holder:
        await holder.execute("SELECT 1 FROM characters WHERE char_id = $1 FOR UPDATE", held.head.char_id)
        begun = await store.begin_loads(asked)
    assert list(map(type, map(begun.get, asked))) == [
        CharacterNotFound, HeadHeld, Snapshot, CharacterQuarantined, Snapshot
    ]  # fmt: skip
    for before, items in ((full, (item,)), (empty, ())):
        snapshot = begun[before.head.char_id]
        assert isinstance(snapshot, Snapshot) and snapshot.items == items
        assert snapshot.head.epoch == before.head.epoch + 1
        assert snapshot.head == await store.character(before.head.char_id)
    for untouched in (sick, held):
        assert await store.character(untouched.head.char_id) == untouched.head, "no epoch is raised"


async def test_a_flush_does_not_wait_for_a_load(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    char_id = snapshot.head.char_id
    same = work(snapshot, entry(1, [new_item()]))
    async with store.database.transaction() as loader:
        await loader.execute("UPDATE characters SET epoch = epoch + 1 WHERE char_id = $1", char_id)
        assert (await store.flush([same]))[char_id].status == "busy"
    result = (await store.flush([same]))[char_id]
    assert (result.status, result.epoch, result.seq) == ("passed_over", 2, 0)
    assert await items_of(store, char_id) == set()


async def test_a_snapshot_is_never_torn(store: InventoryStore) -> None:
    """A session that keeps flushing, taken over by loads: each load's items are those of its seq."""
    items = [new_item(slot=n) for n in range(20)]
    snapshot = await loaded(store, *items)
    flushed = 0

    async def play() -> None:
        nonlocal flushed
        epoch, seq = snapshot.head.epoch, snapshot.head.seq
        while not stop.is_set():
            changed = [of(item, seq + 1) for item in items]
            same = FlushWork(snapshot.head.char_id, epoch, seq, (entry(seq + 1, changed),))
            result = (await store.flush([same]))[snapshot.head.char_id]
            if result.status == "busy":
                continue
            flushed += result.status == "flushed"
            epoch, seq = result.epoch, result.seq

    stop = asyncio.Event()
    player = asyncio.create_task(play())
    chance = random.Random(4)
    seen = set()
    for _ in range(150):
        taken = await begin_load(store, snapshot.head.char_id)
        quantities = {item.quantity for item in taken.items}
        assert quantities == {max(1, taken.head.seq)} and len(taken.items) == 20
        seen.add(taken.head.seq)
        await asyncio.sleep(chance.random() * 0.01)
    stop.set()
    await player
    assert flushed > 10 and len(seen) > 10, "both got through"


@pytest.fixture
def large_tables_url(database_url: str) -> str:
    """The plan of a large table for small ones: heads are visited in the order of the batch."""
    for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan"):
        database_url = with_setting(database_url, setting, "off")
    return database_url


async def test_a_head_that_is_held_does_not_hold_up_others(store: InventoryStore) -> None:
    held, free = await loaded(store), await loaded(store)
    batch = [work(snapshot, entry(1, [new_item()])) for snapshot in (held, free)]
    async with store.database.transaction() as connection:
        await connection.execute("SELECT 1 FROM characters WHERE char_id = $1 FOR UPDATE", held.head.char_id)
        results = await store.flush(batch)
        assert results[held.head.char_id].status == "busy"
        assert results[free.head.char_id].status == "flushed"
        assert await items_of(store, held.head.char_id) == set()
    assert (await store.flush(batch[:1]))[held.head.char_id].status == "flushed"


async def test_overlapping_batches_in_any_order_never_deadlock(
    large_tables_url: str, ruleset: Ruleset
) -> None:
    stores = [await InventoryStore.connect(large_tables_url, ruleset, pool_size=2) for _ in range(2)]
    snapshots = [await loaded(stores[0]) for _ in range(30)]
    standing = {s.head.char_id: (s.head.epoch, s.head.seq) for s in snapshots}
    owned = {s.head.char_id: new_item() for s in snapshots}
    flushed = 0

    async def flusher(store: InventoryStore, seed: int) -> None:
        nonlocal flushed
        chance = random.Random(seed)
        for _ in range(200):
            chosen = chance.sample(snapshots, 20)
            results = await store.flush([_next(s, standing, owned[s.head.char_id]) for s in chosen])
            flushed += sum(result.status == "flushed" for result in results.values())
            for char_id, result in results.items():
                standing[char_id] = max(standing[char_id], (result.epoch, result.seq))

    async with asyncio.timeout(30):
        await asyncio.gather(*(flusher(store, seed) for seed, store in enumerate(stores)))
    for snapshot in snapshots:
        char_id = snapshot.head.char_id
        head = await stores[0].character(char_id)
        ledger = await stores[0].journal(char_id, 0, 10_000)
        assert head is not None and [e.seq for e in ledger] == list(range(1, head.seq + 1))
        assert await items_of(stores[0], char_id) == {of(owned[char_id], head.seq)}
        flushed -= head.seq
    assert flushed == 0, "every flush that was said to be done is there, once"
    for store in stores:
        await store.close()


async def test_overlapping_loads_beside_flushes_never_deadlock(
    large_tables_url: str, ruleset: Ruleset
) -> None:
    stores = [await InventoryStore.connect(large_tables_url, ruleset, pool_size=2) for _ in range(3)]
    snapshots = [await loaded(stores[0], new_item()) for _ in range(30)]
    standing = {s.head.char_id: (s.head.epoch, s.head.seq) for s in snapshots}
    owned = {s.head.char_id: s.items[0] for s in snapshots}
    epochs = {s.head.char_id: [s.head.epoch] for s in snapshots}
    flushing = True

    async def loader(store: InventoryStore, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(150):
            begun = await store.begin_loads([s.head.char_id for s in chance.sample(snapshots, 20)])
            for char_id, found in begun.items():
                if isinstance(found, Snapshot):
                    (item,) = found.items
                    assert item.quantity == max(1, found.head.seq), "the items are those of the head's seq"
                    epochs[char_id].append(found.head.epoch)
                else:
                    assert isinstance(found, HeadHeld)

    async def flusher(store: InventoryStore) -> None:
        chance = random.Random(9)
        while flushing:
            chosen = chance.sample(snapshots, 20)
            results = await store.flush([_next(s, standing, owned[s.head.char_id]) for s in chosen])
            for char_id, result in results.items():
                standing[char_id] = max(standing[char_id], (result.epoch, result.seq))

    async with asyncio.timeout(60):
        beside = asyncio.create_task(flusher(stores[2]))
        await asyncio.gather(*(loader(store, seed) for seed, store in enumerate(stores[:2])))
        flushing = False
        await beside
    assert sum(map(len, epochs.values())) > 30 + 150, "most got what they asked for"
    for told in epochs.values():
        assert sorted(told) == list(range(told[0], told[0] + len(told))), "an epoch each, and none twice"
    for store in stores:
        await store.close()


async def test_loads_at_once_each_have_their_own_epoch(store: InventoryStore) -> None:
    snapshot = await loaded(store)
    loads = await asyncio.gather(*(begin_load(store, snapshot.head.char_id) for _ in range(20)))
    assert sorted(load.head.epoch for load in loads) == list(range(2, 22))
    assert sorted(load.head.incarnation for load in loads) == list(range(1, 21))


async def test_a_cancelled_flush_leaves_nothing_behind(store: InventoryStore) -> None:
    """Cancelled at any moment, it is done or not done, and the connection serves the next caller."""
    snapshot = await loaded(store)
    char_id, epoch = snapshot.head.char_id, snapshot.head.epoch
    item = new_item()
    chance = random.Random(3)
    seq = 0
    for number in range(60):
        moved = at(item, "bag", chance.randrange(20))
        batch = [FlushWork(char_id, epoch, seq, (entry(seq + 1, [moved]),))]
        async with store.database.transaction() as other:
            # Every third one is held up in the middle, and every third one is let through.
            if number % 3 == 0:
                await other.execute("LOCK TABLE journal IN SHARE MODE")
            task = asyncio.create_task(store.flush(batch))
            if number % 3 == 0:
                await _waits_for_a_lock(store)
            elif number % 3 == 1:
                await asyncio.sleep(chance.random() * 0.003)
            else:
                await asyncio.wait([task])
            task.cancel()
            await asyncio.wait([task])
        head = await store.character(char_id)
        assert head is not None and head.seq in (seq, seq + 1)
        if head.seq == seq + 1:
            assert number % 3 and await items_of(store, char_id) == {moved}
        else:
            assert number % 3 < 2 and task.cancelled()
        seq = head.seq
        assert len(await store.journal(char_id)) == seq


def _next(snapshot: Snapshot, standing: dict[str, tuple[int, int]], item: Item) -> FlushWork:
    char_id = snapshot.head.char_id
    epoch, seq = standing[char_id]
    return FlushWork(char_id, epoch, seq, (entry(seq + 1, [of(item, seq + 1)]),))


async def _waits_for_a_lock(store: InventoryStore) -> None:
    async with asyncio.timeout(5), store.database.connection() as connection:
        while not await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.005)
