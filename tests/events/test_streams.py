"""Streams of events over HTTP: their head, what is written, and every way in which they end."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.handlers import event_stream, events
from gateway.http.identity import Identity
from persistence.events.judging import Step
from persistence.events.position import Position
from tests.events.scripted import PATH, FollowedStandIn, event, serving
from tests.gateway.standin import ABSENT_ID, HEADERS, GatewayTestServer
from tests.gateway.tokens import bearer, player

WITHIN_S = 20.0


@pytest.fixture
def standin() -> FollowedStandIn:
    return FollowedStandIn()


@pytest.fixture
async def running(
    standin: FollowedStandIn, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[GatewayTestServer, aiohttp.ClientSession]]:
    """With looks at all streams twenty times a second."""
    monkeypatch.setattr(events, "SWEEP_S", 0.05)
    async with serving(standin) as both:
        yield both


@pytest.fixture
def http(running: tuple[GatewayTestServer, aiohttp.ClientSession]) -> aiohttp.ClientSession:
    return running[1]


async def line(response: aiohttp.ClientResponse) -> bytes:
    return await response.content.readuntil(b"\n")


async def block(response: aiohttp.ClientResponse) -> list[str]:
    """The lines up to the next empty one."""
    lines = []
    while text := (await line(response)).decode().rstrip("\n"):
        lines.append(text)
    return lines


async def test_its_head(http: aiohttp.ClientSession) -> None:
    async with http.get(PATH, headers={"X-Request-Id": "mine"}) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Request-Id"] == "mine"
        (retry,) = await block(response)
        assert 1_000 <= int(retry.removeprefix("retry: ")) <= 3_000


async def test_events_as_they_come(http: aiohttp.ClientSession, standin: FollowedStandIn) -> None:
    async with http.get(PATH) as response:
        await block(response)
        await standin.events.tell(event(1, '{"a":1}'), event(2))
        assert await block(response) == ["id: 0.1+1000000000000000001", "event: change", 'data: {"a":1}']
        assert (await block(response))[0] == "id: 0.2+1000000000000000002"
        await standin.events.tell(event(3))
        assert (await block(response))[0] == "id: 0.3+1000000000000000003"


@pytest.mark.parametrize(
    ("value", "position"),
    [
        (None, None),
        ("", None),
        ("0.7+1000000000000000007", Position(0, 7, "1000000000000000007")),
        ('"3.7+2"', Position(3, 7)),
    ],
)
async def test_where_it_begins(
    http: aiohttp.ClientSession, standin: FollowedStandIn, value: str | None, position: Position | None
) -> None:
    async with http.get(PATH, headers={} if value is None else {"Last-Event-ID": value}) as response:
        await block(response)
        assert standin.events.followers[0].wanted.position == position


async def test_what_is_refused(http: aiohttp.ClientSession, standin: FollowedStandIn) -> None:
    for path, headers, status, named in (
        (PATH, {"Last-Event-ID": "yesterday"}, 400, "Last-Event-ID"),
        (f"{PATH}?after=3", {}, 400, "after"),
        (PATH, {"If-Match": '"0.1"'}, 400, "If-Match"),
        (f"/v1/characters/{ABSENT_ID}/inventory/events", {}, 404, ABSENT_ID),
    ):
        async with http.get(path, headers=headers) as response:
            assert response.status == status
            assert named in str((await response.json(content_type=None))["params"])
    assert standin.events.followers == []


async def test_a_head_alone_is_no_stream(http: aiohttp.ClientSession, standin: FollowedStandIn) -> None:
    async with http.head(PATH) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
    async with http.head(f"/v1/characters/{ABSENT_ID}/inventory/events") as response:
        assert response.status == 404
    assert standin.events.followers == []


async def test_silence_is_broken(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.02)
    async with http.get(PATH) as response:
        await block(response)
        for _ in range(3):
            assert await block(response) == [":"]


async def test_who_hangs_up_is_forgotten(http: aiohttp.ClientSession, standin: FollowedStandIn) -> None:
    """Without an event or a heartbeat that would show it."""
    response = await http.get(PATH)
    await block(response)
    while not standin.events.waiting:
        await asyncio.sleep(0.001)
    response.close()
    while standin.events.waiting:
        await asyncio.sleep(0.001)


async def test_so_many_of_a_character_and_no_more(
    http: aiohttp.ClientSession, standin: FollowedStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who have hung up do not count, though nobody has noticed yet."""
    monkeypatch.setattr(events, "SWEEP_S", 3600)
    monkeypatch.setattr(events, "STREAMS_OF_A_CHARACTER_MAX", 2)
    one, other = await http.get(PATH), await http.get(PATH)
    async with http.get(PATH) as refused:
        assert refused.status == 429
        assert (await refused.json(content_type=None))["code"] == "RATE_LIMITED"
        assert int(refused.headers["Retry-After"]) >= 1
    one.close()
    while True:
        async with http.get(PATH) as again:
            if again.status == 200:
                break
            await asyncio.sleep(0.01)
    other.close()


