"""Weeks go only when nothing needs them any more, and leave baselines in their place."""

import random
import uuid

import pytest

from persistence.ledger import baselines as writing
from persistence.ledger.baselines import Progress
from persistence.ledger.retention import Plan, Trimmed, plan, trim
from persistence.postgres.store import InventoryStore
from tests.ledger.asking import at, baselines, partitions, rows, seqs, week_of
from tests.ledger.history import Past, born, days_ago, flush, lived, same


async def test_only_weeks_that_ended_long_enough_ago_go(each_store: InventoryStore) -> None:
    """Of a week that is partly old enough, nothing goes."""
    past = await lived(each_store, *range(40, 0, -1))
    before = await partitions(each_store)
    trimmed = await trim(each_store.database, 21)
    gone = before - await partitions(each_store)
    assert {week.partition for week in trimmed.dropped} == gone and len(gone) >= 4
    assert [week.begins for week in trimmed.dropped] == sorted(week.begins for week in trimmed.dropped)
    there = await seqs(each_store, past.char_id)
    # An entry is n days old and its week ended up to seven days after it.
    assert set(range(41 - 21, 41)) <= set(there) <= set(range(41 - 28, 41))
    assert await baselines(each_store, past.char_id) == [there[0] - 1]
    assert (await trim(each_store.database, 21)) == Trimmed()


async def test_one_day_is_the_least(store: InventoryStore) -> None:
    for days in (0, -3):
        with pytest.raises(ValueError, match="one day"):
            await trim(store.database, days)
        with pytest.raises(ValueError, match="one day"):
            await plan(store.database, days)


async def test_a_plan_tells_what_a_trim_does_and_does_nothing(each_store: InventoryStore) -> None:
    one = await lived(each_store, 40, 39, 33, 1)
    await lived(each_store, 40, 2)
    before = await partitions(each_store)
    told: list[Progress] = []
    plans = [planned for planned in await plan(each_store.database, 14, told.append) if planned.entries]
    assert await partitions(each_store) == before and await rows(each_store, "SELECT FROM baselines") == []
    assert sum(planned.entries for planned in plans) == 4
    assert (plans[0].characters, plans[0].baselines) == (2, 2)
    assert plans[-1] == Plan(plans[-1].week, plans[-1].entries, 1, 1)
    assert plans[-1].week.partition == await week_of(each_store, one.entries[2].at)
    assert max(progress.characters for progress in told) == 2
    trimmed = await trim(each_store.database, 14)
    assert trimmed.baselines == sum(planned.baselines for planned in plans)
    assert await plan(each_store.database, 14) == []


async def test_characters_are_taken_in_chunks(store: InventoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those with the first and the last id there can be, and with ids next to each other."""
    pasts = [await lived(store, 40, 30, 1, seed=seed) for seed in range(5)]
    for number in (0, 1, 2, 2**128 - 1):
        past = Past(str(uuid.UUID(int=number)))
        await rows(
            store,
            "INSERT INTO characters (char_id, name, actor, epoch) VALUES ($1, 'End', '{}', 1)", past.char_id,
        )  # fmt: skip
        past.play(random.Random(1), days_ago(40))
        await flush(store, past)
        pasts.append(past)
    monkeypatch.setattr(writing, "ITEMS_HELD", 2)
    monkeypatch.setattr(writing.read_chunk, "__defaults__", (2,))
    told: list[Progress] = []
    assert (await trim(store.database, 14, told.append)).kept == ""
    assert [progress.characters for progress in told if progress.characters][:5] == [2, 4, 6, 8, 9]
    for past in pasts:
        assert await baselines(store, past.char_id) == [min(past.seq, 2)]
        for seq in {min(past.seq, 2), past.seq}:
            assert same(await at(store, past.char_id, seq), past.states[seq])


async def test_an_erased_characters_entries_get_a_baseline_too(store: InventoryStore) -> None:
    past = await lived(store, 40, 39, 30, 1)
    await rows(store, "DELETE FROM items WHERE owner = $1", past.char_id)
    await rows(store, "DELETE FROM characters WHERE char_id = $1", past.char_id)
    assert (await trim(store.database, 14)).kept == ""
    assert await seqs(store, past.char_id) == [4]
    assert same(await at(store, past.char_id, 4), past.states[4])


async def test_entries_outside_the_weeks_stay(store: InventoryStore) -> None:
    """However old: they are in the default partition, which is never dropped."""
    past = await lived(store, 3000, 40, 2999, -3000, 30, 1)
    assert (await trim(store.database, 7)).kept == ""
    assert await seqs(store, past.char_id) == [1, 3, 4, 6]
    for seq in (1, 3, 4, 5, 6):
        assert same(await at(store, past.char_id, seq), past.states[seq])


async def test_clocks_that_disagree_leave_a_baseline_before_each_rest(store: InventoryStore) -> None:
    past = await lived(store, 40, 40, 20, 20, 40, 20, 20, 40)
    await trim(store.database, 30)
    assert await seqs(store, past.char_id) == [3, 4, 6, 7]
    assert await baselines(store, past.char_id) == [2, 5, 8]
    for seq in range(2, 9):
        assert same(await at(store, past.char_id, seq), past.states[seq])
    await trim(store.database, 7)
    assert await baselines(store, past.char_id) == [8], "those that no entry needs any more are gone"
    assert same(await at(store, past.char_id, 8), past.states[8])


async def test_a_damaged_ledger_is_not_dropped(store: InventoryStore) -> None:
    """Nor are the weeks after it: what is wrong may be seen from them."""
    whole, broken = await lived(store, 40, 1), await born(store)
    await rows(
        store,
        "INSERT INTO journal SELECT $1, n, now() - interval '40 days', 'x', '', '', '[]',"
        ' \'{"changed": [], "removed": []}\' FROM generate_series(2, 3) AS n',
        broken.char_id,
    )
    trimmed = await trim(store.database, 7)
    assert trimmed.kept.endswith(f"the ledger of character {broken.char_id} has no entry 1")
    assert await seqs(store, broken.char_id) == [2, 3] and await seqs(store, whole.char_id) == [1, 2]
    assert all(str(week) not in trimmed.kept for week in trimmed.dropped)
