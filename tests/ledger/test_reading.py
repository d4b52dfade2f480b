"""What a character had at any moment, and an error where that can no longer be told."""

import random

import pytest
from msgspec.structs import replace

from engine.state import Place
from persistence.ledger import reading
from persistence.ledger.errors import HistoryDropped, LedgerGap
from persistence.ledger.reading import inventory_at, seq_at
from persistence.ledger.replay import Inventory, ReplayError
from persistence.ledger.retention import trim
from persistence.postgres.store import InventoryStore
from persistence.postgres.store_rows import Slots
from tests.ledger.asking import at, rows
from tests.ledger.history import born, days_ago, flush, lived, same
from tests.loading import begin_load
from tests.store.given import new_id, new_item


async def test_every_moment_of_a_life(each_store: InventoryStore) -> None:
    past = await lived(each_store, *range(50, 0, -1))
    for seq in range(51):
        told = await at(each_store, past.char_id, seq)
        assert same(told, past.states[seq]) and told.seq == seq
    assert await at(each_store, new_id(), 0) == Inventory()


async def test_a_long_life_is_read_in_pages(store: InventoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    past = await lived(store, *range(25, 0, -1))
    for page in (1, 2, 7, 25, 26):
        monkeypatch.setattr(reading, "PAGE", page)
        assert same(await at(store, past.char_id, 25), past.states[25])
        assert same(await at(store, past.char_id, 14), past.states[14])


async def test_what_was_dropped_is_said_so(store: InventoryStore) -> None:
    past = await lived(store, *range(50, 0, -5))
    await trim(store.database, 21)
    with pytest.raises(HistoryDropped) as told:
        await at(store, past.char_id, 1)
    oldest = told.value.oldest_seq
    assert past.char_id in str(told.value) and 4 <= oldest <= 6
    for seq in range(oldest, 11):
        assert same(await at(store, past.char_id, seq), past.states[seq])
    with pytest.raises(HistoryDropped):
        await at(store, past.char_id, oldest - 1)


async def test_what_never_was_or_is_damaged_is_told_apart(store: InventoryStore) -> None:
    past = await lived(store, 3, 2, 1)
    with pytest.raises(LedgerGap, match="no entry 4"):
        await at(store, past.char_id, 5)
    with pytest.raises(LedgerGap, match="no entry 1"):
        await at(store, new_id(), 1)
    with pytest.raises(ValueError, match="no entry -1"):
        await at(store, past.char_id, -1)
    other = await born(store)
    async with store.database.transaction() as connection:
        await _append(connection, other.char_id, 1, '{"changed": [], "removed": ["ab"]}')
        await _append(connection, past.char_id, 5, '{"changed": [], "removed": []}')
    with pytest.raises(ReplayError, match="removes item ab"):
        await at(store, other.char_id, 1)
    with pytest.raises(LedgerGap, match="no entry 4"):
        await at(store, past.char_id, 5)


async def test_a_week_dropped_while_one_reads(store: InventoryStore) -> None:
    """The baseline that was begun from has no entries after it any more, but a newer one has."""
    past = await lived(store, *range(50, 0, -1))
    await trim(store.database, 40)
    async with store.database.connection() as connection:
        midway = _Midway(connection, store)
        told = await inventory_at(midway, past.char_id, 50, Slots(store.ruleset))  # type: ignore[arg-type]
        assert midway.trimmed
        assert same(told, past.states[50])
        midway = _Midway(connection, store, keep_days=1)
        with pytest.raises(HistoryDropped):
            await inventory_at(midway, past.char_id, 38, Slots(store.ruleset))  # type: ignore[arg-type]


class _Midway:
    """A connection on which a trim gets in between the reading of a baseline and that of entries."""

    def __init__(self, connection: object, store: InventoryStore, keep_days: int = 14) -> None:
        self._connection, self._store, self._keep_days = connection, store, keep_days
        self.trimmed = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    async def fetch(self, statement: str, *arguments: object) -> object:
        if not self.trimmed:
            assert (await trim(self._store.database, self._keep_days)).dropped
            self.trimmed = True
        return await self._connection.fetch(statement, *arguments)  # type: ignore[attr-defined]


async def test_slots_are_told_as_a_load_tells_them(store: InventoryStore) -> None:
    """The ruleset may have changed since: what was a purse may have indexes now, and the other way round."""
    past = await born(store)
    number, text, vanished = new_item("bag", 3), new_item("bag", 4), new_item("nowhere", 5)
    written = [number, replace(text, place=Place("bag", "4")), vanished]
    past.add({item.item_id: item for item in written}, None, written, [], days_ago(20))
    await flush(store, past)
    loaded = (await begin_load(store, past.char_id)).items
    for _ in range(2):
        told = await at(store, past.char_id, 1)
        assert set(told.items.values()) == set(loaded)
        assert {item.place.slot for item in told.items.values()} == {3, 4, "5"}
        await trim(store.database, 1)


async def test_the_last_seq_at_a_time_by_clocks_that_disagree(each_store: InventoryStore) -> None:
    past = await lived(each_store, 10, 8, 9, 5, -400)
    async with each_store.database.connection() as connection:
        for ago, seq in ((11, 0), (10, 1), (9, 3), (8.5, 3), (8, 3), (6, 3), (5, 4), (0, 4), (-400, 5)):
            at_ms = past.entries[0].at + int((10 - ago) * 86_400_000)
            assert await seq_at(connection, past.char_id, at_ms + 1_000) == seq, ago
        assert await seq_at(connection, new_id(), days_ago(0)) == 0


async def test_a_time_that_was_dropped_is_not_guessed_at(store: InventoryStore) -> None:
    past, chance = await born(store), random.Random(5)
    for ago in (40, 36, 38, 22, 2):
        past.play(chance, days_ago(ago))
    await flush(store, past)
    await trim(store.database, 14)
    baseline = (await rows(store, "SELECT max(seq) FROM baselines"))[0][0]
    assert baseline == 4
    async with store.database.connection() as connection:
        for ago in (50, 39, 30):
            with pytest.raises(HistoryDropped):
                await seq_at(connection, past.char_id, days_ago(ago))
        assert await seq_at(connection, past.char_id, past.entries[3].at) == 4
        assert await seq_at(connection, past.char_id, days_ago(10)) == 4
        assert await seq_at(connection, past.char_id, days_ago(0)) == 5


async def _append(connection: object, char_id: str, seq: int, changes: str) -> None:
    await connection.execute(  # type: ignore[attr-defined]
        f"INSERT INTO journal VALUES ($1, $2, now(), 'game', 'r', '', '[]', '{changes}')", char_id, seq
    )
