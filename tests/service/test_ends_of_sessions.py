"""Sessions that end while they are loaded, played or read."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from persistence.errors import Unavailable
from persistence.postgres.store import InventoryStore
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.work_queue import WorkQueue
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.faults import SESSION, live, once
from tests.service.play import do, grant


async def test_a_load_in_the_middle_of_a_close_wins(each_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        once(monkeypatch, WorkQueue, "pending", before=lambda: gateway._loader.reload(CHAR_ID))
        evicted = await gateway._evictor.evict(CHAR_ID)
        head = await gateway.store.character(CHAR_ID)
        assert head is not None
        assert head.open == bool(each_site.client.exists(SESSION)) == (not evicted)
    await each_site.audit()


async def test_a_close_that_failed_leaves_the_character_open(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The final flush is committed, its reply lost, PostgreSQL away: the session lives on."""
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        real = InventoryStore.flush

        async def committed(self: InventoryStore, batch: Any) -> Any:
            await real(self, batch)
            raise Unavailable("the next try")

        with monkeypatch.context() as patch:
            patch.setattr(InventoryStore, "flush", committed)
            with pytest.raises(Unavailable):
                await gateway.save_session(CHAR_ID, evict=True)
        await do(gateway, grant("ring"))
        await gateway._flusher.flush_now(CHAR_ID)
        head = await gateway.store.character(CHAR_ID)
        assert head is not None and head.open and head.seq == 2
    await each_site.audit()


async def test_a_session_played_since_it_was_claimed_is_not_idle(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        await gateway._flusher.flush_now(CHAR_ID)
        assert not await gateway._evictor.evict(CHAR_ID, if_seq=1)
        each_site.client.zadd("inventory:due:", {CHAR_ID: 1})
        assert await gateway._evictor.evict(CHAR_ID, if_seq=1)


@pytest.mark.parametrize(
    ("owner", "read"), [(InventorySessionManager, "read_actor"), (InventoryStore, "character")]
)
async def test_a_character_whose_session_ends_while_it_is_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, owner: type, read: str
) -> None:
    """Between what is read of Redis and of PostgreSQL, in whichever order."""
    async with site.gateway(flushing=False) as gateway:
        await live(site, gateway)
        await do(gateway, {"op": "set_actor", "level": 33})

        once(monkeypatch, owner, read, after=lambda: gateway.save_session(CHAR_ID, evict=True))
        character = await gateway.character(CHAR_ID)
        assert (character.seq, character.actor.level) == (2, 33)
        assert not (await gateway.character(CHAR_ID)).live


async def test_a_character_whose_session_is_closing(site: Site) -> None:
    """What the last flush has not brought yet is told all the same."""
    async with site.gateway(flushing=False) as gateway:
        await live(site, gateway)
        await do(gateway, {"op": "set_actor", "level": 33})
        await gateway._sessions.close(CHAR_ID, "begin", lease_ms=60_000)
        character = await gateway.character(CHAR_ID)
        assert (character.seq, character.durable_seq, character.actor.level) == (2, 0, 33)
        assert not character.live


async def test_a_load_that_nobody_waits_for_any_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It brings nothing back, seconds later perhaps, that was ended meanwhile."""
    tried = asyncio.Event()
    real = InventoryStore.begin_loads

    async def begin_loads(store: InventoryStore, char_ids: Sequence[str]) -> object:
        found = await real(store, char_ids)
        tried.set()
        return found

    monkeypatch.setattr(InventoryStore, "begin_loads", begin_loads)
    holder = await asyncpg.connect(site.settings.database_url)
    async with site.gateway(flushing=False) as gateway, asyncio.timeout(20):
        async with holder.transaction():
            await holder.execute("SELECT FROM characters WHERE char_id = $1 FOR UPDATE", CHAR_ID)
            caller = asyncio.create_task(gateway.load_session(CHAR_ID))
            await tried.wait()
            caller.cancel()
        while gateway._loader._under_way:
            await asyncio.sleep(0.005)
        assert not site.client.exists(SESSION)
        assert (await gateway.load_session(CHAR_ID))[1]
    await holder.close()
