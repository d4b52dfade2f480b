"""What was done under an operation id stays done once, whatever becomes of the session meanwhile."""

import pytest

from persistence.errors import IdempotencyMismatch
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call
from tests.parity.twins import encode
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant

REWARD = encode([grant("gold", 5)])


async def body(gateway: InventoryOrchestrator, op_id: str = "reward-1") -> bytes:
    answer = await gateway.submit(CHAR_ID, REWARD, Call(op_id=op_id))
    assert isinstance(answer, bytes)
    return answer


def as_replay(first: bytes) -> bytes:
    return first.replace(b'"replayed":false', b'"replayed":true', 1)


async def gold(gateway: InventoryOrchestrator) -> int:
    items = (await gateway.read_session(CHAR_ID)).session.items
    return sum(item.quantity for item in items.values())


async def test_a_repeat_after_eviction_gets_the_same_bytes(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        first = await body(gateway)
        await gateway.save_session(CHAR_ID, evict=True)
        assert not each_site.client.exists(f"inventory:done:{CHAR_ID}")
        await gateway.load_session(CHAR_ID)
        assert await body(gateway) == as_replay(first)
        with pytest.raises(IdempotencyMismatch):
            await do(gateway, grant("gold", 6), op_id="reward-1")
        assert await gold(gateway) == 5
    await each_site.audit()


async def test_a_repeat_after_the_loss_of_redis_gets_the_same_bytes(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        first = await body(gateway)
        await gateway.save_session(CHAR_ID)
        each_site.client.flushall()
        await gateway.load_session(CHAR_ID)
        assert await body(gateway) == as_replay(first)
        assert await gold(gateway) == 5


async def test_the_ring_goes_on_where_it_was(site: Site) -> None:
    """70 operations, ended and begun again on the way: the last 64 are known, in both places."""
    async with site.gateway() as gateway:
        replies = {}
        for number in range(70):
            await gateway.load_session(CHAR_ID)
            replies[number] = await body(gateway, f"op-{number}")
            if number % 9 == 0:
                await gateway.save_session(CHAR_ID, evict=True)
        await gateway.save_session(CHAR_ID, evict=True)
        await gateway.load_session(CHAR_ID)
        assert site.client.hlen(f"inventory:done:{CHAR_ID}") == 2 * 64 + 1
        assert await body(gateway, "op-6") == as_replay(replies[6])
        assert await body(gateway, "op-69") == as_replay(replies[69])
        assert b'"replayed":false' in await body(gateway, "op-5")
        await gateway.save_session(CHAR_ID)
        async with gateway.store.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM operations") == 64
    await site.audit()


async def test_many_operations_in_one_flush_take_their_slots_in_turn(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        for number in range(150):
            await body(gateway, f"op-{number}")
        await gateway._evictor.evict(CHAR_ID)
        await gateway.load_session(CHAR_ID)
        assert b'"replayed":true' in await body(gateway, "op-86")
        assert b'"replayed":false' in await body(gateway, "op-85")


async def test_a_day_later_they_are_forgotten(site: Site) -> None:
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await body(gateway, "old")
        await body(gateway, "young")
        await gateway.save_session(CHAR_ID, evict=True)
        async with gateway.store.database.connection() as connection:
            await connection.execute("UPDATE operations SET at = at - interval '1 day' WHERE op_id = 'old'")
        await gateway.load_session(CHAR_ID)
        assert b'"replayed":true' in await body(gateway, "young")
        assert b'"replayed":false' in await body(gateway, "old")
        await gateway.save_session(CHAR_ID, evict=True)
        await gateway.load_session(CHAR_ID)
        assert b'"replayed":true' in await body(gateway, "old")