async def test_a_player_leaves_room_for_services(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "STREAMS_OF_A_PLAYER_MAX", 2)
    open_ones = [await http.get(PATH, headers=bearer(player(jti=str(number)))) for number in range(2)]
    async with http.get(PATH, headers=bearer(player())) as refused:
        assert refused.status == 429
        assert (await refused.json(content_type=None))["code"] == "RATE_LIMITED"
    open_ones += [await http.get(PATH) for _ in range(3)]
    assert [one.status for one in open_ones] == [200] * 5
    open_ones[0].close()
    while True:
        async with http.get(PATH, headers=bearer(player())) as again:
            if again.status == 200:
                break
            await asyncio.sleep(0.01)
    for one in open_ones[1:]:
        one.close()


async def test_so_many_of_a_process_and_no_more(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "STREAMS_MAX", 1)
    async with http.get(PATH) as one:
        await block(one)
        async with http.get(PATH) as refused:
            assert refused.status == 503
            assert (await refused.json(content_type=None))["code"] == "UNAVAILABLE"


async def test_the_end_of_a_token_is_the_end(
    http: aiohttp.ClientSession, standin: FollowedStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time, and before anything is told that the token is no good for any more."""
    holds = True
    monkeypatch.setattr(Identity, "holds", lambda _: holds)
    async with http.get(PATH) as response, http.get(PATH) as other:
        await block(response)
        await block(other)
        await standin.events.tell(event(1))
        assert len(await block(response)) == 3
        assert len(await block(other)) == 3
        holds = False
        for follower in standin.events.followers:
            follower.take(Step((event(2),), Position(0, 2)))
        assert await response.content.read() == b""
        assert await other.content.read() == b""


async def test_no_stream_lives_for_ever(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LIFETIME_S", 0.05)
    async with http.get(PATH) as response:
        await block(response)
        assert await response.content.read() == b""


async def test_the_end_of_the_character_is_the_end(
    http: aiohttp.ClientSession, standin: FollowedStandIn
) -> None:
    async with http.get(PATH) as response:
        await block(response)
        while not standin.events.waiting:
            await asyncio.sleep(0.001)
        for follower in set(standin.events.waiting):
            follower.end()
        assert await response.content.read() == b""


async def test_a_stop_ends_them(standin: FollowedStandIn) -> None:
    """At once, and not after the time that is given to requests."""
    async with asyncio.timeout(WITHIN_S), serving(standin) as (gateway, http), http.get(PATH) as response:
        await block(response)
        began = time.monotonic()
        await gateway.close()
        assert await response.content.read() == b""
        assert time.monotonic() - began < 5


async def test_who_does_not_read_is_dropped(
    running: tuple[GatewayTestServer, aiohttp.ClientSession],
    standin: FollowedStandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And is told nothing more meanwhile: what waits for it is never more than what it was told once."""
    monkeypatch.setattr(event_stream, "SLOW_READER_S", 0.3)
    gateway, _ = running
    bare = socket.socket()
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bare.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(bare, (gateway.host, gateway.port))
    request = f"GET {PATH} HTTP/1.1\r\nHost: here\r\nAuthorization: {HEADERS['Authorization']}\r\n\r\n"
    await loop.sock_sendall(bare, request.encode())
    large = event(1, '"' + "x" * 500_000 + '"')
    taken = 0
    async with asyncio.timeout(WITHIN_S):
        while not standin.events.followers:
            await asyncio.sleep(0.005)
        # As long as the machine's buffers take it, it is written.
        while gateway.runner.server.connections:
            for follower in standin.events.followers:
                taken += follower.waits
                follower.take(Step((large,), Position(0, 1)))
            await asyncio.sleep(0.005)
    assert 0 < taken < 100
    bare.close()
