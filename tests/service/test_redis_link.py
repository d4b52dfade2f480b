"""One link on real servers: batches, order, errors, sizes; nothing gets between what belongs together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis
from redis.exceptions import ResponseError

from persistence.errors import Unavailable
from persistence.link.redis_link import IN_FLIGHT_MAX, RedisLink
from tests.parity.world import CHAR_ID
from tests.servers import Servers
from tests.service.conftest import Site
from tests.service.play import do, grant

SPIN = "while true do end"


@pytest.fixture
async def link(each_servers: Servers, each_redis: redis.Redis) -> AsyncIterator[RedisLink]:
    link = RedisLink(each_servers.redis.url)
    yield link
    await link.close()


async def test_replies_of_every_kind(link: RedisLink) -> None:
    assert await link.call("SET", "k", "v") == b"OK"
    assert await link.call("GET", b"k") == b"v"
    assert await link.call("GET", "absent") is None
    assert await link.call("INCRBY", "n", -7) == -7
    assert await link.call("EVAL", "return {1, {'a', {}}, false}", 0) == [1, [b"a", []], None]
    assert await link.call("ECHO", "") == b""
    assert await link.call("ECHO", b"\x00\r\n\xff") == b"\x00\r\n\xff"
    assert await link.call("ECHO", "grün") == "grün".encode()


async def test_errors_in_a_batch_are_values_in_their_places(link: RedisLink) -> None:
    replies = await link.send([("SET", "k", "v"), ("LPUSH", "k", "x"), ("NONSENSE",), ("GET", "k")])
    assert replies[0] == b"OK" and replies[3] == b"v"
    assert isinstance(replies[1], ResponseError) and str(replies[1]).startswith("WRONGTYPE")
    assert isinstance(replies[2], ResponseError)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await link.call("LPUSH", "k", "x")
    assert await link.call("GET", "k") == b"v"


async def test_a_batch_of_nothing_takes_no_reply_of_others(link: RedisLink) -> None:
    nothing, one, other = await asyncio.gather(link.send([]), link.call("ECHO", "1"), link.call("ECHO", "2"))
    assert (nothing, one, other) == ([], b"1", b"2")


async def test_an_error_within_a_reply_and_one_that_is_no_text(link: RedisLink) -> None:
    commands = [("MULTI",), ("SET", "k", "v"), ("LPUSH", "k", "x"), ("EXEC",)]
    *_, (done, wrong) = await link.send(commands)
    assert done == b"OK" and isinstance(wrong, ResponseError)
    replies = await link.send([("EVAL", "return redis.error_reply('BAD \\255\\254')", 0), ("ECHO", "next")])
    assert isinstance(replies[0], ResponseError) and replies[1] == b"next"


async def test_a_transaction_that_is_refused_was_not_done(link: RedisLink) -> None:
    replies = await link.send([("MULTI",), ("SET", "k", "v"), ("NONSENSE",), ("EXEC",), ("GET", "k")])
    assert isinstance(replies[3], Unavailable) and replies[4] is None


async def test_nothing_comes_between_what_was_sent_together(link: RedisLink) -> None:
    """Were a foreign command within a transaction, its caller would read QUEUED."""

    async def transaction(number: int) -> None:
        commands = [("MULTI",), ("INCR", "n"), ("ECHO", number), ("GET", "n"), ("EXEC",)]
        replies = await link.send(commands)
        count, echo, seen = replies[-1]
        assert (echo, int(seen)) == (b"%d" % number, count)

    async def plain(number: int) -> None:
        assert await link.call("ECHO", number) == b"%d" % number

    for _ in range(5):
        tasks = [asyncio.create_task(act(n)) for n in range(200) for act in (transaction, plain)]
        # Who goes away leaves a whole transaction behind, or none.
        for task in tasks[::7]:
            asyncio.get_running_loop().call_soon(task.cancel)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in outcomes} <= {type(None), asyncio.CancelledError}


async def test_what_is_asked_for_in_one_turn_is_done_in_that_order(link: RedisLink) -> None:
    for count in (1, 500, 2 * IN_FLIGHT_MAX):
        await link.call("DEL", "row")
        pushes = [link.submit("RPUSH", "row", number) for number in range(count)]
        assert await asyncio.gather(*pushes) == list(range(1, count + 1))
        assert await link.call("LRANGE", "row", 0, -1) == [b"%d" % number for number in range(count)]


async def test_single_calls_and_batches_keep_their_order_too(link: RedisLink) -> None:
    """Also those who wait for the very first connection."""
    asked: list[Any] = []
    for number in range(0, 300, 3):
        asked.append(link.submit("RPUSH", "row", number))
        batch = [("RPUSH", "row", number + 1), ("RPUSH", "row", number + 2)]
        asked.append(asyncio.ensure_future(link.send(batch)))
        # A task begins with the next turn.
        await asyncio.sleep(0)
    await asyncio.gather(*asked)
    assert await link.call("LRANGE", "row", 0, -1) == [b"%d" % number for number in range(300)]


async def test_calls_of_one_character_are_applied_as_they_were_handed_in(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        calls = [do(gateway, grant("gold"), request_id=f"{number}") for number in range(50)]
        replies = await asyncio.gather(*calls)
        assert [reply["seq"] for reply in replies] == list(range(1, 51))
        await gateway.save_session(CHAR_ID)
    await each_site.audit()


async def test_replies_and_batches_of_any_size(link: RedisLink) -> None:
    """Small calls beside them get their own."""
    big = b"x" * (10 << 20)
    many = 5 * IN_FLIGHT_MAX
    echoes = [link.submit("ECHO", number) for number in range(100)]
    stored, fetched = link.submit("SET", "big", big), link.submit("GET", "big")
    batch = asyncio.ensure_future(link.send([("ECHO", number) for number in range(many)]))
    await asyncio.sleep(0)
    more = [link.submit("ECHO", number) for number in range(100)]
    assert await stored == b"OK"
    assert await fetched == big
    assert await batch == [b"%d" % number for number in range(many)]
    for calls in (echoes, more):
        assert await asyncio.gather(*calls) == [b"%d" % number for number in range(100)]


async def test_many_large_writes_at_once(link: RedisLink) -> None:
    """More than the connection takes in one piece: it waits its turn, and nothing is mixed up."""
    pieces = [bytes([number]) * (1 << 20) for number in range(32)]
    calls = [link.submit("ECHO", piece) for piece in pieces]
    assert await asyncio.gather(*calls) == pieces


async def test_what_cannot_be_sent_is_refused_at_once(link: RedisLink) -> None:
    """And spoils nothing for others of the same turn."""
    beside = link.submit("ECHO", "beside")
    nothing: Any = None
    for command in (("SET", "k", nothing), ("SET", "k", [])):
        with pytest.raises(TypeError):
            await link.call(*command)
    assert await beside == b"beside"


@pytest.mark.parametrize("kill", [("SCRIPT", "KILL"), ("FUNCTION", "KILL")])
async def test_a_busy_server_refuses_all_who_share_the_link(
    link: RedisLink, each_servers: Servers, each_redis: redis.Redis, kill: tuple[str, str]
) -> None:
    """Nothing was done, each is told so, and each gets its own answers as soon as it is free."""
    each_redis.config_set("busy-reply-threshold", 20)
    each_redis.function_load(f"#!lua name=spin\nredis.register_function('spin', function() {SPIN} end)", True)
    spin = ("EVAL", SPIN, 0) if kill[0] == "SCRIPT" else ("FCALL", "spin", 0)
    spinner = RedisLink(each_servers.redis.url)
    try:
        spinning = spinner.submit(*spin)
        done, refused = await callers_until(link, lambda refused: refused > 100)
        each_redis.execute_command(*kill)
        assert isinstance(await spinning, Unavailable), "killed before it wrote anything"
        more, _ = await callers_until(link, lambda _: False)
        assert int(each_redis.get("done") or 0) == done + more
        assert refused > 100
    finally:
        each_redis.function_flush()
        each_redis.config_set("busy-reply-threshold", 5000)
        await spinner.close()


async def callers_until(link: RedisLink, enough: Callable[[int], bool]) -> tuple[int, int]:
    """100 callers, until each had 20 answers or enough were refused: how many had answers, and not."""
    done = refused = 0

    async def caller(number: int) -> None:
        nonlocal done, refused
        for step in range(20):
            count, echo = await link.send([("INCR", "done"), ("ECHO", f"{number}-{step}")])
            # The server may become busy between the two.
            if isinstance(count, Unavailable):
                refused += 1
            else:
                done += 1
            assert isinstance(echo, Unavailable) or echo == f"{number}-{step}".encode()

    while True:
        await asyncio.gather(*map(caller, range(100)))
        if refused == 0 or enough(refused):
            return done, refused


async def test_functions_that_vanish_under_many_callers(each_site: Site) -> None:
    """A call that finds no function has done nothing; it is made again behind everybody's back."""
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        for _ in range(5):
            calls = [asyncio.ensure_future(do(gateway, grant("gold"))) for _ in range(30)]
            await asyncio.sleep(0)
            each_site.client.execute_command("FUNCTION", "FLUSH")
            calls += [asyncio.ensure_future(do(gateway, grant("gold"))) for _ in range(30)]
            await asyncio.gather(*calls)
        assert (await do(gateway, grant("gold")))["seq"] == 301
        await gateway.save_session(CHAR_ID)
    await each_site.audit()
