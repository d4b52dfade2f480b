"""What waits for PostgreSQL is bounded by its age; then it is honest to refuse, and it drains by itself."""

import pytest

from persistence.errors import Backpressure, SessionNotLive
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant

SESSION = f"inventory:session:{CHAR_ID}"


def wait(site: Site, seconds: float) -> None:
    """As if the oldest change had been made so long ago."""
    since = int(site.client.hget(SESSION, "dirty_since") or 0)
    site.client.hset(SESSION, "dirty_since", since - int(seconds * 1000))


async def test_old_changes_bar_new_ones_until_they_are_written(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        first = await do(gateway, grant("gold", 5), op_id="reward-1")
        wait(each_site, 29)
        await do(gateway, grant("gold"))
        wait(each_site, 2)
        before = each_site.client.hgetall(SESSION)
        with pytest.raises(Backpressure):
            await do(gateway, grant("gold"))
        with pytest.raises(Backpressure):
            await do(gateway, {"op": "sort", "container": "bag"})
        again = await do(gateway, grant("gold", 5), op_id="reward-1")
        assert again == first | {"replayed": True}, "what was done before is told all the same"
        assert each_site.client.hgetall(SESSION) == before
        assert len((await gateway.read_session(CHAR_ID)).session.items) == 1, "reading goes on"
        await gateway._flusher._writes.flush([CHAR_ID])
        assert (await do(gateway, grant("gold")))["seq"] == 3
    await each_site.audit()


async def test_an_item_id_that_was_asked_for_in_vain_is_free_again(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold"))
        wait(site, 31)
        with pytest.raises(Backpressure):
            await do(gateway, grant("ring", item_id="ab" * 16))
        async with gateway.store.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM granted_ids") == 0


async def test_a_session_of_another_node_is_loaded_first(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold"))
        wait(site, 31)
        site.client.hset(SESSION, "gen", '"before:restart"')
        with pytest.raises(SessionNotLive):
            await do(gateway, grant("gold"))
