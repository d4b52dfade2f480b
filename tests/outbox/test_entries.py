"""What comes next of a character, and how progress is noted."""

import msgspec
import pytest

from persistence.outbox import entries
from persistence.outbox.entries import Run, next_runs, note_delivered, note_refused
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore
from tests.ledger.history import Past
from tests.outbox.played import new, played


def seqs(run: Run) -> list[int]:
    return [msgspec.json.decode(text)["seq"] for text in run.texts]


async def followed(store: InventoryStore) -> Past:
    """A character of whose ten entries none is delivered."""
    async with store.database.transaction() as connection:
        await connection.execute(query("outbox_begin"))
    (past,) = await new(store)
    await played(store, 10, past)
    return past


async def next_run(store: InventoryStore, past: Past) -> Run:
    (run,) = await next_runs(store.database, [past.char_id], 100)
    return run


async def test_a_run_is_bounded_in_bytes(store: InventoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver bounds what it takes, and nothing smaller would ever be sent."""
    past = await followed(store)
    whole = await next_run(store, past)
    monkeypatch.setattr(entries, "RUN_BYTES", whole.size // 3)
    found: list[int] = []
    while len(found) < 10:
        run = await next_run(store, past)
        assert run.size < whole.size // 3 + max(map(len, whole.texts))
        assert (run.first_seq, run.last_seq) == (seqs(run)[0], seqs(run)[-1])
        found += seqs(run)
        await note_delivered(store.database, [run])
    assert found == list(range(1, 11))


async def test_a_run_ends_where_an_entry_is_missing(
    store: InventoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """What is delivered is known by first seq and place, and what is missing is told."""
    past = await followed(store)
    async with store.database.transaction() as connection:
        await connection.execute("ALTER TABLE journal DISABLE TRIGGER USER")
        await connection.execute("DELETE FROM journal WHERE seq IN (4, 5)")
        await connection.execute("ALTER TABLE journal ENABLE TRIGGER USER")
    first = await next_run(store, past)
    assert (seqs(first), first.last_seq, caplog.messages) == ([1, 2, 3], 3, [])
    await note_delivered(store.database, [first])
    second = await next_run(store, past)
    assert (seqs(second), second.first_seq) == ([6, 7, 8, 9, 10], 6)
    assert "entries 4 to 5 have gone" in caplog.text


async def test_nothing_is_kept_of_who_is_erased_meanwhile(store: InventoryStore) -> None:
    past = await followed(store)
    run = await next_run(store, past)
    async with store.database.transaction() as connection:
        await connection.execute("DELETE FROM items")
        await connection.execute("DELETE FROM characters")
    await note_delivered(store.database, [run])
    await note_refused(store.database, run, 1.0, "no")
    async with store.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
