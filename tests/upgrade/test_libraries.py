"""Old function libraries go, those that anybody uses stay, whichever realm or database he is of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

import pytest
import redis

from engine.ruleset import Ruleset, parse_ruleset
from lua.library import Library
from persistence.keys import LIBRARIES, Keys
from persistence.link.redis_link import RedisLink
from persistence.sessions.libraries import KEPT_S, Libraries
from persistence.sessions.mirror import Mirror
from persistence.sessions.session_manager import InventorySessionManager

TEXT = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
HOUR = KEPT_S + 1


@asynccontextmanager
async def using(url: str, bag: int, database: int = 0) -> AsyncIterator[Libraries]:
    """A process whose rules have a bag of so many slots."""
    link = RedisLink(f"{url}?db={database}")
    mirror = Mirror(link, Library(parse_ruleset(TEXT.replace("capacity = 20\n", f"capacity = {bag}\n", 1))))
    await mirror.load()
    try:
        yield Libraries(mirror)
    finally:
        await link.close()


@pytest.fixture
def server(each_redis: "redis.Redis") -> "redis.Redis":
    each_redis.function_flush()
    return each_redis


def url_of(client: "redis.Redis") -> str:
    return f"unix://{client.connection_pool.connection_kwargs['path']}"


def loaded(client: "redis.Redis") -> set[str]:
    return {
        dict(zip(one[::2], one[1::2], strict=True))[b"library_name"].decode()
        for one in client.function_list()
    }


def later(client: "redis.Redis", seconds: int) -> None:
    """As if so much time had passed since every note."""
    for name, at in client.zrange(LIBRARIES, 0, -1, withscores=True):
        client.zadd(LIBRARIES, {name: at - seconds})


async def test_what_nobody_has_used_for_an_hour_goes(server: "redis.Redis") -> None:
    url = url_of(server)
    async with using(url, 21) as old, using(url, 22) as new:
        assert await old.round() == await new.round() == []
        later(server, HOUR)
        # The new one is used still, and the old one has gone home.
        assert await new.round() == [old._mirror.library.name]
        assert loaded(server) == {new._mirror.library.name}
        assert await new.round() == []
        assert server.zrange(LIBRARIES, 0, -1) == [new._mirror.library.name.encode()]


async def test_what_is_used_by_another_realm_stays(server: "redis.Redis") -> None:
    """In another database of the same server, where functions are the same and keys are not."""
    url = url_of(server)
    async with using(url, 21, database=3) as theirs, using(url, 22) as ours:
        await theirs.round()
        await ours.round()
        later(server, HOUR)
        await theirs.round()
        assert await ours.round() == []
        assert theirs._mirror.library.name in loaded(server)
        # Its own calls go to its own database as before.
        await theirs._link.call("SET", "here", "3")
        assert server.get("here") is None
    with redis.Redis.from_url(url, db=3) as third:
        assert third.get("here") == b"3" and not third.exists(LIBRARIES)


async def test_a_note_of_one_that_is_not_there_any_more_goes(server: "redis.Redis") -> None:
    """As of whoever died after it had deleted one, or of a server whose functions were flushed by hand."""
    async with using(url_of(server), 22) as new:
        server.zadd(LIBRARIES, {"haversack_0123456789ab": 1})
        assert await new.round() == []
        assert server.zrange(LIBRARIES, 0, -1) == [new._mirror.library.name.encode()]


async def test_what_was_never_noted_has_its_hour(server: "redis.Redis") -> None:
    """Of a version that noted nothing, or all notes were lost; and what is not ours is left alone."""
    server.function_load("#!lua name=haversack_tools\nredis.register_function('t', function() return 1 end)")
    async with using(url_of(server), 21) as old, using(url_of(server), 22) as new:
        assert await new.round() == []
        server.flushall()
        assert await new.round() == []
        later(server, HOUR)
        assert await new.round() == [old._mirror.library.name]
    assert "haversack_tools" in loaded(server)


async def test_one_that_is_called_after_all_is_loaded_again(server: "redis.Redis", ruleset: Ruleset) -> None:
    """A process that was stopped for an hour and wakes."""
    async with using(url_of(server), 21) as asleep, using(url_of(server), 22) as awake:
        await asleep.round()
        await awake.round()
        later(server, HOUR)
        assert await awake.round() == [asleep._mirror.library.name]
        sessions = InventorySessionManager(
            asleep._mirror, ruleset, Keys(), flush_interval_ms=100, idle_evict_ms=1000
        )
        assert (await sessions.probe("0a1b2c3d-4e5f-4a6b-8c7d-000000000001")).status == ""
        assert await asleep.round() == []
        assert loaded(server) == {asleep._mirror.library.name, awake._mirror.library.name}
