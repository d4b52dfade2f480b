"""What may happen right after a session was read, and before PostgreSQL is: each of it, once, on purpose."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from persistence.audit import run
from persistence.audit.live import Kept, Sessions
from persistence.audit.stored import snapshot
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres.database import Connection, Database
from tests.audit.conftest import CLEAN, DIRTY, EVICTED, Stored
from tests.audit.plants import baseline
from tests.loading import begin_load
from tests.service.play import do, grant

Meanwhile = Callable[[Stored, InventoryOrchestrator], Awaitable[None]]


async def played_on(_: Stored, gateway: InventoryOrchestrator) -> None:
    await do(gateway, grant("dagger"), char_id=CLEAN, op_id="later")


async def flushed(_: Stored, gateway: InventoryOrchestrator) -> None:
    await gateway.save_session(DIRTY)


async def played_on_and_flushed(_: Stored, gateway: InventoryOrchestrator) -> None:
    for char_id in (CLEAN, DIRTY):
        await do(gateway, grant("dagger"), grant("potion"), char_id=char_id, op_id="later")
        await gateway.save_session(char_id)


async def evicted(_: Stored, gateway: InventoryOrchestrator) -> None:
    for char_id in (CLEAN, DIRTY):
        await gateway.save_session(char_id, evict=True)


async def loaded(_: Stored, gateway: InventoryOrchestrator) -> None:
    await gateway.load_session(EVICTED)
    await do(gateway, grant("dagger"), char_id=EVICTED, durable=True)


async def evicted_and_played_again(stored: Stored, gateway: InventoryOrchestrator) -> None:
    await evicted(stored, gateway)
    for char_id in (CLEAN, DIRTY):
        await gateway.load_session(char_id)
        await do(gateway, grant("dagger"), char_id=char_id, durable=True)


async def an_epoch_raised_by_a_load_that_died(_: Stored, gateway: InventoryOrchestrator) -> None:
    for char_id in (CLEAN, DIRTY, EVICTED):
        await begin_load(gateway.store, char_id)


async def lost_and_played_otherwise(stored: Stored, gateway: InventoryOrchestrator) -> None:
    """At the seqs that the session as it was read had, PostgreSQL now has other entries."""
    stored.client.flushdb()
    await gateway.load_session(DIRTY)
    for _ in range(2):
        await do(gateway, grant("dagger"), char_id=DIRTY, op_id="third")
    await gateway.save_session(DIRTY)


async def quarantined(stored: Stored, gateway: InventoryOrchestrator) -> None:
    await gateway.store.quarantine(DIRTY, "a reason")
    stored.client.hset(stored.keys(DIRTY).session, "status", '"QUARANTINED"')
    stored.client.zrem(stored.keys(DIRTY).due, DIRTY)


@pytest.mark.parametrize(
    ("meanwhile", "read_again"),
    [
        (played_on, 0),
        (flushed, 0),
        (played_on_and_flushed, 2),
        (evicted, 0),
        (loaded, 0),
        (evicted_and_played_again, 2),
        (an_epoch_raised_by_a_load_that_died, 0),
        (lost_and_played_otherwise, 1),
        (quarantined, 0),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_it_is_no_violation(
    stored: Stored, monkeypatch: pytest.MonkeyPatch, meanwhile: Meanwhile, read_again: int
) -> None:
    read, times = Sessions.read, 0

    async def read_and_then(self: Sessions, char_ids: Sequence[str]) -> dict[str, Kept]:
        nonlocal times
        kept = await read(self, char_ids)
        times += 1
        if times == 1:
            await meanwhile(stored, gateway)
        return kept

    async with stored.site.gateway(flushing=False) as gateway:
        monkeypatch.setattr(Sessions, "read", read_and_then)
        report = await stored.audit()
        assert report.clean, report.violations
        assert not [note for note in report.notes if note.kind != "quarantined"], report.notes
        assert report.sums["read again"] == read_again
        assert (await stored.audit()).clean


async def test_a_week_may_be_given_up_within_a_snapshot(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dropped table is gone for older snapshots too, and they do not see the baselines that replace it."""
    times = 0

    @asynccontextmanager
    async def snapshot_and_then(database: Database) -> AsyncIterator[Connection]:
        nonlocal times
        async with snapshot(database) as connection:
            await connection.fetchval("SELECT count(*) FROM characters")
            times += 1
            if times == 1:
                for char_id in (CLEAN, DIRTY, EVICTED):
                    await baseline(stored, char_id, seq=3)
                week = await stored.database.fetchval("SELECT journal_add_week(now())")
                await stored.database.execute(f"DROP TABLE {week}; SELECT journal_add_week(now())")
            yield connection

    monkeypatch.setattr(run, "snapshot", snapshot_and_then)
    report = await stored.audit()
    assert report.clean and not report.notes, report.violations
    assert report.sums["read again"] == 3


async def test_a_character_that_never_rests_is_not_judged(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Sessions.read

    async def read_and_play(self: Sessions, char_ids: Sequence[str]) -> dict[str, Kept]:
        kept = await read(self, char_ids)
        await do(gateway, grant("gold"), char_id=CLEAN, durable=True)
        return kept

    async with stored.site.gateway(flushing=False) as gateway:
        monkeypatch.setattr(Sessions, "read", read_and_play)
        report = await stored.audit()
    assert report.clean
    assert [(note.kind, note.char_id) for note in report.notes] == [("not settled", CLEAN)]


async def test_what_is_wrong_is_found_on_one_that_never_rests(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Play goes on in between, never beyond what PostgreSQL has: it can be compared each time."""
    read = Sessions.read

    async def read_and_play(self: Sessions, char_ids: Sequence[str]) -> dict[str, Kept]:
        kept = await read(self, char_ids)
        await do(gateway, grant("gold"), char_id=DIRTY)
        return kept

    await stored.database.execute("UPDATE items SET bound = true WHERE owner = $1", DIRTY)
    async with stored.site.gateway(flushing=False) as gateway:
        monkeypatch.setattr(Sessions, "read", read_and_play)
        report = await stored.audit()
    assert {(one.invariant, one.char_id) for one in report.violations} == {(6, DIRTY)}
