"""A slow or silent server: what is in flight, what waits and how long is bounded, and everybody is told."""

import asyncio
import gc
import tracemalloc
from contextlib import suppress

import hiredis
import redis

from persistence.embedded import ValkeyServer
from persistence.errors import OutcomeUnknown, Unavailable
from persistence.link.redis_link import IN_FLIGHT_MAX, WAITING_BYTES_MAX, RedisLink
from tests.adversity.callers import Callers
from tests.adversity.site import stopped, until


async def test_a_server_that_pauses(link: RedisLink, client: redis.Redis) -> None:
    """2 s are within what a reply may take: nobody is told anything else than the answer."""
    async with Callers(link, seed=4, cancelling=0.1) as callers:
        await callers.more(200)
        client.execute_command("CLIENT", "PAUSE", 2000, "ALL")
        await callers.more(1000)
        await callers.stop()
    assert not callers.unknown and not callers.unavailable
    assert callers.slowest_s > 1
    callers.check(client)


async def test_a_server_that_pauses_for_too_long(
    hasty: RedisLink, server: ValkeyServer, client: redis.Redis
) -> None:
    """What was sent is unknown, what was not is unavailable, and then all is as before."""
    async with Callers(hasty, seed=5) as callers:
        await callers.more(200)
        with stopped(server.pid):
            await until(lambda: len(callers.unknown) > 50, "calls under way are given up")
            await until(lambda: callers.unavailable, "further ones are not even sent")
        await callers.more(1000)
        await callers.stop()
    callers.check(client)


async def test_more_than_may_be_in_flight_waits_and_is_given_up(
    hasty: RedisLink, server: ValkeyServer, client: redis.Redis
) -> None:
    """Those that were not sent were not done, whatever the server does later."""
    await hasty.call("PING")
    beyond = 500
    with stopped(server.pid):
        calls = [hasty.submit("INCR", f"bound:{number}") for number in range(IN_FLIGHT_MAX + beyond)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown] * IN_FLIGHT_MAX + [
        Unavailable
    ] * beyond
    assert await recovered(hasty)
    kept = client.mget([f"bound:{number}" for number in range(IN_FLIGHT_MAX, IN_FLIGHT_MAX + beyond)])
    assert not any(kept)


async def test_a_server_that_greets_and_then_says_nothing() -> None:
    """What waits to be sent is given up in time, and not sent to it by and by."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = hiredis.Reader()
        while data := await reader.read(1 << 16):
            parser.feed(data)
            while (command := parser.gets()) is not False:
                if command[0] == b"CLIENT":
                    writer.write(b"+OK\r\n")
                else:
                    heard.append(command)
        writer.close()

    mute = await asyncio.start_server(serve, "127.0.0.1", 0)
    link = RedisLink(f"redis://127.0.0.1:{mute.sockets[0].getsockname()[1]}", timeout_s=0.5)
    beyond = 500
    async with asyncio.timeout(20):
        calls = [link.submit("INCR", "k") for _ in range(IN_FLIGHT_MAX + beyond)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    await link.close()
    mute.close()
    assert [type(one) for one in outcomes] == [OutcomeUnknown] * IN_FLIGHT_MAX + [Unavailable] * beyond
    assert len(heard) <= IN_FLIGHT_MAX


async def test_memory_does_not_grow_while_the_server_pauses(hasty: RedisLink, server: ValkeyServer) -> None:
    """What waits is bounded; who comes when it is full is told at once, and all is free afterwards."""
    await hasty.call("PING")
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        with stopped(server.pid):
            for _ in range(3):
                pieces = [hasty.submit("SET", "big", b"x" * (1 << 20)) for _ in range(200)]
                refused = [one for one in pieces if one.done()]
                assert refused and all(isinstance(one.exception(), Unavailable) for one in refused)
                await asyncio.gather(*pieces, return_exceptions=True)
        held = tracemalloc.get_traced_memory()[1] - before
        del pieces, refused
        gc.collect()
        assert held < 3 * WAITING_BYTES_MAX, "the peak"
        assert tracemalloc.get_traced_memory()[0] - before < 8 << 20, "what is left"
    finally:
        tracemalloc.stop()
    assert await recovered(hasty)


async def test_what_the_connection_cannot_take_is_not_sent(hasty: RedisLink, server: ValkeyServer) -> None:
    """So that it can still be said of it that nothing was done."""
    await hasty.call("PING")
    with stopped(server.pid):
        calls = [hasty.submit("SET", "big", b"x" * (1 << 20)) for _ in range(60)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, OutcomeUnknown) for one in outcomes) < 20
    assert await recovered(hasty)


async def recovered(link: RedisLink) -> bool:
    """It answers again, to those who ask now."""

    async def answers() -> bool:
        with suppress(Unavailable):
            return bool(await link.call("ECHO", "after", harmless=True) == b"after")
        return False

    await until(answers, "it answers again")
    return True
