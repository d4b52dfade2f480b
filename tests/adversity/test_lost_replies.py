"""Replies of Redis and PostgreSQL that are lost on the way, whole or in the middle."""

import pytest

from persistence.errors import OutcomeUnknown, Unavailable
from tests.adversity.site import HERO, Site, play, quantity
from tests.service.play import grant

# What a flush tells PostgreSQL, and nothing else does.
FLUSHED = b"gold"


async def test_without_an_operation_id_the_outcome_is_unknown_and_nothing_is_repeated(site: Site) -> None:
    async with site.gateway() as gateway:
        await play(gateway, grant("gold"))
        site.to_redis.cut_after(b"session_execute")
        with pytest.raises(OutcomeUnknown):
            await play(gateway, grant("gold", 10))
        assert await quantity(gateway, "gold") == 11, "applied, and exactly once"
        await gateway.save_session(HERO)
    await site.audit()


@pytest.mark.parametrize("durable", [False, True])
async def test_with_an_operation_id_the_repeat_gets_the_reply(site: Site, durable: bool) -> None:
    async with site.gateway() as gateway:
        await play(gateway, grant("gold"))
        site.to_redis.cut_after(b"session_execute")
        with pytest.raises(OutcomeUnknown):
            await play(gateway, grant("gold", 10), op_id="once", durable=durable)
        replies = [await play(gateway, grant("gold", 10), op_id="once", durable=durable) for _ in range(3)]
        assert [reply["replayed"] for reply in replies] == [True] * 3
        assert [reply["seq"] for reply in replies] == [2] * 3
        assert await quantity(gateway, "gold") == 11
        await gateway.save_session(HERO)
    await site.audit()


async def test_a_call_that_never_arrived_is_done_by_its_repeat(site: Site) -> None:
    """Neither can the caller know: it was sent as far as the product can tell."""
    async with site.gateway() as gateway:
        await play(gateway, grant("gold"))
        site.to_redis.cut_before(b"session_execute")
        with pytest.raises(OutcomeUnknown):
            await play(gateway, grant("gold", 10), op_id="once")
        assert await quantity(gateway, "gold") == 1
        assert (await play(gateway, grant("gold", 10), op_id="once"))["replayed"] is False
    await site.audit()


@pytest.mark.parametrize("after_bytes", [0, 3, 200])
async def test_a_reply_that_ends_in_its_middle_is_no_reply(site: Site, after_bytes: int) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, grant("gold"))
        site.to_redis.cut_within("down", after_bytes)
        with pytest.raises(OutcomeUnknown):
            await play(gateway, grant("gold", 10), op_id="once")
        assert (await play(gateway, grant("gold", 10), op_id="once"))["replayed"] is True
        assert await quantity(gateway, "gold") == 11
        await gateway.save_session(HERO)
    await site.audit()


@pytest.mark.parametrize("after_bytes", [0, 150])
async def test_a_call_that_ends_in_its_middle_was_not_made(site: Site, after_bytes: int) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, grant("gold"))
        site.to_redis.cut_within("up", after_bytes)
        with pytest.raises(OutcomeUnknown):
            await play(gateway, grant("gold", 10), op_id="once")
        assert await quantity(gateway, "gold") == 1
    await site.audit()


async def test_redis_refuses_connections(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, grant("gold"))
        site.to_redis.refuse()
        # The first finds out on a connection that it had; from then on nothing can be sent.
        with pytest.raises((OutcomeUnknown, Unavailable)):
            await play(gateway, grant("gold", 10))
        with pytest.raises(Unavailable):
            await play(gateway, grant("gold", 100))
        site.to_redis.accept()
        assert await quantity(gateway, "gold") in (1, 11)
        await play(gateway, grant("gold", 1000))
        await gateway.save_session(HERO)
    await site.audit()


@pytest.mark.parametrize("evict", [False, True])
async def test_the_reply_to_a_flush_is_lost(site: Site, evict: bool) -> None:
    """The flush reads from PostgreSQL what became of it, and neither repeats nor drops the changes."""
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, grant("gold", 5))
        site.to_postgres.cut_after(FLUSHED)
        state = await gateway.save_session(HERO, evict=evict)
        assert site.to_postgres.hits == 1
        assert (state.seq, state.durable_seq, state.live) == (1, 1, not evict)
        assert await quantity(gateway, "gold") == 5
    await site.audit()


async def test_a_flush_never_arrives(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, grant("gold", 5))
        site.to_postgres.cut_before(FLUSHED)
        state = await gateway.save_session(HERO)
        assert site.to_postgres.hits == 1 and state.durable_seq == 1
    await site.audit()


async def test_slow_and_uneven_lines_change_nothing_but_the_time(site: Site) -> None:
    site.to_redis.slow_down(delay_s=0.001, jitter_s=0.004, bytes_per_s=200_000)
    site.to_postgres.slow_down(delay_s=0.001, jitter_s=0.004, bytes_per_s=200_000)
    async with site.gateway() as gateway:
        for number in range(20):
            assert (await play(gateway, grant("gold"), durable=number % 5 == 0))["seq"] == number + 1
        await gateway.save_session(HERO, evict=True)
        assert await quantity(gateway, "gold") == 20
    await site.audit()
