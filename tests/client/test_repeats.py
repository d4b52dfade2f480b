"""Lost requests, lost answers, a service that is away: everything once, or a word about it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web

from haversack_client import (
    AlreadyExists,
    CharacterHandle,
    Haversack,
    InvalidRequest,
    NoAnswer,
    NotReached,
    OutcomeUnknown,
    Refused,
    Reply,
    Unavailable,
    UnexpectedAnswer,
    request,
)
from haversack_client.repeating import Timing
from tests.adversity.fault_proxy import FaultProxy
from tests.client.coins import COIN, coins_of, keys_of
from tests.servers import Servers
from tests.serving import TOKEN, Serving, serving


@pytest.fixture
def proxy(service: Serving) -> Iterator[FaultProxy]:
    """Between the clients of a test and the service."""
    proxy = FaultProxy(service.url)
    yield proxy
    proxy.close()


@pytest.fixture
async def client(proxy: FaultProxy) -> AsyncIterator[Haversack]:
    url = f"http://127.0.0.1:{proxy.port}"
    async with Haversack(url, TOKEN, timeout_s=10, attempt_timeout_s=0.3) as client:
        yield client


async def test_a_lost_request_is_sent_again(proxy: FaultProxy, hero: CharacterHandle) -> None:
    proxy.cut_before(b"/inventory/grant", times=2)
    reply = await hero.grant("gold_coin", 1)
    assert proxy.hits == 2 and not reply.replayed
    assert await coins_of(hero) == 1


async def test_a_lost_answer_is_asked_for_again(proxy: FaultProxy, hero: CharacterHandle) -> None:
    proxy.cut_after(b"/inventory/grant", times=2)
    reply = await hero.grant("gold_coin", 1)
    assert proxy.hits == 2 and reply.replayed
    assert await coins_of(hero) == 1
    assert len(await keys_of(hero)) == 1


async def test_a_refusal_behind_a_lost_answer_is_a_refusal(proxy: FaultProxy, hero: CharacterHandle) -> None:
    proxy.cut_after(b"/inventory/consume")
    with pytest.raises(Refused):
        await hero.consume(1, template_id="gold_coin")
    assert proxy.hits == 1


async def test_a_silence_is_ended(proxy: FaultProxy, hero: CharacterHandle) -> None:
    """The answer does not come; the next attempt goes over a connection of its own, when there is one."""
    proxy.stall_after(b"/inventory/grant")
    granting = asyncio.create_task(hero.grant("gold_coin", 1))
    while not proxy.hits:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.35)
    proxy.flow()
    assert (await granting).replayed
    assert await coins_of(hero) == 1


async def test_reads_and_sessions_are_asked_for_again(proxy: FaultProxy, hero: CharacterHandle) -> None:
    await hero.grant("gold_coin", 1)
    for needle in (b"/inventory", b"/session", b"DELETE"):
        proxy.cut_before(needle)
        proxy.cut_after(needle)
    assert (await hero.inventory()).seq == 1
    assert (await hero.load()).live
    assert not (await hero.evict()).live
    assert proxy.hits == 6


async def test_without_a_key_nothing_is_repeated(proxy: FaultProxy, hero: CharacterHandle) -> None:
    proxy.cut_after(b"/inventory/grant")
    with pytest.raises(OutcomeUnknown) as unknown:
        await hero.grant("gold_coin", 1, idempotent=False)
    assert unknown.value.idempotency_key is None and isinstance(unknown.value.__cause__, NoAnswer)
    proxy.cut_before(b"/inventory/grant")
    with pytest.raises(OutcomeUnknown):
        await hero.grant("gold_coin", 1, idempotent=False)
    assert await coins_of(hero) == 1


async def test_when_the_time_is_over(proxy: FaultProxy, hero: CharacterHandle) -> None:
    """A change that may have been done says so, and its key is good for asking again."""
    proxy.cut_after(b"/inventory/grant", times=1000)
    with pytest.raises(OutcomeUnknown) as unknown:
        await hero.grant("gold_coin", 1, timeout_s=0.3)
    key = unknown.value.idempotency_key
    assert key is not None and key in str(unknown.value)
    with pytest.raises(OutcomeUnknown):
        await hero.grant("gold_coin", 1, idempotency_key=key, timeout_s=0.2)
    proxy.heal()
    assert (await hero.grant("gold_coin", 1, idempotency_key=key)).replayed
    proxy.stall()
    async with Haversack(f"http://127.0.0.1:{proxy.port}", TOKEN, timeout_s=0.2) as impatient:
        with pytest.raises(NoAnswer):
            await impatient.character(hero.char_id).inventory()
    proxy.heal()
    proxy.refuse()
    # Over no connection that has been there before, nothing can have been done.
    async with Haversack(f"http://127.0.0.1:{proxy.port}", TOKEN, timeout_s=0.2) as impatient:
        with pytest.raises(NotReached):
            await impatient.character(hero.char_id).grant("gold_coin", 1)
    proxy.heal()
    assert await coins_of(hero) == 1


async def test_closing_tells_those_who_wait(proxy: FaultProxy, hero: CharacterHandle) -> None:
    async with Haversack(f"http://127.0.0.1:{proxy.port}", TOKEN) as closing:
        leaving = closing.character(hero.char_id)
        await leaving.read()
        proxy.stall()
        many = asyncio.create_task(closing.execute_many([request(hero.char_id, COIN)]))
        waiting = [asyncio.create_task(leaving.execute([COIN])), asyncio.create_task(leaving.read())]
        await asyncio.sleep(0.05)
    (one,) = await many
    change, read = await asyncio.gather(*waiting, return_exceptions=True)
    # A change that had gone out may have been done.
    assert isinstance(one, OutcomeUnknown | NotReached) and isinstance(change, OutcomeUnknown | NotReached)
    assert isinstance(read, NotReached)
    with pytest.raises(NotReached, match="closed"):
        await leaving.read()


async def test_a_character_is_made_once(proxy: FaultProxy, client: Haversack) -> None:
    own = uuid4()
    proxy.cut_after(b"POST /v1/characters ")
    made = await client.create_character(char_id=own, name="Tove", level=4, states=["in_combat"])
    assert proxy.hits == 1 and made.name == "Tove"
    proxy.cut_after(b"POST /v1/characters ")
    with pytest.raises(AlreadyExists):
        await client.create_character(char_id=own, name="Tove", level=5, states=["in_combat"])
    proxy.cut_after(b"POST /v1/characters ")
    new = await client.create_character(name="Mira")
    assert proxy.hits == 3 and new.name == "Mira"
    proxy.cut_after(b"POST /v1/characters ", times=1000)
    with pytest.raises(OutcomeUnknown):
        await client.create_character(timeout_s=0.3)


async def test_a_service_that_is_away_for_a_moment(
    servers: Servers, tmp_path: Path, database_url: str
) -> None:
    """Its Redis is cut off, which it answers 503, or has taken a call whose answer it did not get."""
    redis = FaultProxy(servers.redis.url)
    env = {"HAVERSACK_REDIS_URL": redis.redis_url(), "HAVERSACK_DATABASE_URL": database_url}
    try:
        with serving(tmp_path / "log", "--demo", env=env) as service:
            async with Haversack(service.url, TOKEN, timeout_s=20) as client:
                created = await client.create_character()
                hero = client.character(created.char_id)
                other = client.character((await client.create_character()).char_id)
                await hero.grant("gold_coin", 1)
                redis.cut_after(b"session_execute")
                assert (await hero.grant("gold_coin", 1)).replayed
                redis.refuse()
                with pytest.raises(Unavailable) as unavailable:
                    await hero.grant("gold_coin", 1, idempotent=False)
                assert unavailable.value.code == "UNAVAILABLE" and unavailable.value.retry_after_s == 1
                with pytest.raises(Unavailable):
                    await hero.grant("gold_coin", 1, timeout_s=0.3)
                granting = asyncio.create_task(hero.grant("gold_coin", 1))
                many = asyncio.create_task(client.execute_many([request(hero.char_id, COIN)] * 3))
                async with client.stream() as stream:
                    keys = [f"{number}" for number in range(6)]
                    flow = [stream.execute(other.char_id, [COIN], idempotency_key=key) for key in keys]
                    flowing = asyncio.gather(*flow)
                    await asyncio.sleep(0.1)
                    redis.accept()
                    await flowing
                assert not (await granting).replayed
                assert [type(result) for result in await many] == [Reply] * 3
                assert await coins_of(hero) == 6
                # However each of them was repeated, none has overtaken another.
                assert await keys_of(other) == keys
    finally:
        redis.close()


class Gatekeeper:
    """Stands before a service as a proxy would, and says what is in ``says``, one after the other."""

    def __init__(self, *says: web.Response) -> None:
        self.says = list(says)
        self.keys: list[str | None] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Idempotency-Key"))
        return self.says.pop(0)


@pytest.mark.parametrize("status", [502, 503, 504, 429])
async def test_what_a_proxy_says(status: int) -> None:
    """It is repeated under one key, and when the proxy says."""
    busy = web.Response(status=status, text="<html>", headers={"Retry-After": "0"})
    limited = web.json_response(
        {
            "type": "t",
            "title": "t",
            "status": 429,
            "code": "RATE_LIMITED",
            "detail": "",
            "params": {},
            "op_index": None,
        },
        status=429,
        content_type="application/problem+json",
    )
    wrong = web.Response(status=200, text="{}", content_type="application/json")
    gatekeeper = Gatekeeper(limited if status == 429 else busy, wrong)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", gatekeeper.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with Haversack(f"http://127.0.0.1:{port}/below", TOKEN) as client:
            with pytest.raises(OutcomeUnknown) as unknown:
                await client.character(uuid4()).grant("gold_coin", 1)
            assert isinstance(unknown.value.__cause__, UnexpectedAnswer)
            assert gatekeeper.keys == [unknown.value.idempotency_key] * 2
            gatekeeper.says = [web.Response(status=418)]
            with pytest.raises(UnexpectedAnswer, match="418"):
                await client.catalog()
            # A redirection is not followed: the token is not for whoever it names.
            gatekeeper.says = [web.Response(status=307, headers={"Location": "http://elsewhere.example"})]
            with pytest.raises(UnexpectedAnswer, match="307"):
                await client.catalog()
    finally:
        await runner.cleanup()


def test_waits_grow_and_are_never_shorter_than_asked() -> None:
    timing = Timing(first_wait_s=0.05, wait_max_s=2.0)
    for failures, bound in ((1, 0.05), (2, 0.1), (5, 0.8), (7, 2.0), (100_000, 2.0)):
        waits = [timing.wait_s(failures, 1.0) for _ in range(200)]
        assert min(waits) >= 1.0 and max(waits) <= 1.0 + bound
        assert max(waits) - min(waits) > bound / 2


async def test_what_is_refused_for_good_is_not_repeated(proxy: FaultProxy, hero: CharacterHandle) -> None:
    begun = proxy.accepted
    with pytest.raises(InvalidRequest):
        await hero.grant("gold_coin", 0)
    assert proxy.accepted == begun
