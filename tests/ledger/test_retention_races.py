"""Nothing is lost whoever else is at work while weeks are dropped, and however that is cut off."""

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from persistence.errors import Unavailable
from persistence.ledger import baselines as writing
from persistence.ledger import retention, weeks
from persistence.ledger.baselines import Tell
from persistence.ledger.retention import Trimmed, trim
from persistence.ledger.weeks import Week
from persistence.postgres.database import Connection, Database
from persistence.postgres.store import InventoryStore
from tests.ledger.asking import assert_whole, at, partitions, rows, seqs, waiting, week_of
from tests.ledger.history import Past, days_ago, flush, lived, same


async def test_cut_off_anywhere_it_is_taken_up_again(
    store: InventoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time one statement further, until one comes through."""
    monkeypatch.setattr(writing.read_chunk, "__defaults__", (1,))
    pasts = [await lived(store, 40, 39, 1, seed=seed) for seed in range(4)]
    week, cuts = await week_of(store, pasts[0].entries[0].at), 0
    while True:
        cuts += 1
        trimmed = await trim(_Cut(store, cuts), 30)  # type: ignore[arg-type]
        if not trimmed.kept:
            break
        assert "cut off" in trimmed.kept
        for past in pasts:
            await assert_whole(store, past)
    assert cuts > 10 and week not in await partitions(store)
    for past in pasts:
        assert await seqs(store, past.char_id) == [3]
        await assert_whole(store, past)


class _Cut:
    """A database on which the n-th statement that is not a lock's, and all after it, come to nothing."""

    def __init__(self, store: InventoryStore, statements: int) -> None:
        self._database, self.left = store.database, statements
        self.connection = self._wrapped(store.database.connection)
        self.transaction = self._wrapped(store.database.transaction)

    def _wrapped(self, opened: object) -> object:
        @asynccontextmanager
        async def context(*arguments: object) -> object:  # type: ignore[misc]
            async with opened(*arguments) as connection:  # type: ignore[operator]
                yield _CutConnection(connection, self)

        return context


class _CutConnection:
    def __init__(self, connection: Connection, cut: _Cut) -> None:
        self._connection, self._cut = connection, cut

    def __getattr__(self, name: str) -> object:
        method = getattr(self._connection, name)
        if name not in ("fetch", "fetchval", "fetchrow", "execute"):
            return method

        async def counted(statement: str, *arguments: object) -> object:
            if "advisory" not in statement:
                self._cut.left -= 1
                if self._cut.left < 0:
                    raise Unavailable("cut off")
            return await method(statement, *arguments)

        return counted


async def test_flushes_go_on_meanwhile(store: InventoryStore) -> None:
    pasts = [await lived(store, *range(50, 10, -1), seed=seed) for seed in range(8)]
    chance, trimming = random.Random(9), asyncio.create_task(_trim_slowly(store))
    flushes = 0
    while not trimming.done():
        for past in pasts:
            # Late ones among them, for weeks that are just being given up; in the end they stop coming.
            late = flushes < 20 and chance.random() < 0.1
            past.play(chance, days_ago(chance.choice((25, 45)) if late else 0))
        await _flush_until_done(store, pasts)
        flushes += 1
    assert (await trimming) and flushes > 3
    for past in pasts:
        await assert_whole(store, past)
        assert same(await at(store, past.char_id, past.seq), past.states[past.seq])


async def _trim_slowly(store: InventoryStore) -> bool:
    for days in (42, 28, 14):
        while (await trim(store.database, days)).kept:
            await asyncio.sleep(0)
    return True


async def _flush_until_done(store: InventoryStore, pasts: list[Past]) -> None:
    while True:
        try:
            return await flush(store, *pasts)
        except Unavailable:
            await asyncio.sleep(0.01)


async def test_an_entry_that_comes_late_is_seen_before_the_week_goes(
    each_store: InventoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after the baselines were written; so one more is written."""
    past, chance = await lived(each_store, 40, 1), random.Random(2)
    real, late = retention.write_baselines, []

    async def write(database: Database, week: Week, tell: Tell) -> int:
        written = await real(database, week, tell)
        if not late and written:
            late.append(past.play(chance, past.entries[0].at))
            await flush(each_store, past)
        return written

    monkeypatch.setattr(retention, "write_baselines", write)
    trimmed = await trim(each_store.database, 30)
    assert late and trimmed.kept == "" and trimmed.baselines == 2
    assert await seqs(each_store, past.char_id) == [2]
    for seq in (2, 3):
        assert same(await at(each_store, past.char_id, seq), past.states[seq])


async def test_entries_that_never_stop_coming_keep_a_week(
    store: InventoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, chance = await lived(store, 40), random.Random(2)
    real = retention.write_baselines

    async def write(database: Database, week: Week, tell: Tell) -> int:
        written = await real(database, week, tell)
        if written:
            past.play(chance, past.entries[0].at)
            await flush(store, past)
        return written

    monkeypatch.setattr(retention, "write_baselines", write)
    trimmed = await trim(store.database, 30)
    assert "still being added" in trimmed.kept
    assert await seqs(store, past.char_id) == [1, 2, 3, 4]


async def test_who_holds_the_ledger_keeps_the_week_and_flushes_do_not_wait_long(
    each_store: InventoryStore,
) -> None:
    """A dump reads for hours; the drop must not make everybody else wait for it."""
    past, chance = await lived(each_store, 40, 1), random.Random(2)
    async with each_store.database.transaction() as dump:
        await dump.fetch("SELECT * FROM journal")
        trimming = asyncio.create_task(trim(each_store.database, 30))
        async with asyncio.timeout(5), each_store.database.connection() as watching:
            while not await waiting(watching):
                await asyncio.sleep(0.005)
        past.play(chance, days_ago(0))
        await flush(each_store, past)
        trimmed = await trimming
        assert await waiting(dump) == 0
    assert "lock timeout" in trimmed.kept and trimmed.kept.startswith("the week of")
    # All weeks before had no entries, but were held as well.
    assert trimmed.dropped == () and await seqs(each_store, past.char_id) == [1, 2, 3]
    assert (await trim(each_store.database, 30)).kept == ""
    assert await seqs(each_store, past.char_id) == [2, 3]


async def test_a_late_flush_and_a_drop_that_wait_for_each_other(
    each_store: InventoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drop gives way: the flush must not be the one that PostgreSQL picks to break the circle."""
    past, chance = await lived(each_store, 40, 1), random.Random(2)
    real, flushing = retention.limit_waiting, []

    async def flush_first(connection: Connection, timeout_ms: int) -> None:
        # The week is locked and found complete; now a flush takes the whole and waits for the week.
        if timeout_ms == weeks.LOCK_TIMEOUT_MS and not flushing and await _holds(connection, past):
            past.play(chance, past.entries[0].at)
            flushing.append(asyncio.create_task(flush(each_store, past)))
            async with asyncio.timeout(5), each_store.database.connection() as watching:
                while not await waiting(watching):
                    await asyncio.sleep(0.005)
        await real(connection, timeout_ms)

    async def _holds(connection: Connection, past: Past) -> bool:
        locked = await connection.fetchval(
            "SELECT max(relation::regclass::text) FROM pg_locks WHERE mode = 'ShareLock'"
            " AND relation IN (SELECT inhrelid FROM pg_inherits) AND pid = pg_backend_pid()"
        )
        return bool(locked == await week_of(each_store, past.entries[0].at))

    monkeypatch.setattr(retention, "limit_waiting", flush_first)
    trimmed = await trim(each_store.database, 30)
    await flushing[0]
    assert "lock timeout" in trimmed.kept
    assert await seqs(each_store, past.char_id) == [1, 2, 3]


async def test_two_at_once_do_not_get_in_each_others_way(store: InventoryStore) -> None:
    past = await lived(store, *range(50, 0, -1))
    both = await asyncio.gather(trim(store.database, 14), trim(store.database, 14))
    assert sorted(trimmed.busy for trimmed in both) == [False, True]
    done = next(trimmed for trimmed in both if not trimmed.busy)
    assert done.kept == "" and len(done.dropped) >= 5
    assert same(await at(store, past.char_id, 50), past.states[50])
    assert await trim(store.database, 14) == Trimmed()


async def test_without_the_lock_two_still_do_no_harm(
    store: InventoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes with its connection, which may be lost midway."""
    monkeypatch.setattr("persistence.ledger.alone.query", lambda _: "SELECT true OR $1::integer > 0")
    pasts = [await lived(store, *range(50, 0, -1), seed=seed) for seed in range(3)]
    await asyncio.gather(*(trim(store.database, 14) for _ in range(3)))
    assert (await trim(store.database, 14)).kept == ""
    for past in pasts:
        await assert_whole(store, past)


async def test_a_trim_that_is_cancelled_gives_the_lock_back(store: InventoryStore, url: str) -> None:
    """Asked for by another process: on the connection that has it, it could be had again."""
    await lived(store, *range(50, 0, -1))
    begun = asyncio.Event()
    trimming = asyncio.create_task(trim(store.database, 14, lambda _: begun.set()))
    await begun.wait()
    trimming.cancel()
    await asyncio.wait([trimming])
    assert trimming.cancelled()
    other = await Database.connect(url, pool_size=2)
    async with asyncio.timeout(5):
        while (await trim(other, 14)).busy:
            await asyncio.sleep(0.01)
    assert await trim(store.database, 14) == await trim(other, 14) == Trimmed()
    await other.close()


async def test_a_week_that_was_taken_out_of_the_ledger_meanwhile_is_left_alone(
    store: InventoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody keeps it elsewhere; in the ledger, nothing can be seen of it any more."""
    past = await lived(store, 40, 1)
    table, real = await week_of(store, past.entries[0].at), retention.write_baselines

    async def write(database: Database, week: Week, tell: Tell) -> int:
        if week.partition == table:
            await rows(store, f"ALTER TABLE journal DETACH PARTITION {table}")
        return await real(database, week, tell)

    monkeypatch.setattr(retention, "write_baselines", write)
    assert "no partition of the ledger any more" in (await trim(store.database, 30)).kept
    assert await rows(store, f"SELECT seq FROM {table}") == [(1,)]
