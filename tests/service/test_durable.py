"""Durable is said of what PostgreSQL has, and of nothing else."""

import asyncio

import pytest

from persistence.errors import OutcomeUnknown
from persistence.postgres.store import InventoryStore
from persistence.sessions.work_queue import WorkQueue
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.faults import (
    Died,
    dies_at,
    live,
    once,
    raising,
)
from tests.service.play import do, grant, stored_items


async def test_durable_is_never_said_of_what_was_lost(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis loses everything between the call and its flush."""
    async with each_site.gateway() as gateway:
        await live(each_site, gateway)
        await gateway.save_session(CHAR_ID)

        async def lose_all() -> None:
            each_site.client.flushall()

        once(monkeypatch, WorkQueue, "pending", before=lose_all)
        with pytest.raises(OutcomeUnknown):
            await do(gateway, grant("ring"), durable=True)
        assert len(await stored_items(gateway)) == 1


async def test_durable_is_said_of_what_an_earlier_incarnation_flushed(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the call and its flush the session ends, unnoticed by PostgreSQL, and another begins."""
    async with each_site.gateway() as gateway:
        await live(each_site, gateway)

        async def begun_anew() -> None:
            dies_at(monkeypatch, InventoryStore, "mark_closed")
            with pytest.raises(Died):
                await gateway.save_session(CHAR_ID, evict=True)
            await gateway.load_session(CHAR_ID)

        once(monkeypatch, type(gateway._flusher), "flush_now", before=begun_anew)
        reply = await do(gateway, grant("ring"), durable=True)
        assert reply["durable_seq"] == reply["seq"] == 2
        head = await gateway.store.character(CHAR_ID)
        assert head is not None and head.incarnation == 1


async def test_gateways_race_for_durable_calls_and_none_is_told_a_lie(each_site: Site) -> None:
    async with each_site.gateway() as one, each_site.gateway() as other:
        await one.load_session(CHAR_ID)
        epoch = (await one.load_session(CHAR_ID))[0].epoch
        calls = [do(gateway, grant("gold"), durable=True) for gateway in (one, other) * 60]
        replies = await asyncio.gather(*calls)
        assert all(reply["durable_seq"] == reply["seq"] for reply in replies)
        assert (await one.load_session(CHAR_ID))[0].epoch == epoch, "no load was needed"
    await each_site.audit()


@pytest.mark.parametrize("evict", [False, True])
async def test_a_lost_reply_to_commit_is_looked_up(
    each_site: Site, monkeypatch: pytest.MonkeyPatch, evict: bool
) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        unanswered = raising(OutcomeUnknown("the reply to COMMIT was lost"))
        once(monkeypatch, InventoryStore, "flush", after=unanswered)
        state = await gateway.save_session(CHAR_ID, evict=evict)
        assert state.durable_seq == 1 and state.live != evict
    await each_site.audit()
