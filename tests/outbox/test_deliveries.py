"""What a receiver gets: all that was committed since the beginning, in order, signed, and nothing else."""

import asyncio
import json
import os
import random
import signal
from typing import Any

import pytest

from persistence.outbox import lane, locks
from persistence.outbox.lane import CHARACTERS_MAX, ENTRIES_MAX
from persistence.outbox.outbox import LANES_AT_ONCE
from persistence.outbox.status import forget, outbox_status
from persistence.postgres.store import InventoryStore
from tests.ledger.history import Past
from tests.outbox.conftest import Opened
from tests.outbox.played import new, played
from tests.outbox.receiver import Receiver, until


def all_of(receiver: Receiver, pasts: list[Past], after: int = 0) -> bool:
    return all(receiver.seqs(past.char_id) == list(range(after + 1, past.seq + 1)) for past in pasts)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed or was refused is tried again soon."""
    monkeypatch.setattr(lane, "PAUSE_MAX_S", 0.1)
    monkeypatch.setattr(lane, "REFUSED_MIN_S", 0.3)
    monkeypatch.setattr(lane, "REFUSED_MAX_S", 0.3)


async def test_entries_as_the_ledger_has_them(
    store: InventoryStore, outbox: Opened, receiver: Receiver
) -> None:
    pasts = await new(store, 3)
    async with outbox() as opened:
        await played(store, 4, *pasts)
        opened.note(past.char_id for past in pasts)
        await until(lambda: all_of(receiver, pasts), "all are delivered")
    assert opened.delivered == len(receiver.taken) == 12
    for past in pasts:
        ledger = await store.journal(past.char_id)
        sent = [entry for entry in receiver.taken if entry["char_id"] == past.char_id]
        for entry, kept in zip(sent, ledger, strict=True):
            assert (entry["seq"], entry["at"], entry["by"]) == (kept.seq, kept.at, kept.by)
            assert (entry["request_id"], entry["op_id"]) == (kept.request_id, kept.op_id)
            assert entry["commands"] == json.loads(bytes(kept.commands))
            assert {item["item_id"] for item in entry["changes"]["changed"]} == {
                item.item_id for item in kept.changes.changed
            }
    for one in receiver.requests:
        assert one.headers["content-type"] == "application/json"
        body = json.loads(one.body)
        assert (body["type"], set(body)) == ("inventory.changes", {"type", "timestamp", "data"})
        assert len(one.entries) <= ENTRIES_MAX
        assert len({entry["char_id"] for entry in one.entries}) <= CHARACTERS_MAX


async def test_it_begins_at_the_present(store: InventoryStore, outbox: Opened, receiver: Receiver) -> None:
    """With what is committed after it, and goes on from there when it is switched off and on."""
    (past,) = await new(store)
    await played(store, 5, past)
    async with outbox():
        await played(store, 2, past)
        await until(lambda: receiver.seqs(past.char_id) == [6, 7], "the new ones")
    await played(store, 2, past)
    async with outbox():
        await until(lambda: receiver.seqs(past.char_id) == [6, 7, 8, 9], "those of meanwhile")
    assert receiver.repeats() == 0


async def test_what_nobody_tells_is_found(store: InventoryStore, outbox: Opened, receiver: Receiver) -> None:
    """As what a process had written that died before it could say so."""
    pasts = await new(store, 5)
    async with outbox():
        await played(store, 3, *pasts)
        await until(lambda: all_of(receiver, pasts), "all are delivered")


async def test_a_long_backlog_comes_in_order(
    store: InventoryStore, outbox: Opened, receiver: Receiver
) -> None:
    pasts = await new(store, 2)
    async with outbox():
        await played(store, 2 * ENTRIES_MAX + 10, *pasts)
        await until(lambda: all_of(receiver, pasts), "all are delivered")


async def test_a_receiver_that_fails_at_random(
    store: InventoryStore, outbox: Opened, receiver: Receiver, impatient: None
) -> None:
    """It refuses, is away, or wants to have it somewhere else."""
    chance = random.Random(3)

    def answer(_: Any) -> int:
        return chance.choice((204, 204, 204, 500, 503, 400, 307))

    receiver.answer = answer
    receiver.headers = {"Location": "/elsewhere"}
    pasts = await new(store, 12)
    async with outbox() as opened:
        for seed in range(4):
            await played(store, 3, *pasts, seed=seed)
            opened.note(past.char_id for past in pasts)
        await until(lambda: len({entry["char_id"] for entry in receiver.taken}) == 12, "each had a turn")
        receiver.answer = lambda _: 204
        await until(lambda: all_of(receiver, pasts), "all are delivered")
    # What is new of a character never comes before what was there earlier.
    for past in pasts:
        assert receiver.seqs(past.char_id) == list(range(1, 13))
    assert receiver.elsewhere == 0, "a redirect was followed"


async def test_one_that_is_refused_holds_up_nobody(
    store: InventoryStore, outbox: Opened, receiver: Receiver, impatient: None
) -> None:
    pasts = await new(store, 40)
    poisoned = pasts[0].char_id
    receiver.answer = lambda entries: 400 if any(one["char_id"] == poisoned for one in entries) else 204
    async with outbox() as opened:
        await played(store, 2, *pasts)
        opened.note(past.char_id for past in pasts)
        await until(lambda: all_of(receiver, pasts[1:]), "all others are delivered")

        async def refused() -> int:
            return (await outbox_status(store.database)).refused

        while not await refused():
            await asyncio.sleep(0.01)
        status = await outbox_status(store.database)
        (refusal,) = status.refusals
        assert (refusal.char_id, refusal.seq, refusal.problem) == (poisoned, 0, "the receiver answers 400")
        assert (status.characters, status.entries) == (1, 2)
        # It comes again alone, when its time has come; and nothing of it was left out.
        receiver.answer = lambda _: 204
        await until(lambda: all_of(receiver, pasts), "it is delivered, too")
        assert {entry["char_id"] for entry in receiver.requests[-1].entries} == {poisoned}
        while await refused():
            await asyncio.sleep(0.01)


async def test_a_receiver_that_takes_its_time(
    store: InventoryStore, outbox: Opened, receiver: Receiver
) -> None:
    """It has few requests at once, and what it has taken after all comes to it again."""
    slow = True

    async def answer(_: Any) -> int:
        if slow:
            await asyncio.sleep(3)
        return 204

    receiver.answer = answer
    pasts = await new(store, 60)
    async with outbox() as opened:
        await played(store, 1, *pasts)
        opened.note(past.char_id for past in pasts)
        await until(lambda: receiver.under_way >= LANES_AT_ONCE, "as many as there may be")
        slow = False
        await until(lambda: all_of(receiver, pasts), "all are delivered")
    assert receiver.most_under_way == LANES_AT_ONCE


async def test_a_receiver_may_ask_for_a_pause(
    store: InventoryStore, outbox: Opened, receiver: Receiver
) -> None:
    loop, at = asyncio.get_running_loop(), []

    def answer(_: Any) -> int:
        at.append(loop.time())
        return 429 if len(at) == 1 else 204

    receiver.answer, receiver.headers = answer, {"Retry-After": "1"}
    (past,) = await new(store)
    async with outbox():
        await played(store, 1, past)
        await until(lambda: all_of(receiver, [past]), "it is delivered")
    assert at[1] - at[0] >= 1


async def test_two_processes_do_nothing_twice(
    store: InventoryStore, outbox: Opened, receiver: Receiver
) -> None:
    """Each is told of the same characters, and both look for what was left."""
    pasts = await new(store, 30)
    async with outbox() as one, outbox() as other:
        for seed in range(6):
            await played(store, 2, *pasts, seed=seed)
            for opened in (one, other):
                opened.note(past.char_id for past in pasts)
            await asyncio.sleep(0.02)
        await until(lambda: all_of(receiver, pasts), "all are delivered")
    # The last delivery is counted when it is noted, which is after the receiver has it.
    assert one.delivered + other.delivered == 30 * 12
    assert one.delivered and other.delivered
    assert receiver.repeats() == 0


async def test_another_goes_on_for_one_that_is_cut_off(
    store: InventoryStore, outbox: Opened, receiver: Receiver
) -> None:
    """Its connections are gone, and with them its locks, while it still delivers."""
    hold, held = asyncio.Event(), 0

    async def answer(_: Any) -> int:
        nonlocal held
        held += 1
        if held == 1:
            await hold.wait()
        return 204

    receiver.answer = answer
    (past,) = await new(store)
    async with outbox():
        await played(store, 3, past)
        await until(lambda: held == 1, "it delivers")
        async with outbox():
            async with store.database.connection() as connection:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                    " AND pid <> pg_backend_pid() AND database ="
                    " (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            await until(lambda: all_of(receiver, [past]), "the other has delivered it")
            hold.set()
            await played(store, 1, past)
            await until(lambda: all_of(receiver, [past]), "and what follows")


async def test_what_was_forgotten_is_never_delivered(
    store: InventoryStore, outbox: Opened, receiver: Receiver
) -> None:
    """And what is committed afterwards is, in the process that runs."""
    receiver.answer = lambda _: 503
    (past,) = await new(store)
    async with outbox() as opened:
        await played(store, 3, past)
        await until(lambda: len(receiver.requests) > 0, "it was tried")
        assert await forget(store.database)
        while (await outbox_status(store.database)).begun_at is None:
            await asyncio.sleep(0.005)
        receiver.answer = lambda _: 204
        await played(store, 1, past)
        opened.note([past.char_id])
        await until(lambda: 4 in receiver.seqs(past.char_id), "the new one")
    # The delivery that was under way may still have come.
    assert receiver.seqs(past.char_id)[-1] == 4
    assert (await outbox_status(store.database)).entries == 0


async def test_a_backlog_that_is_too_much_at_once(
    store: InventoryStore, outbox: Opened, receiver: Receiver, impatient: None
) -> None:
    """For its time, or for its bounds: it comes in as many pieces as it takes."""
    pasts = await new(store, 3)
    receiver.answer = lambda entries: 504 if len(entries) > 40 else 413 if len(entries) > 5 else 204
    async with outbox() as opened:
        await played(store, 100, *pasts)
        opened.note(past.char_id for past in pasts)
        await until(lambda: all_of(receiver, pasts), "all are delivered")
    for past in pasts:
        assert receiver.seqs(past.char_id) == list(range(1, 101))


async def test_an_entry_that_is_refused_keeps_none_before_it(
    store: InventoryStore, outbox: Opened, receiver: Receiver, impatient: None
) -> None:
    (past,) = await new(store)
    receiver.answer = lambda entries: 400 if any(one["seq"] == 90 for one in entries) else 204
    async with outbox() as opened:
        await played(store, 100, past)
        opened.note([past.char_id])
        await until(lambda: receiver.seqs(past.char_id) == list(range(1, 90)), "all before it are delivered")
        while not (await outbox_status(store.database)).refused:
            await asyncio.sleep(0.01)
        receiver.answer = lambda _: 204
        await until(lambda: all_of(receiver, [past]), "it is delivered, too")


async def test_a_connection_that_has_gone_silent_stops_nobody(
    store: InventoryStore, outbox: Opened, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that has the locks: no reply comes, and no word that it is lost."""
    monkeypatch.setattr(locks, "ANSWER_S", 0.5)
    pasts = await new(store, 2)
    async with outbox() as opened:
        await played(store, 1, *pasts)
        await until(lambda: all_of(receiver, pasts), "it delivers")
        # As long as the lanes' own locks are held there, they are for the server to give back.
        while len(holders := await _lock_holders(store)) != 1:
            await asyncio.sleep(0.01)
        (silent,) = holders
        os.kill(silent, signal.SIGSTOP)
        try:
            await played(store, 1, *pasts)
            opened.note(past.char_id for past in pasts)
            await until(lambda: all_of(receiver, pasts), "and goes on with another")
        finally:
            os.kill(silent, signal.SIGCONT)


async def _lock_holders(store: InventoryStore) -> list[int]:
    """Of each advisory lock the backend that has it."""
    async with store.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    return [row["pid"] for row in rows]
