"""Many requests in few bodies: split, in order, each with its result."""

import random
from collections.abc import Iterator
from itertools import pairwise
from uuid import uuid4

import pytest

from haversack_client import (
    CharacterHandle,
    CharacterNotFound,
    Consume,
    Destination,
    Grant,
    Haversack,
    InvalidRequest,
    Move,
    NotReached,
    OutcomeUnknown,
    Refused,
    Reply,
    Request,
    TagMismatch,
    Unauthenticated,
    request,
)
from haversack_client.bounds import BODY_BYTES_MAX, REQUESTS_MAX
from haversack_client.bulk_plan import OF_ONE_CHARACTER_MAX, Part, bodies_of
from tests.adversity.fault_proxy import FaultProxy
from tests.client.coins import COIN, coins_of
from tests.serving import TOKEN, Serving


def test_bodies_are_within_their_bounds_and_in_order() -> None:
    rng = random.Random(7)
    names = [f"c{number}" for number in range(40)]
    for size, most in ((50, 200), (200, 4000), (1, 60_000)):
        parts = [
            Part(index, rng.choice(names), b"x" * rng.randint(size, most))
            for index in range(rng.randint(1, 3000))
        ]
        bodies = bodies_of(parts)
        assert sorted(part.place for body in bodies for part in body.parts) == list(range(len(parts)))
        for number, body in enumerate(bodies):
            text = b'{"requests":[%b]}' % b",".join(part.text for part in body.parts)
            assert len(text) <= BODY_BYTES_MAX and len(body.parts) <= REQUESTS_MAX
            assert max(body.counts.values()) <= OF_ONE_CHARACTER_MAX
            assert all(before < number for before in body.after)
        for name in names:
            mine = [
                (number, part.place)
                for number, body in enumerate(bodies)
                for part in body.parts
                if part.char_id == name
            ]
            assert [index for _, index in mine] == sorted(index for _, index in mine)
            numbers = list(dict.fromkeys(number for number, _ in mine))
            for before, after in pairwise(numbers):
                assert before in bodies[after].after


def test_bodies_are_few() -> None:
    parts = [Part(index, f"c{index % 500}", b"x" * 150) for index in range(10_000)]
    assert len(bodies_of(parts)) == 10
    with pytest.raises(ValueError, match="request 0 is larger"):
        bodies_of([Part(0, "c", b"x" * BODY_BYTES_MAX)])


@pytest.fixture
def proxy(service: Serving) -> Iterator[FaultProxy]:
    proxy = FaultProxy(service.url)
    yield proxy
    proxy.close()


async def test_results_are_in_order(client: Haversack, hero: CharacterHandle) -> None:
    other = client.character((await client.create_character()).char_id)
    results = await client.execute_many(
        [
            request(hero.char_id, COIN, idempotency_key="k"),
            request(hero.char_id, Consume(2, template_id="gold_coin")),
            request(uuid4(), COIN),
            request(other.char_id.upper(), COIN, COIN),
            Request(char_id=hero.char_id, commands=(COIN,), if_match="0.99", durability="durable"),
            request(hero.char_id, COIN, idempotency_key="k"),
            Request(char_id=hero.char_id, commands=(COIN,), durability="durable"),
        ]
    )
    kinds = [type(result) for result in results]
    assert kinds == [Reply, Refused, CharacterNotFound, Reply, TagMismatch, Reply, Reply]
    replayed, durable = results[5], results[6]
    assert isinstance(replayed, Reply) and replayed.replayed
    assert isinstance(durable, Reply) and durable.durable_seq == durable.seq
    assert (await coins_of(hero), await coins_of(other)) == (2, 2)
    assert await client.execute_many([]) == []


async def test_what_cannot_be_understood_spoils_nothing(client: Haversack, hero: CharacterHandle) -> None:
    bad = request(hero.char_id, Move("no id", Destination("bag")))
    results = await client.execute_many([request(hero.char_id, COIN), bad, request(hero.char_id, COIN), bad])
    assert [type(result) for result in results] == [Reply, InvalidRequest, Reply, InvalidRequest]
    assert await coins_of(hero) == 2


async def test_thousands_through_lost_requests_and_answers(client: Haversack, proxy: FaultProxy) -> None:
    """Every coin once, and each character's in their order, however often a body goes out."""
    heroes = [client.character((await client.create_character()).char_id) for _ in range(20)]
    wanted = [request(heroes[index % 20].char_id, Grant("gold_coin", 1)) for index in range(3000)]
    async with Haversack(f"http://127.0.0.1:{proxy.port}", TOKEN, timeout_s=20) as lossy:
        proxy.cut_after(b"POST /v1/execute", times=3)
        proxy.cut_before(b"POST /v1/execute", times=2)
        results = await lossy.execute_many(wanted)
    assert proxy.hits == 5
    assert {type(result) for result in results} == {Reply}
    assert any(result.replayed for result in results if isinstance(result, Reply))
    for number, hero in enumerate(heroes):
        seqs = [result.seq for result in results[number::20] if isinstance(result, Reply)]
        assert seqs == list(range(1, 151))
        assert await coins_of(hero) == 150


async def test_when_the_time_is_over(
    client: Haversack, service: Serving, proxy: FaultProxy, hero: CharacterHandle
) -> None:
    async with Haversack(f"http://127.0.0.1:{proxy.port}", TOKEN) as lossy:
        proxy.cut_after(b"POST /v1/execute", times=1000)
        (result,) = await lossy.execute_many(
            [request(hero.char_id, COIN, idempotency_key="k")], timeout_s=0.2
        )
        assert isinstance(result, OutcomeUnknown) and result.idempotency_key == "k"
        proxy.heal()
        proxy.refuse()
        results = await lossy.execute_many([request(hero.char_id, COIN)] * 40, timeout_s=0.1)
        assert {type(result) for result in results} == {NotReached}
    async with Haversack(service.url, "wrong") as stranger:
        (denied,) = await stranger.execute_many([request(hero.char_id, COIN)])
        assert isinstance(denied, Unauthenticated)
    assert await coins_of(hero) == 1
