"""Rates: token buckets by token and by character, over HTTP, in bulk and on streams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http import rates
from gateway.http.rates import Rate, RateLimiter, rate_of
from tests.gateway.expect import check, problem
from tests.gateway.standin import ABSENT_ID, BASE, CHAR_ID, HEADERS, SWORD_ID, StandIn, server
from tests.gateway.streaming import JSON, connect
from tests.gateway.tokens import SECRET, bearer, entry, player, write

LOCK = {"op": "lock", "item_id": SWORD_ID}


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rates, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@asynccontextmanager
async def gateway(standin: StandIn, **settings: Any) -> AsyncIterator[aiohttp.ClientSession]:
    served = server(standin, **settings)
    await served.start_server()
    async with aiohttp.ClientSession(served.make_url("/")) as http:
        yield http
    await served.close()


def test_a_bucket() -> None:
    clock = Clock()
    limiter = RateLimiter(Rate(2, 3), clock=clock.monotonic)
    assert [limiter.take("a") for _ in range(3)] == [0, 0, 0]
    assert limiter.take("a") == pytest.approx(0.5)
    assert limiter.take("b") == 0, "each key has its own"
    clock.now += 0.5
    assert limiter.take("a") == 0 and limiter.take("a") > 0
    clock.now += 60
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]


@given(st.integers(1, 50), st.integers(1, 50), st.lists(st.floats(0, 3), max_size=200))
def test_never_more_than_the_burst_and_what_has_come_since(
    per_s: int, burst: int, pauses: list[float]
) -> None:
    """And never less: who waits as long as it was told, is let in."""
    clock = Clock()
    limiter = RateLimiter(Rate(per_s, burst), clock=clock.monotonic)
    let_in: list[float] = []
    for pause in pauses:
        clock.now += pause
        wait_s = limiter.take("a")
        if wait_s:
            clock.now += wait_s + 1e-6
            assert limiter.take("a") == 0
        let_in.append(clock.now)
    for first, begun in enumerate(let_in):
        for last in range(first, len(let_in)):
            assert last - first + 1 <= burst + (let_in[last] - begun) * per_s + 1e-3


def test_memory_is_bounded_and_those_who_are_busy_are_remembered() -> None:
    clock = Clock()
    limiter = RateLimiter(Rate(1, 1), clock=clock.monotonic, keys_max=100)
    for number in range(10_000):
        assert limiter.take(str(number)) == 0
        assert number == 0 or limiter.take("busy") == 0 if number == 1 else True
        if number > 1:
            assert limiter.take("busy") > 0
    assert len(limiter) <= 201


def test_rates_in_words() -> None:
    assert rate_of("50/s") == Rate(50, 50)
    assert rate_of("50/s burst 200") == Rate(50, 200)
    assert rate_of(str(Rate(5, 7))) == Rate(5, 7)
    assert rate_of("off") is None
    for text in (
        "",
        "0/s",
        "5",
        "5/m",
        "-5/s",
        "5/s burst 0",
        "5/s  burst 1",
        "1000001/s",
        "5/s burst 1000001",
    ):
        with pytest.raises(ValueError, match="expected off, or a rate such as"):
            rate_of(text)


async def test_a_characters_tokens_share_a_rate(standin: StandIn, clock: Clock) -> None:
    async with gateway(standin, player_key=SECRET, rate_player=Rate(2, 3)) as http:
        tokens = [player(jti=str(number)) for number in range(4)]
        for token in tokens[:3]:
            assert (await http.get(BASE, headers=bearer(token))).status == 200
        reply = await http.get(BASE, headers=bearer(tokens[3]))
        document = await problem(reply, 429, "RATE_LIMITED")
        assert document["params"] == {"of": "token", "retry_after_s": 1}
        assert reply.headers["Retry-After"] == "1"
        # What is denied counts as well, and others are not concerned.
        clock.now += 0.5
        await problem(await http.get("/v1/characters", headers=bearer(tokens[0])), 403, "ACCESS_DENIED")
        await problem(await http.get(BASE, headers=bearer(tokens[0])), 429, "RATE_LIMITED")
        other = bearer(player(ABSENT_ID))
        await problem(
            await http.get(f"/v1/characters/{ABSENT_ID}", headers=other), 404, "CHARACTER_NOT_FOUND"
        )
        for _ in range(9):
            assert (await http.get(BASE, headers=HEADERS)).status == 200


async def test_services_have_rates_by_setting_and_by_entry(
    standin: StandIn, clock: Clock, tmp_path: Path
) -> None:
    tokens = write(
        tmp_path / "tokens.toml",
        entry("usual", "u", "read"),
        entry("own", "o", "read", more='rate = "1/s burst 5"'),
        entry("free", "f", "read", more='rate = "off"'),
    )
    async with gateway(standin, tokens=tokens, rate_token=Rate(1, 2)) as http:

        async def let_in(token: str) -> int:
            statuses = [(await http.get("/v1/catalog", headers=bearer(token))).status for _ in range(8)]
            assert statuses == sorted(statuses) and set(statuses) <= {200, 429}
            return statuses.count(200)

        assert [await let_in(token) for token in ("u", "o", "f")] == [2, 5, 8]
        assert (await http.get("/healthz", headers=bearer("u"))).status == 200, "who is asked for no token"


async def test_a_character_has_a_rate_whoever_asks(standin: StandIn, clock: Clock) -> None:
    async with gateway(standin, player_key=SECRET, rate_player=None, rate_character=Rate(1, 3)) as http:
        # Who is denied a character does not use it up.
        for _ in range(5):
            await problem(await http.get(BASE, headers=bearer(player(ABSENT_ID))), 403, "ACCESS_DENIED")
        for headers in (HEADERS, bearer(player()), HEADERS):
            assert (await http.get(BASE, headers=headers)).status == 200
        for headers in (HEADERS, bearer(player())):
            document = await problem(await http.get(BASE, headers=headers), 429, "RATE_LIMITED")
            assert document["params"] == {"of": "character", "retry_after_s": 1}
        assert (await http.get("/v1/catalog", headers=HEADERS)).status == 200


def requests(count: int) -> list[dict[str, Any]]:
    """Three of one character for one of each of the others."""
    ids = [CHAR_ID if number % 4 else str(UUID(int=number)) for number in range(count)]
    return [{"char_id": char_id, "commands": [LOCK]} for char_id in ids]


async def test_each_request_of_a_body_counts(standin: StandIn, clock: Clock) -> None:
    """And the body itself. Those that are too many are refused in their places."""
    async with gateway(standin, rate_token=Rate(1, 10)) as http:
        reply = await http.post("/v1/execute", json={"requests": requests(12)}, headers=HEADERS)
        replies = (await reply.json())["replies"]
        assert ["seq" in one for one in replies] == [True] * 9 + [False] * 3
        check(replies[-1], 429, "RATE_LIMITED")
        assert len(standin.executed) == 9
    async with gateway(standin, rate_character=Rate(1, 2)) as http:
        reply = await http.post("/v1/execute", json={"requests": requests(8)}, headers=HEADERS)
        replies = (await reply.json())["replies"]
        assert ["seq" in one for one in replies] == [True, True, True, False, True, False, False, False]


async def test_each_request_of_a_stream_counts(standin: StandIn, clock: Clock) -> None:
    async with gateway(standin, player_key=SECRET, rate_player=Rate(1, 4)) as http:
        stream = await connect(http, JSON, headers=bearer(player()))
        own = {"char_id": CHAR_ID, "commands": [LOCK]}
        await stream.send([{"id": number, **own} for number in range(5)])
        answers = {answer["id"]: answer for answer in await stream.answers(5)}
        assert [answers[number].get("code", "done") for number in range(5)] == [
            "done", "done", "done", "RATE_LIMITED", "RATE_LIMITED",
        ]  # fmt: skip
        clock.now += 1
        await stream.send({"id": 5, **own})
        assert "seq" in (await stream.answers(1))[0]


async def test_each_command_of_a_batch_counts(standin: StandIn, clock: Clock) -> None:
    """A batch is let in whole where one command would be; what comes next waits the longer."""
    async with gateway(standin, player_key=SECRET, rate_player=Rate(1, 5)) as http:
        headers, batch = bearer(player()), {"commands": [LOCK] * 8}
        assert (await http.post(f"{BASE}/inventory/execute", json=batch, headers=headers)).status == 200
        document = await problem(await http.get(BASE, headers=headers), 429, "RATE_LIMITED")
        assert document["params"]["retry_after_s"] == 4
        clock.now += 8
        many = {"requests": [{"char_id": CHAR_ID, "commands": [LOCK] * 3}] * 3}
        replies = await (await http.post("/v1/execute", json=many, headers=headers)).json()
        assert [one.get("code", "done") for one in replies["replies"]] == ["done", "done", "RATE_LIMITED"]
    async with gateway(standin, rate_character=Rate(1, 2)) as http:
        await http.post(f"{BASE}/inventory/execute", json={"commands": [LOCK] * 3}, headers=HEADERS)
        await problem(await http.get(BASE, headers=HEADERS), 429, "RATE_LIMITED")
        clock.now += 2
        assert (await http.get(BASE, headers=HEADERS)).status == 200


async def test_a_batch_that_waits_for_a_session_counts_once(standin: StandIn, clock: Clock) -> None:
    standin.not_live = 2
    async with gateway(standin, rate_token=Rate(1, 5)) as http:
        batch = {"commands": [LOCK] * 3}
        assert (await http.post(f"{BASE}/inventory/execute", json=batch, headers=HEADERS)).status == 200
        statuses = [(await http.get(BASE, headers=HEADERS)).status for _ in range(3)]
        assert statuses == [200, 200, 429]


def test_a_charge_outlives_a_turn_of_the_table() -> None:
    clock = Clock()
    limiter = RateLimiter(Rate(1, 2), clock=clock.monotonic, keys_max=1)
    assert limiter.take("a") == 0 and limiter.take("b") == 0
    limiter.charge("a", 5)
    assert limiter.take("a") == pytest.approx(5)
