"""Nodes that come back with what they had: no tag stands for two contents, nothing is merged unseen."""

import asyncio
from typing import Any

import pytest
import redis

from persistence.errors import OutcomeUnknown, PersistenceError, Unavailable
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres.store import InventoryStore
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant, stored_items


def copied(client: redis.Redis) -> dict[bytes, bytes]:
    return {key: client.dump(key) for key in client.keys("*") if b"shards" not in key}


async def another_node_takes_over(client: redis.Redis, data: dict[bytes, bytes]) -> None:
    """With these data; and the functions have noticed."""
    for key in client.keys("*"):
        if b"shards" not in key:
            client.delete(key)
    for key, value in data.items():
        client.restore(key, 0, value)
    client.execute_command("DEBUG", "CHANGE-REPL-ID")
    await asyncio.sleep(0.15)


async def shown(gateway: InventoryOrchestrator) -> tuple[str, list[tuple[str, int]]]:
    """The tag, and what it stands for."""
    live = await gateway.read_session(CHAR_ID)
    items = sorted((item.template_id, item.quantity) for item in live.session.items.values())
    return live.tag, items


async def test_a_session_that_is_evicted_without_a_load_reuses_no_tag(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        standby = copied(each_site.client)
        await do(gateway, grant("gold", 1))
        before, _ = await shown(gateway)
        await another_node_takes_over(each_site.client, standby)
        await gateway.save_session(CHAR_ID, evict=True)
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold", 7))
        after, items = await shown(gateway)
        assert items == [("gold", 7)] and after != before
    await each_site.audit()


async def test_a_clean_eviction_keeps_the_tag(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold", 1))
        before = await shown(gateway)
        await gateway.save_session(CHAR_ID, evict=True)
        await gateway.load_session(CHAR_ID)
        assert await shown(gateway) == before


async def test_a_close_that_was_taken_back_leaves_no_closed_character(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The final flush is committed, its reply lost, PostgreSQL away; later Redis loses everything."""
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold", 1))
        real, calls = InventoryStore.flush, []

        async def flush(store: InventoryStore, batch: Any) -> Any:
            calls.append(batch)
            if len(calls) > 1:
                raise Unavailable("PostgreSQL is away")
            await real(store, batch)
            raise OutcomeUnknown("lost")

        monkeypatch.setattr(InventoryStore, "flush", flush)
        with pytest.raises(PersistenceError):
            await gateway.save_session(CHAR_ID, evict=True)
        monkeypatch.undo()
        await do(gateway, grant("gold", 1))
        before, _ = await shown(gateway)
        await another_node_takes_over(each_site.client, {})
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold", 7))
        after, items = await shown(gateway)
        assert items == [("gold", 8)] and after != before


async def test_a_node_that_missed_another_one_gives_way(each_site: Site) -> None:
    """A has calls that B never got; B was played on and flushed; A comes back."""
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        of_b = copied(each_site.client)
        await do(gateway, grant("gold", 1))
        await do(gateway, grant("gold", 1))
        of_a = copied(each_site.client)
        await another_node_takes_over(each_site.client, of_b)
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger", 1))
        await gateway.save_session(CHAR_ID)
        await another_node_takes_over(each_site.client, of_a)
        await gateway.load_session(CHAR_ID)
        assert (await shown(gateway))[1] == [("dagger", 1)]
        await gateway.save_session(CHAR_ID)
        assert [template_id for template_id, *_ in (await stored_items(gateway)).values()] == ["dagger"]
        async with gateway.store.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM incidents") == 1, "A's calls are kept"
    await each_site.audit()
