"""Processes that die between two steps: what they had begun is brought to its end."""

import asyncio

import pytest

from persistence.postgres.store import InventoryStore
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.work_queue import WorkQueue
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.faults import (
    JOURNAL,
    SESSION,
    Died,
    dies_at,
    live,
)
from tests.service.play import do, grant, stored_items


async def test_flusher_dies_between_commit_and_settle(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        dies_at(monkeypatch, WorkQueue, "settle")
        with pytest.raises(Died):
            await gateway._flusher._writes.flush([CHAR_ID])
        assert len(await stored_items(gateway)) == 1
        assert each_site.client.llen(JOURNAL) == 1, "PostgreSQL has it, the session does not know"
        await do(gateway, grant("ring"))
        await do(gateway, grant("potion", 3))
    async with each_site.gateway() as gateway:
        state = await gateway.save_session(CHAR_ID)
        assert state.durable_seq == state.seq == 3
    await each_site.audit()


async def test_loader_dies_between_transaction_and_open(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with each_site.gateway() as gateway:
        await live(each_site, gateway)
        dies_at(monkeypatch, InventorySessionManager, "open")
        with pytest.raises(Died):
            await gateway._loader.reload(CHAR_ID)
        await do(gateway, grant("ring"))
        state = await gateway.save_session(CHAR_ID)
        assert (state.epoch, state.durable_seq) == (3, 2), "the flusher took PostgreSQL's epoch over"
    await each_site.audit()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["pending", "close"])
async def test_evictor_dies(each_site: Site, monkeypatch: pytest.MonkeyPatch, step: str, after: bool) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        owner = WorkQueue if step == "pending" else InventorySessionManager
        dies_at(monkeypatch, owner, step, after=after)
        with pytest.raises(Died):
            await gateway.save_session(CHAR_ID, evict=True)
    async with each_site.gateway() as gateway, asyncio.timeout(20):
        if not (step == "close" and not after):
            each_site.client.zadd("inventory:due:", {CHAR_ID: 1})  # the lease has ended
            while each_site.client.exists(SESSION):
                await asyncio.sleep(0.01)
        await gateway.load_session(CHAR_ID)
        assert len((await gateway.read_session(CHAR_ID)).session.items) == 1
    await each_site.audit()


async def test_evictor_dies_after_its_final_flush(each_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        dies_at(monkeypatch, InventoryStore, "flush", after=True)
        with pytest.raises(Died):
            await gateway.save_session(CHAR_ID, evict=True)
        await gateway.load_session(CHAR_ID)
        assert (await do(gateway, grant("ring")))["seq"] == 2, "a load takes a closing session back into play"
        await gateway.save_session(CHAR_ID, evict=True)
        assert len(await stored_items(gateway)) == 2
    await each_site.audit()
