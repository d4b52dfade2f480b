"""Followers of characters in play, on real servers: every call once and in order, whatever happens."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from persistence.errors import CharacterNotFound
from persistence.events.follower import Follower
from persistence.events.position import Event, Position
from persistence.orchestrator import InventoryOrchestrator
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant

WITHIN_S = 20.0
NOBODY = "00000000-0000-4000-8000-000000000000"


async def live(gateway: InventoryOrchestrator, calls: int = 1) -> None:
    """Play, loading the session first."""
    await gateway.load_session(CHAR_ID)
    for _ in range(calls):
        assert (await do(gateway, grant("gold")))["seq"]


async def told(follower: Follower, count: int = 1) -> list[Event]:
    """The next events, so many at the least."""
    events: list[Event] = []
    async with asyncio.timeout(WITHIN_S):
        while len(events) < count:
            events += await follower.next()
    return events


def seqs(events: Sequence[Event]) -> list[int]:
    assert {event.name for event in events} <= {"change"}, events
    return [event.position.seq for event in events]


def data(event: Event) -> Any:
    return json.loads(event.data)


async def test_calls_are_told_as_they_are_done(each_site: Site) -> None:
    """Out of the session, long before PostgreSQL has them."""
    async with each_site.gateway(flushing=False) as gateway:
        await live(gateway, 2)
        follower = gateway.events.follow(CHAR_ID, None)
        (began,) = await told(follower)
        assert (began.name, data(began)) == ("reset", {"tag": "0.2", "seq": 2, "reason": "began"})
        reply = await do(gateway, grant("gold"))
        (event,) = await told(follower)
        assert (event.name, event.position.tag) == ("change", "0.3")
        shown = data(event)
        assert (shown["tag"], shown["seq"], shown["ops"]) == ("0.3", 3, ["grant"])
        assert shown["changes"] == reply["changes"]


async def test_whoever_does_them(site: Site) -> None:
    """In another process, too; and all who follow are told."""
    async with site.gateway() as one, site.gateway() as other:
        await live(one)
        followers = [other.events.follow(CHAR_ID, Position(0, 0)) for _ in range(3)]
        await live(one, 4)
        for follower in followers:
            assert seqs(await told(follower, 5)) == [1, 2, 3, 4, 5]


async def test_where_they_have_gone_to_makes_no_difference(each_site: Site) -> None:
    """Partly in PostgreSQL, partly in the session; the session gone; and there again."""
    async with each_site.gateway(flushing=False) as gateway:
        await live(gateway, 3)
        await gateway.save_session(CHAR_ID)
        await live(gateway, 3)
        first = gateway.events.follow(CHAR_ID, Position(0, 1))
        events = await told(first, 5)
        assert seqs(events) == [2, 3, 4, 5, 6]
        await gateway.save_session(CHAR_ID, evict=True)
        again = gateway.events.follow(CHAR_ID, events[1].position)
        assert seqs(await told(again, 3)) == [4, 5, 6]
        waiting = asyncio.create_task(told(first))
        await live(gateway)
        assert seqs(await waiting) == [7]
        assert seqs(await told(again)) == [7]


async def test_what_is_left_to_postgresql_between_two_looks(site: Site) -> None:
    """Played, flushed and evicted while the follower was busy."""
    async with site.gateway() as gateway:
        await live(gateway)
        follower = gateway.events.follow(CHAR_ID, Position(0, 0))
        assert seqs(await told(follower)) == [1]
        await live(gateway, 3)
        await gateway.save_session(CHAR_ID, evict=True)
        assert seqs(await told(follower, 3)) == [2, 3, 4]


async def test_a_long_past_comes_page_by_page(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await live(gateway, 130)
        await gateway.save_session(CHAR_ID)
        await live(gateway, 120)
        follower = gateway.events.follow(CHAR_ID, Position(0, 0))
        assert seqs(await told(follower, 250)) == list(range(1, 251))


async def test_following_neither_loads_nor_keeps_a_session(site: Site) -> None:
    async with site.gateway() as gateway:
        await live(gateway)
        await gateway.save_session(CHAR_ID, evict=True)
        follower = gateway.events.follow(CHAR_ID, None)
        (began,) = await told(follower)
        assert data(began) == {"tag": "0.1", "seq": 1, "reason": "began"}
        assert not (await gateway.character(CHAR_ID)).live
        # It is being looked for, and nothing comes of it.
        waiting = asyncio.create_task(told(follower))
        while not follower.stored_at > 0:
            await asyncio.sleep(0.01)
        assert not (await gateway.character(CHAR_ID)).live
        await live(gateway)
        assert seqs(await waiting) == [2]


async def test_a_lost_tail_is_told(each_site: Site) -> None:
    """Redis loses its data: what was told and not flushed has not happened, and its seqs come again."""
    async with each_site.gateway(flushing=False) as gateway:
        await live(gateway, 2)
        await gateway.save_session(CHAR_ID)
        await live(gateway, 2)
        ahead = gateway.events.follow(CHAR_ID, Position(0, 0))
        events = await told(ahead, 4)
        safe = gateway.events.follow(CHAR_ID, events[1].position)
        bare = gateway.events.follow(CHAR_ID, Position(0, 3))
        each_site.client.flushall()
        await live(gateway, 3)
        (lost,) = await told(ahead)
        assert (lost.name, data(lost)["reason"]) == ("reset", "lost")
        assert lost.position.incarnation == 1
        (lost,) = await told(bare)
        assert data(lost)["reason"] == "lost"
        # Who had only seen what PostgreSQL has goes on, with the calls of the new life.
        now = await told(safe, 3)
        assert seqs(now) == [3, 4, 5]
        assert {event.position.incarnation for event in now} == {1}
        assert [data(event) for event in now[:2]] != [data(event) for event in events[2:]]


async def test_a_loss_is_told_before_anybody_plays_again(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await live(gateway, 2)
        await gateway.save_session(CHAR_ID)
        await live(gateway, 2)
        follower = gateway.events.follow(CHAR_ID, Position(0, 0))
        assert seqs(await told(follower, 4)) == [1, 2, 3, 4]
        site.client.flushall()
        (lost,) = await told(follower)
        assert data(lost) == {"tag": "0.2", "seq": 2, "reason": "lost"}
        waiting = asyncio.create_task(told(follower, 1))
        await live(gateway)
        assert seqs(await waiting) == [3]


async def test_an_incarnation_alone_is_no_loss(each_site: Site) -> None:
    """A process that died after an eviction has left the character open: tags change, and nothing else."""
    async with each_site.gateway() as gateway:
        await live(gateway, 2)
        follower = gateway.events.follow(CHAR_ID, Position(0, 0))
        events = await told(follower, 2)
        await gateway.save_session(CHAR_ID, evict=True)
        async with gateway.store.database.connection() as connection:
            await connection.execute("UPDATE characters SET open = true WHERE char_id = $1", CHAR_ID)
        await live(gateway)
        for one in (follower, gateway.events.follow(CHAR_ID, events[1].position)):
            (event,) = await told(one)
            assert (event.name, event.position.tag) == ("change", "1.3")


async def test_a_session_of_another_node_is_waited_for(site: Site) -> None:
    """Until somebody has adopted it, nobody knows whether what it has will last."""
    async with site.gateway(flushing=False) as gateway:
        await live(gateway, 2)
        key = f"inventory:session:{CHAR_ID}"
        gen = site.client.hget(key, "gen")
        assert gen is not None
        site.client.hset(key, "gen", '"another:node"')
        follower = gateway.events.follow(CHAR_ID, Position(0, 2))
        waiting = asyncio.create_task(told(follower))
        while not follower.stored_at > 0:
            await asyncio.sleep(0.01)
        assert not waiting.done()
        site.client.hset(key, "gen", gen)
        await live(gateway)
        assert seqs(await waiting) == [3]


async def test_a_week_that_was_dropped_is_told(site: Site) -> None:
    async with site.gateway() as gateway:
        await live(gateway, 3)
        await gateway.save_session(CHAR_ID, evict=True)
        async with gateway.store.database.transaction() as connection:
            await connection.execute("ALTER TABLE journal DISABLE TRIGGER journal_append_only")
            await connection.execute("DELETE FROM journal WHERE seq <= 2")
            await connection.execute("ALTER TABLE journal ENABLE TRIGGER journal_append_only")
        (dropped,) = await told(gateway.events.follow(CHAR_ID, Position(0, 1)))
        assert data(dropped) == {"tag": "0.3", "seq": 3, "reason": "dropped"}


async def test_a_character_that_is_not_there(site: Site) -> None:
    async with site.gateway() as gateway:
        assert await gateway.events.known(CHAR_ID)
        assert not await gateway.events.known(NOBODY)
        with pytest.raises(CharacterNotFound):
            await told(gateway.events.follow(NOBODY, None))


async def test_one_broken_session_is_nobody_elses_trouble(site: Site) -> None:
    async with site.gateway() as gateway:
        await live(gateway)
        other = (
            await gateway.create_character(None, "Other", (await gateway.character(CHAR_ID)).actor)
        ).char_id
        site.client.set(f"inventory:session:{other}", "this is no hash")
        broken = asyncio.create_task(told(gateway.events.follow(other, Position(0, 3))))
        assert seqs(await told(gateway.events.follow(CHAR_ID, Position(0, 0)))) == [1]
        broken.cancel()
        site.client.delete(f"inventory:session:{other}")


async def test_an_interruption_is_no_event(site: Site) -> None:
    async with site.gateway() as gateway:
        await live(gateway)
        follower = gateway.events.follow(CHAR_ID, Position(0, 1))
        waiting = asyncio.create_task(follower.next())
        while not follower.waits:
            await asyncio.sleep(0)
        follower.interrupt()
        assert await waiting == ()
        await live(gateway)
        assert seqs(await told(follower)) == [2]


async def test_nobody_is_asked_while_nobody_follows(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await live(gateway)
        follower = gateway.events.follow(CHAR_ID, Position(0, 0))
        assert seqs(await told(follower)) == [1]
        # The look that is under way, if one is.
        await asyncio.sleep(0.2)
        before = site.client.info("commandstats").get("cmdstat_hmget", {}).get("calls", 0)
        await asyncio.sleep(0.3)
        assert site.client.info("commandstats").get("cmdstat_hmget", {}).get("calls", 0) == before


async def test_the_end_of_a_service_interrupts_who_waits(site: Site) -> None:
    async with site.gateway() as gateway:
        await live(gateway)
        waiting = asyncio.create_task(gateway.events.follow(CHAR_ID, Position(0, 1)).next())
        await asyncio.sleep(0)
    assert await waiting == ()
