"""The journal in weeks: what was there before moves in, and it stays append-only, whole and in parts."""

import asyncio

import asyncpg
import msgspec
import pytest

from engine.ruleset import Ruleset
from persistence.ledger.errors import WeekRefused
from persistence.ledger.weeks import add_week, old_weeks
from persistence.postgres.migrations import migrate, shipped
from persistence.postgres.store import InventoryStore
from tests.ledger.asking import partitions, rows, week_of
from tests.ledger.history import Past, days_ago, flush, lived
from tests.servers import Servers
from tests.store.given import entry, new_id, new_item

OLD_TIMES_MS = [days_ago(400), days_ago(400), days_ago(30), days_ago(0), days_ago(-300)]


async def test_what_was_there_before_moves_into_its_weeks(each_servers: Servers, ruleset: Ruleset) -> None:
    url, char_id = await each_servers.empty_database(), new_id()
    await migrate(url, shipped()[:4])
    connection = await asyncpg.connect(url)
    for seq, at_ms in enumerate(OLD_TIMES_MS, 1):
        await connection.execute(
            "INSERT INTO journal VALUES ($1, $2, timestamptz 'epoch' + $3 * interval '1 millisecond',"
            " 'game', 'r', $4, '[{\"op\": \"x\"}]', $5)",
            char_id, seq, at_ms, f"op-{seq}",
            msgspec.json.encode(entry(seq, [new_item(quantity=seq)]).changes).decode(),
        )  # fmt: skip
    before = await connection.fetch("SELECT * FROM journal ORDER BY seq")
    await migrate(url)
    assert await connection.fetch("SELECT * FROM journal ORDER BY seq") == before
    await connection.close()
    store = await InventoryStore.connect(url, ruleset)
    where = await rows(store, "SELECT tableoid::regclass::text FROM journal ORDER BY seq")
    assert where == [(await week_of(store, at_ms),) for at_ms in OLD_TIMES_MS]
    assert [one.changes.changed[0].quantity for one in await store.journal(char_id)] == [1, 2, 3, 4, 5]
    await store.close()


@pytest.mark.parametrize("what", ["journal", "week", "journal_other"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET by = 'me'", "DELETE FROM {}", "TRUNCATE {}"])
async def test_no_part_of_it_can_be_altered(each_store: InventoryStore, what: str, statement: str) -> None:
    """Not by a statement that names a partition either: a trigger on the whole would not see it."""
    past = await lived(each_store, 10, -3000)
    table = await week_of(each_store, past.entries[0].at) if what == "week" else what
    with pytest.raises(ValueError, match="append-only"):
        await rows(each_store, statement.format(table))
    assert [one.seq for one in await each_store.journal(past.char_id)] == [1, 2]


async def test_weeks_ahead_are_there_and_more_can_be_added(each_store: InventoryStore) -> None:
    there = await partitions(each_store)
    assert {await week_of(each_store, days_ago(-7 * ahead)) for ahead in range(5)} <= there
    name = await add_week(each_store.database, 9)
    assert name == await week_of(each_store, days_ago(-63)) and name not in there
    assert await add_week(each_store.database, 9) == name, "once more is no error"
    past = await lived(each_store, -63)
    assert await rows(each_store, f"SELECT char_id::text FROM {name}") == [(past.char_id,)]


async def test_processes_that_add_a_week_at_once_wait_for_each_other(each_store: InventoryStore) -> None:
    """Or one of them would find that it exists already, after it had seen that it does not."""
    adding = (add_week(each_store.database, 9) for _ in range(4))
    for outcome in await asyncio.gather(*adding, return_exceptions=True):
        # On a machine that is too busy, one may wait too long; another round adds it then.
        assert outcome == await week_of(each_store, days_ago(-63)) or "lock timeout" in str(outcome)


async def test_a_week_whose_entries_went_elsewhere_is_refused(each_store: InventoryStore) -> None:
    """And they are not lost, nor any that come after them."""
    past = await lived(each_store, -63)
    with pytest.raises(WeekRefused, match="no partition for the week of 2"):
        await add_week(each_store.database, 9)
    await add_again(each_store, past)
    assert await rows(each_store, "SELECT seq FROM journal_other ORDER BY seq") == [(1,), (2,)]


async def add_again(store: InventoryStore, past: Past) -> None:
    past.add({}, None, [], list(past.states[-1].items.values()), past.entries[-1].at)
    await flush(store, past)


async def test_only_weeks_are_told_oldest_first_and_only_past_ones(each_store: InventoryStore) -> None:
    async with each_store.database.connection() as connection:
        await connection.execute(
            "CREATE TABLE journal_archive PARTITION OF journal"
            " FOR VALUES FROM ('2001-01-01') TO ('2001-02-01')"
        )
        weeks = await old_weeks(connection, 14)
    begins = [week.begins for week in weeks]
    assert begins == sorted(begins) and len(begins) == 6
    assert all((week.ends - week.begins).days == 7 and week.begins.weekday() == 0 for week in weeks)
    assert {week.partition for week in weeks} <= await partitions(each_store)
    newest = max(week.ends for week in weeks)
    assert 14 * 86_400_000 <= days_ago(0) - newest.timestamp() * 1000 < 21 * 86_400_000


async def test_weeks_are_told_whatever_the_connection_makes_of_times(
    servers: Servers, ruleset: Ruleset
) -> None:
    """Bounds are read from the catalog as text, which the connection's settings shape."""
    url = await servers.fresh_database()
    plain = await InventoryStore.connect(url, ruleset)
    name = url.rpartition("/")[2].partition("?")[0]
    await rows(plain, f"ALTER DATABASE {name} SET timezone = 'America/New_York'")
    await rows(plain, f"ALTER DATABASE {name} SET datestyle = 'SQL, DMY'")
    odd = await InventoryStore.connect(url, ruleset)
    async with plain.database.connection() as one, odd.database.connection() as other:
        await one.execute("SELECT journal_add_week(now() - interval '50 days')")
        assert await old_weeks(one, 1) == await old_weeks(other, 1) != []
    await plain.close()
    await odd.close()
