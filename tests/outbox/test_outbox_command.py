"""``haversack outbox …``, and the ledger that waits for the outbox."""

import argparse
import asyncio
import json
from collections.abc import Callable

import pytest

from gateway.command_line.outbox import _status_lines, add_outbox_commands
from gateway.configuration.settings import Settings
from persistence.errors import CharacterNotFound
from persistence.ledger.retention import trim
from persistence.outbox.status import OutboxStatus, outbox_status
from persistence.postgres.store import InventoryStore
from tests.ledger.conftest import WEEKS_BACK
from tests.ledger.history import lived
from tests.outbox.conftest import Opened
from tests.outbox.played import new, played
from tests.outbox.receiver import Receiver, until

Told = Callable[[], str]


async def run(url: str, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_outbox_commands(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["outbox", *arguments])
    settings = Settings(redis_url="redis://unused", database_url=url)
    status: int = await asyncio.to_thread(parsed.run, settings, parsed)
    return status


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return lambda: capsys.readouterr().out


async def test_before_anything_is_delivered(url: str, told: Told) -> None:
    assert await run(url, "status") == 0
    assert "Nothing is delivered" in told()
    assert await run(url, "forget", "--yes") == 0
    assert "nothing to forget" in told()


async def test_how_far_it_is_and_the_way_out(
    store: InventoryStore, url: str, outbox: Opened, receiver: Receiver, told: Told
) -> None:
    good, bad = await new(store, 2)
    receiver.answer = lambda entries: 422 if any(one["char_id"] == bad.char_id for one in entries) else 204
    async with outbox():
        assert await run(url, "status") == 0
        assert "All of them are." in told()
        await played(store, 3, good, bad)
        while not (await outbox_status(store.database)).refused:
            await asyncio.sleep(0.01)
        await until(lambda: receiver.seqs(good.char_id) == [1, 2, 3], "the other is delivered")
        assert await run(url, "status") == 1
        shown = told()
        assert "Waiting: 3 changes of 1 character." in shown and "The oldest is of 20" in shown
        assert f"{bad.char_id}: what follows seq 0 was refused 1 time, " in shown
        assert "the receiver answers 422" in shown
        assert await run(url, "status", "--json") == 1
        document = json.loads(told())
        assert (document["characters"], document["entries"], document["refused"]) == (1, 3, 1)
        assert await run(url, "skip", bad.char_id) == 0
        assert "up to seq 3" in told()
        assert await run(url, "status") == 0
        assert "All of them are." in told()
    with pytest.raises(CharacterNotFound):
        await run(url, "skip", "00000000-0000-4000-8000-000000000000")


def test_a_receiver_that_is_away_is_told_of_elsewhere() -> None:
    """Nothing of it is stored, but the log knows; a refusal that is told here needs no such hint."""
    away = list(_status_lines(OutboxStatus(0, 2, 1_002, None, 1, []), None))
    assert "Waiting: 1,002 changes of 2 characters." in away
    assert any("the log of the processes that serve says why" in line for line in away)
    assert away[-1] == "… and 1 more character."
    refused = list(_status_lines(OutboxStatus(0, 1, 1, None, 1, []), None))
    assert "Waiting: 1 change of 1 character." in refused
    assert not any("says why" in line for line in refused)


async def test_forgetting_has_to_be_meant(url: str, outbox: Opened, told: Told) -> None:
    async with outbox():
        pass
    assert await run(url, "forget") == 1
    assert told().endswith("Say --yes to do it.\nNothing was done.\n")
    assert await run(url, "forget", "--yes") == 0
    assert await run(url, "status") == 0
    assert "Nothing is delivered" in told()


async def add_weeks(store: InventoryStore) -> None:
    async with store.database.connection() as connection:
        for back in range(WEEKS_BACK + 1):
            await connection.execute("SELECT journal_add_week(now() - $1 * interval '7 days')", back)


async def test_the_ledger_waits_for_it(store: InventoryStore, outbox: Opened, receiver: Receiver) -> None:
    """Weeks with an undelivered change stay; with the last of them delivered, they are dropped."""
    await add_weeks(store)
    receiver.answer = lambda _: 503
    async with outbox():
        past = await lived(store, 40, 39, 33, 1)
        await until(lambda: len(receiver.requests) > 0, "it was tried")
        trimmed = await trim(store.database, 14)
        assert "the outbox has not delivered all of it" in trimmed.kept
        assert len(await store.journal(past.char_id)) == 4
        receiver.answer = lambda _: 204
        await until(lambda: receiver.seqs(past.char_id) == [1, 2, 3, 4], "all are delivered")
        while (await outbox_status(store.database)).entries:
            await asyncio.sleep(0.005)
        assert (await trim(store.database, 14)).kept == ""
        assert [entry.seq for entry in await store.journal(past.char_id)] == [4]


async def test_the_ledger_waits_until_it_is_forgotten(
    store: InventoryStore, url: str, outbox: Opened
) -> None:
    await add_weeks(store)
    async with outbox():
        pass
    await lived(store, 40, 1)
    assert "the outbox" in (await trim(store.database, 14)).kept
    assert await run(url, "forget", "--yes") == 0
    assert (await trim(store.database, 14)).kept == ""
