"""One connection that hundreds share, while it is cut, and while callers go away.

Each gets its own answer or an honest error: what was answered was done once, what was unavailable was
not done at all, and what is unknown was done once or not.
"""

import asyncio
import random

import pytest
import redis

from persistence.errors import OutcomeUnknown
from persistence.link.redis_link import RedisLink
from tests.adversity.callers import Callers
from tests.adversity.fault_proxy import FaultProxy
from tests.adversity.fault_wire import Direction
from tests.adversity.players import Players
from tests.adversity.site import HERO, Site, char_ids, play
from tests.service.play import grant

CUTS = 40


def cut_somehow(proxy: FaultProxy, rng: random.Random) -> None:
    """Between messages or amid them, on the way there or back."""
    how = rng.choice(("now", "up", "down"))
    if how == "now":
        proxy.cut()
    else:
        direction: Direction = "up" if how == "up" else "down"
        proxy.cut_within(direction, rng.randrange(1, 4000))


@pytest.mark.parametrize("seed", [1, 2])
async def test_cut_at_random_under_load(
    link: RedisLink, proxy: FaultProxy, client: redis.Redis, seed: int
) -> None:
    rng = random.Random(seed)
    async with Callers(link, seed=seed, cancelling=0.2) as callers:
        for _ in range(CUTS):
            await callers.more(rng.randrange(1, 100))
            cut_somehow(proxy, rng)
        await callers.more(500)
        await callers.stop()
    callers.check(client)
    assert callers.unknown, "calls were under way when it was cut"
    assert callers.cancelled
    assert proxy.accepted >= CUTS / 2


@pytest.mark.parametrize("cut_at", range(14))
async def test_a_reply_that_is_cut_at_any_byte(link: RedisLink, proxy: FaultProxy, cut_at: int) -> None:
    """Whose reply is whole has it; the other one's outcome is unknown."""
    await link.call("PING")
    proxy.cut_within("down", cut_at)
    # Two replies of seven bytes each.
    answers = await asyncio.gather(link.call("ECHO", "a"), link.call("ECHO", "b"), return_exceptions=True)
    for answer, told, whole in zip(answers, (b"a", b"b"), (7, 14), strict=True):
        assert answer == told if cut_at >= whole else isinstance(answer, OutcomeUnknown)
    assert await link.call("ECHO", "c") == b"c"


@pytest.mark.parametrize("cut_at", range(0, 50, 3))
async def test_a_request_that_is_cut_at_any_byte(
    link: RedisLink, proxy: FaultProxy, client: redis.Redis, cut_at: int
) -> None:
    """Half a command is none, and none is sent again by itself."""
    await link.call("PING")
    proxy.cut_within("up", cut_at)
    requests = [link.submit("INCR", f"cut:{number}") for number in range(2)]
    outcomes = await asyncio.gather(*requests, return_exceptions=True)
    # Of two requests of 25 bytes each; the reply of one that arrived whole may be lost with the rest.
    for number, outcome in enumerate(outcomes):
        done = int(client.get(f"cut:{number}") or 0)
        if cut_at < 25 * (number + 1):
            assert isinstance(outcome, OutcomeUnknown) and done == 0
        else:
            assert done <= 1 and (outcome == 1 or isinstance(outcome, OutcomeUnknown))
    assert [await link.call("INCR", "cut:2"), await link.call("INCR", "cut:2")] == [1, 2]


async def test_callers_who_go_away_at_any_moment(link: RedisLink, client: redis.Redis) -> None:
    async with Callers(link, seed=3, cancelling=0.5) as callers:
        await callers.more(3000)
        await callers.stop()
    assert not callers.unknown and not callers.unavailable
    assert len(callers.cancelled) > 1000
    callers.check(client)


async def test_a_caller_who_leaves_before_the_write_has_asked_for_nothing(
    link: RedisLink, client: redis.Redis
) -> None:
    """And one who leaves when the reply is there already takes nobody else's."""
    await link.call("PING")
    gone, late, stays = link.submit("INCR", "gone"), link.submit("ECHO", "late"), link.submit("ECHO", "stays")
    late.add_done_callback(lambda _: next_one.append(link.submit("ECHO", "next")))
    next_one: list[asyncio.Future[bytes]] = []
    gone.cancel()
    assert await stays == b"stays"
    late.cancel()
    assert await next_one[0] == b"next"
    assert client.get("gone") is None


async def test_play_goes_on_over_a_line_that_is_cut_again_and_again(site: Site) -> None:
    """The whole of it: loads, plays and flushes, each on a link that breaks wherever it does."""
    rng = random.Random(6)
    async with site.gateway() as gateway, Players(gateway, char_ids(16)) as players:
        for _ in range(20):
            await players.more(rng.randrange(1, 30))
            cut_somehow(site.to_redis, rng)
        await players.more()
        await players.stop()
        await site.flushed()
        assert await players.lost() == []
        replies = [await play(gateway, grant("gold"), char_id=HERO) for _ in range(3)]
        assert replies[2]["seq"] == replies[0]["seq"] + 2
        await gateway.save_session(HERO)
    await site.audit()
