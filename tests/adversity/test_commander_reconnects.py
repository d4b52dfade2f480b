"""A Redis that is away: callers are told soon, attempts are few, and it comes back by itself."""

import asyncio
import socket
import time
from contextlib import ExitStack, suppress

import pytest
import redis

from persistence.embedded import ValkeyServer
from persistence.errors import OutcomeUnknown, PersistenceError, Unavailable
from persistence.link.redis_link import RedisLink
from tests.adversity.callers import Callers
from tests.adversity.fault_proxy import FaultProxy
from tests.adversity.players import Players
from tests.adversity.site import Site, char_ids, until

AWAY_S = 3.0
LIMIT_S = 0.5
NOBODY = "tcp://127.0.0.1:1"


async def fails(link: RedisLink) -> str:
    """What a caller is told now, who is told that nothing was done."""
    with pytest.raises(Unavailable) as told:
        await link.call("INCR", "never")
    return str(told.value)


async def test_a_server_that_resets_connections_and_comes_back(
    link: RedisLink, proxy: FaultProxy, server: ValkeyServer, client: redis.Redis
) -> None:
    """A herd of callers makes no herd of connections."""
    async with Callers(link, 300, seed=1) as callers:
        await callers.more(300)
        proxy.lead_to(NOBODY)
        proxy.cut()
        attempts, calls, since = proxy.accepted, len(callers.unavailable), time.monotonic()
        while time.monotonic() - since < AWAY_S:
            await asyncio.sleep(0.05)
        attempts, calls = proxy.accepted - attempts, len(callers.unavailable) - calls
        proxy.lead_to(server.url)
        await callers.more(1000)
        await callers.stop()
    callers.check(client)
    assert calls >= 300, "whoever called was told"
    # From 20 ms to 0.5 s apart, by the clock of a machine that may be slow.
    assert 2 <= attempts <= 30


async def test_a_server_that_refuses_connections_and_comes_back(
    link: RedisLink, proxy: FaultProxy, client: redis.Redis
) -> None:
    async with Callers(link, 100, seed=2) as callers:
        await callers.more(100)
        proxy.refuse()
        told = len(callers.unavailable)
        await until(lambda: len(callers.unavailable) >= told + 300, "they are told, again and again")
        proxy.accept()
        await callers.more(1000)
        await callers.stop()
    callers.check(client)
    assert any("refused" in words or "connect" in words.lower() for words in callers.words)


async def test_connections_that_are_taken_and_never_answered(
    hasty: RedisLink, proxy: FaultProxy, client: redis.Redis
) -> None:
    """A black hole: what was under way is unknown, what comes then is told within the limit, or two."""
    async with Callers(hasty, 50, seed=3) as callers:
        await callers.more(100)
        proxy.stall()
        await until(lambda: callers.unknown, "what was sent is given up")
        await until(lambda: len(callers.unavailable) >= 50, "no connection is made in time")
        proxy.flow()
        await callers.more(500)
        await callers.stop()
    callers.check(client)


async def test_connections_that_nobody_takes(client: redis.Redis) -> None:
    """A full queue drops whoever knocks, as a firewall would."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        link = RedisLink(f"redis://127.0.0.1:{address[1]}", timeout_s=LIMIT_S)
        begun = time.monotonic()
        told = await asyncio.gather(*(link.call("PING") for _ in range(50)), return_exceptions=True)
        assert {type(one) for one in told} == {Unavailable}
        assert time.monotonic() - begun >= LIMIT_S * 0.9
        await link.close()


async def test_a_password_that_is_wrong_until_it_is_mended(
    server: ValkeyServer, proxy: FaultProxy, client: redis.Redis
) -> None:
    client.config_set("requirepass", "right")
    link = RedisLink(proxy.redis_url().replace("//", "//:wrong@"), timeout_s=LIMIT_S)
    try:
        attempts = proxy.accepted
        told = await asyncio.gather(*(link.call("PING") for _ in range(100)), return_exceptions=True)
        assert {type(one) for one in told} == {Unavailable}
        words = await fails(link)
        assert "password" in words and "wrong" not in words
        assert proxy.accepted - attempts == 2, "all who wait fail with one attempt"
        client.config_set("requirepass", "wrong")
        assert await link.call("PING") == b"PONG"
    finally:
        client.config_set("requirepass", "")
        await link.close()


async def test_a_host_whose_name_is_nonsense() -> None:
    """Whatever keeps a connection from being made, those who wait for it are told."""
    for host in ("no-such-host.invalid", "two..dots"):
        link = RedisLink(f"redis://{host}:6379", timeout_s=5.0)
        for _ in range(2):
            assert await fails(link)
        await link.close()


async def test_a_caller_of_a_closed_link_is_told(hasty: RedisLink) -> None:
    waiting = [hasty.submit("ECHO", number) for number in range(10)]
    await hasty.close()
    async with asyncio.timeout(10):
        told = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in told} <= {Unavailable, OutcomeUnknown}
    assert "closed" in await fails(hasty)


async def test_closed_with_calls_under_way(hasty: RedisLink, proxy: FaultProxy) -> None:
    await hasty.call("PING")
    proxy.stall()
    waiting = hasty.submit("INCR", "counter")
    asking = hasty.submit("GET", "counter", harmless=True)
    await asyncio.sleep(0)
    await hasty.close()
    async with asyncio.timeout(10):
        told = await asyncio.gather(waiting, asking, return_exceptions=True)
    assert [type(one) for one in told] == [OutcomeUnknown, Unavailable]


async def test_a_service_finds_its_redis_again(site: Site) -> None:
    """Away for as long as it takes to be noticed by all; then play and flushes go on by themselves."""
    async with site.gateway() as gateway, Players(gateway, char_ids(12)) as players:
        await players.more()
        site.to_redis.lead_to(NOBODY)
        site.to_redis.cut()
        refused, attempts = len(players.refused), site.to_redis.accepted
        await until(lambda: len(players.refused) >= refused + 60, "players are refused")
        checks = await gateway.readiness()
        assert checks["redis"] != "ok" and checks["postgresql"] == "ok"
        assert site.to_redis.accepted - attempts <= 60
        site.to_redis.lead_to(site.valkey.url)
        await players.more()

        async def ready() -> bool:
            with suppress(PersistenceError):
                return set((await gateway.readiness()).values()) == {"ok"}
            return False

        await until(ready, "it is ready")
        await players.stop()
        await site.flushed()
        assert await players.lost() == []
    await site.audit()
