"""Housekeeping: weeks ahead, operation ids forgotten, old weeks given up; PostgreSQL away or not."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from persistence.ledger.alone import Work, alone
from persistence.operations import OPERATIONS_KEPT_S
from persistence.postgres.database import Database
from persistence.postgres.store import InventoryStore
from persistence.protocol import housekeeping
from persistence.protocol.housekeeping import Housekeeper
from tests.ledger.asking import partitions, rows, seqs, week_of
from tests.ledger.history import days_ago, lived
from tests.store.cutting_proxy import CuttingProxy
from tests.store.given import new_id

INSERT_OPERATIONS = (
    "INSERT INTO operations (char_id, slot, op_id, seq, payload_hash, reply, at)"
    " SELECT $1, n, 'op-' || n, n, 'hash', repeat('r', 1000), now() - $2 * interval '1 second'"
    "   FROM generate_series($3::integer, $4) AS n"
)


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await what():
            await asyncio.sleep(0.01)


async def drop_weeks_ahead(store: InventoryStore) -> set[str]:
    names = {await week_of(store, days_ago(-7 * ahead)) for ahead in range(1, 5)}
    for name in names:
        await rows(store, f"DROP TABLE {name}")
    return names


async def test_four_weeks_ahead_are_there_soon_after_the_start(each_store: InventoryStore) -> None:
    gone = await drop_weeks_ahead(each_store)
    keepers = [Housekeeper(each_store.database, 0) for _ in range(3)]
    for keeper in keepers:
        keeper.start()

    async def there() -> bool:
        return gone <= await partitions(each_store)

    await until(there)
    for keeper in keepers:
        await keeper.stop()


async def test_a_week_that_cannot_be_is_told_once_and_the_others_are_added(
    store: InventoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    gone = await drop_weeks_ahead(store)
    past = await lived(store, -14)
    keeper = Housekeeper(store.database, 0)
    for _ in range(3):
        assert await keeper.round()
    missing = await week_of(store, days_ago(-14))
    assert gone - await partitions(store) == {missing}
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1 and "no partition for the week of" in told[0]
    assert await seqs(store, past.char_id) == [1]


async def test_operations_older_than_a_day_are_forgotten(
    each_store: InventoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, over many pages, and with young ones between the old ones."""
    monkeypatch.setattr(housekeeping, "BLOCKS_AT_ONCE", 3)
    for _ in range(4):
        char_id = new_id()
        await rows(each_store, INSERT_OPERATIONS, char_id, OPERATIONS_KEPT_S + 60, 0, 29)
        await rows(each_store, INSERT_OPERATIONS, char_id, OPERATIONS_KEPT_S - 60, 30, 39)
    assert await Housekeeper(each_store.database, 0).round()
    assert await rows(each_store, "SELECT count(*), min(slot) FROM operations") == [(40, 30)]


async def test_an_operation_that_a_flush_is_writing_is_passed_by(each_store: InventoryStore) -> None:
    await rows(each_store, INSERT_OPERATIONS, new_id(), OPERATIONS_KEPT_S + 60, 0, 2)
    async with each_store.database.transaction() as flushing:
        await flushing.execute("UPDATE operations SET at = now() WHERE slot = 1")
        async with asyncio.timeout(3):
            assert await Housekeeper(each_store.database, 0).round()
    assert await rows(each_store, "SELECT slot FROM operations") == [(1,)]


async def test_operations_are_forgotten_by_one_at_a_time(store: InventoryStore) -> None:
    await rows(store, INSERT_OPERATIONS, new_id(), OPERATIONS_KEPT_S + 60, 0, 2)
    async with alone(store.database, Work.FORGET_OPERATIONS):
        assert await Housekeeper(store.database, 0).round()
        assert await rows(store, "SELECT count(*) FROM operations") == [(3,)]
    assert await Housekeeper(store.database, 0).round()
    assert await rows(store, "SELECT count(*) FROM operations") == [(0,)]


@pytest.mark.parametrize(("keep_days", "left"), [(0, [1, 2, 3]), (14, [3])])
async def test_old_weeks_go_only_if_that_is_asked_for(
    store: InventoryStore, keep_days: int, left: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    past = await lived(store, 40, 39, 1)
    assert await Housekeeper(store.database, keep_days).round()
    assert await seqs(store, past.char_id) == left
    assert ("the ledger lost" in caplog.text) == (keep_days > 0)


async def test_it_goes_on_every_interval(store: InventoryStore) -> None:
    past = await lived(store, 40, 1)
    keeper = Housekeeper(store.database, 14, interval_s=0.05)
    keeper.start()

    async def dropped() -> bool:
        return await seqs(store, past.char_id) == [past.seq]

    await until(dropped)
    gone = await drop_weeks_ahead(store)

    async def there() -> bool:
        return gone <= await partitions(store)

    await until(there)
    await keeper.stop()


async def test_postgresql_away_is_borne_in_silence_and_tried_again_soon(
    store: InventoryStore, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Others say aloud that it is away."""
    monkeypatch.setattr(housekeeping, "RETRY_S", 0.05)
    caplog.set_level(logging.INFO)
    gone = await drop_weeks_ahead(store)
    proxy = CuttingProxy(url)
    await proxy.start()
    database = await Database.connect(proxy.url, pool_size=2, acquire_timeout_s=1)
    port = proxy.port
    await proxy.close()
    keeper = Housekeeper(database, 14)
    assert not await keeper.round()
    keeper.start()
    await asyncio.sleep(0.1)
    assert caplog.text == ""
    await proxy.start(port)

    async def there() -> bool:
        return gone <= await partitions(store)

    await until(there)
    await keeper.stop()
    await proxy.close()
    await database.close()


async def test_what_is_wrong_with_one_thing_does_not_keep_from_the_others(
    store: InventoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    past = await lived(store, 40, 1)
    await rows(store, "DROP FUNCTION journal_add_week")
    assert not await Housekeeper(store.database, 14).round()
    assert await seqs(store, past.char_id) == [2]


async def test_a_stop_in_the_midst_of_a_trim(store: InventoryStore) -> None:
    past = await lived(store, *range(50, 0, -1))
    keeper = Housekeeper(store.database, 7)
    keeper.start()
    await asyncio.sleep(0)
    await keeper.stop()
    await keeper.stop()
    assert past.seq in await seqs(store, past.char_id)


async def test_one_that_was_never_started_can_be_stopped(store: InventoryStore) -> None:
    await Housekeeper(store.database, 0).stop()
