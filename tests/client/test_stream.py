"""The stream: many under way, in order for each character, over as many connections as it takes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import pytest

from haversack_client import (
    CharacterHandle,
    CharacterNotFound,
    Consume,
    Grant,
    Haversack,
    InvalidRequest,
    NotReached,
    OutcomeUnknown,
    Refused,
    Reply,
    TagMismatch,
    Unauthenticated,
)
from tests.adversity.fault_proxy import FaultProxy
from tests.client.coins import COIN, coins_of, keys_of
from tests.serving import TOKEN, Serving

ABSENT = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def proxy(service: Serving) -> Iterator[FaultProxy]:
    proxy = FaultProxy(service.url)
    yield proxy
    proxy.close()


@pytest.fixture
async def lossy(proxy: FaultProxy) -> AsyncIterator[Haversack]:
    async with Haversack(f"http://127.0.0.1:{proxy.port}", TOKEN, timeout_s=20) as client:
        yield client


@pytest.mark.parametrize("language", ["msgpack", "json"])
async def test_answers_find_their_callers(
    client: Haversack, hero: CharacterHandle, language: Literal["msgpack", "json"]
) -> None:
    async with client.stream(language=language) as stream:
        first = await stream.execute(hero.char_id.upper(), [COIN], idempotency_key="k", durable=True)
        assert first.durable_seq == first.seq == 1
        again = await stream.execute(hero.char_id, [COIN], idempotency_key="k")
        assert again.replayed and again.changes == first.changes
        letters = await stream.execute(
            hero.char_id, [Grant("sealed_letter", 2, partial=True), Grant("sealed_letter", 1, partial=True)]
        )
        assert [told.not_placed for told in letters.told] == [1, 1]
        with pytest.raises(Refused) as refused:
            await stream.execute(hero.char_id, [COIN, Consume(5, template_id="gold_coin")])
        assert (refused.value.code, refused.value.op_index) == ("INSUFFICIENT_ITEMS", 1)
        with pytest.raises(TagMismatch):
            await stream.execute(hero.char_id, [COIN], if_match="0.99")
        with pytest.raises(CharacterNotFound):
            await stream.execute(ABSENT, [COIN])
        with pytest.raises(InvalidRequest):
            await stream.execute(hero.char_id, [])
        await stream.execute(hero.char_id, [COIN], idempotent=False, request_id="trace 7")
        with pytest.raises(ValueError, match="larger than"):
            await stream.execute(hero.char_id, [Grant("x" * 300_000, 1)])
    assert await coins_of(hero) == 2
    entries = [entry async for entry in hero.journal()]
    assert [(entry.op_id, entry.request_id) for entry in entries][-1] == ("", "trace 7")


async def test_thousands_under_way(client: Haversack) -> None:
    """In their order for each character, and never more than the bound."""
    heroes = [client.character((await client.create_character()).char_id) for _ in range(10)]
    async with client.stream(in_flight_max=50) as stream:
        calls = [stream.execute(heroes[index % 10].char_id, [COIN]) for index in range(2000)]
        replies = await asyncio.gather(*calls)
        assert stream.connections == 1
    for number in range(10):
        assert [reply.seq for reply in replies[number::10]] == list(range(1, 201))


async def test_a_cut_connection_is_made_anew(proxy: FaultProxy, lossy: Haversack) -> None:
    heroes = [lossy.character((await lossy.create_character()).char_id) for _ in range(5)]
    done: list[Reply] = []

    async def play(hero: CharacterHandle) -> None:
        for number in range(100):
            done.append(await stream.execute(hero.char_id, [COIN], idempotency_key=f"{number}"))

    async with lossy.stream() as stream:
        playing = asyncio.gather(*map(play, heroes))
        for cuts in range(1, 4):
            while len(done) < 100 * cuts and not playing.done():
                await asyncio.sleep(0.001)
            if cuts == 2:
                proxy.cut_within("down", 300)
            else:
                proxy.cut()
        await playing
        assert stream.connections == 4
    for hero in heroes:
        assert await coins_of(hero) == 100
        assert await keys_of(hero) == [str(number) for number in range(100)]


async def test_a_lost_answer_is_asked_for_again(
    proxy: FaultProxy, lossy: Haversack, hero: CharacterHandle
) -> None:
    async with lossy.stream() as stream:
        # Its answer comes no further than this.
        proxy.cut_within("down", 10)
        reply = await stream.execute(hero.char_id, [COIN], idempotency_key="quest 17")
        assert reply.replayed and stream.connections == 2
        # Without a key nothing is sent twice.
        proxy.cut_within("down", 10)
        with pytest.raises(OutcomeUnknown) as unknown:
            await stream.execute(hero.char_id, [COIN], idempotent=False)
        assert unknown.value.idempotency_key is None
    assert await coins_of(hero) == 2


async def test_a_silent_connection_is_given_up(
    proxy: FaultProxy, lossy: Haversack, hero: CharacterHandle
) -> None:
    """A ping finds out, also where nobody is asking for anything."""
    async with lossy.stream(heartbeat_s=0.2) as stream:
        proxy.stall()
        asking = asyncio.create_task(stream.execute(hero.char_id, [COIN]))
        await asyncio.sleep(0.35)
        proxy.flow()
        await asking
        assert stream.connections == 2
    assert await coins_of(hero) == 1


async def test_when_the_time_is_over(proxy: FaultProxy, lossy: Haversack, hero: CharacterHandle) -> None:
    async with lossy.stream() as stream:
        proxy.stall()
        with pytest.raises(OutcomeUnknown):
            await stream.execute(hero.char_id, [COIN], idempotency_key="k", timeout_s=0.1)
        proxy.flow()
        await stream.execute(hero.char_id, [COIN], idempotency_key="k")
        proxy.refuse()
        # It may have gone out over the connection that is cut just now; the next cannot have.
        with pytest.raises((NotReached, OutcomeUnknown)):
            await stream.execute(hero.char_id, [COIN], timeout_s=0.2)
        with pytest.raises(NotReached) as not_reached:
            await stream.execute(hero.char_id, [COIN], timeout_s=0.3)
        assert isinstance(not_reached.value.__cause__, NotReached)
        proxy.accept()
        await stream.execute(hero.char_id, [COIN])
        giving_up = asyncio.create_task(stream.execute(hero.char_id, [COIN]))
        await asyncio.sleep(0)
        giving_up.cancel()
        await stream.execute(hero.char_id, [COIN])
        proxy.stall()
        left = asyncio.create_task(stream.execute(hero.char_id, [COIN]))
        await asyncio.sleep(0.05)
    with pytest.raises(OutcomeUnknown):
        await left
    with pytest.raises(NotReached, match="closed"):
        await stream.execute(hero.char_id, [COIN])
    proxy.flow()
    keys = await keys_of(hero)
    assert len(set(keys)) == len(keys) == await coins_of(hero) and keys[0] == "k"


async def test_a_token_that_ends_ends_the_stream(proxy: FaultProxy, hero: CharacterHandle) -> None:
    tokens = [TOKEN]
    url = f"http://127.0.0.1:{proxy.port}"
    async with Haversack(url, lambda: tokens[-1], timeout_s=20) as client, client.stream() as stream:
        await stream.execute(hero.char_id, [COIN])
        tokens.append("wrong")
        proxy.cut()
        # Whether it went out over the connection that was cut, is chance; what ended the stream, is not.
        with pytest.raises((Unauthenticated, OutcomeUnknown)) as ended:
            await stream.execute(hero.char_id, [COIN])
        assert Unauthenticated in (type(ended.value), type(ended.value.__cause__))
        with pytest.raises(Unauthenticated):
            await stream.execute(hero.char_id, [COIN])
    with pytest.raises(ValueError, match="1 to 999"):
        client.stream(in_flight_max=1000)
