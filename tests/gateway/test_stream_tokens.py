"""Streams and the tokens that opened them: how many, how long, and what is counted."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from gateway.app import AUTH
from gateway.auth.bearer import BearerAuth
from gateway.auth.credentials import Credentials
from gateway.http.rates import Rate
from gateway.stream import connection as stream_connection
from gateway.stream import endpoint as stream
from tests.gateway.expect import check
from tests.gateway.standin import ABSENT_ID, CHAR_ID, HEADERS, SWORD_ID, StandIn, server
from tests.gateway.streaming import JSON, Stream, connect
from tests.gateway.tokens import SECRET, bearer, player

OWN = {"char_id": CHAR_ID, "commands": [{"op": "lock", "item_id": SWORD_ID}]}
BURST = 6


class Gateway:
    """A gateway that lets characters in, whose rate is as good as never refilled."""

    def __init__(self, http: aiohttp.ClientSession, auth: BearerAuth) -> None:
        self.http, self.auth = http, auth

    async def connect(self, token: str) -> Stream:
        return await connect(self.http, JSON, headers=bearer(token))


@pytest.fixture
async def gateway(standin: StandIn) -> AsyncIterator[Gateway]:
    served = server(standin, player_key=SECRET, rate_player=Rate(1, BURST))
    await served.start_server()
    async with aiohttp.ClientSession(served.make_url("/")) as http:
        yield Gateway(http, served.app[AUTH])
    await served.close()


@pytest.mark.parametrize("ends", ["revoked", "expired"])
async def test_a_silent_stream_ends_with_its_token(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr(stream, "SWEEP_S", 0.05)
    silent = await gateway.connect(player())
    kept = await connect(gateway.http, JSON, headers=HEADERS)
    if ends == "revoked":
        gateway.auth.replace(Credentials((*gateway.auth._services,)))
    else:
        later = time.time() + 1_000
        monkeypatch.setattr("gateway.http.identity.time", SimpleNamespace(time=lambda: later))
    (answer,) = await silent.answers(1)
    assert answer.pop("id") is None
    check(answer, 401, "UNAUTHENTICATED")
    assert await silent.closed() == 3000
    await kept.send({"id": 1, **OWN})
    assert "seq" in (await kept.answers(1))[0]


async def test_a_character_has_so_many_streams(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS_OF_A_PLAYER_MAX", 2)
    streams = [await gateway.connect(player(jti=str(number))) for number in range(2)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await gateway.connect(player())
    assert refused.value.status == 429
    # Others have their own, and services as many as they like.
    await gateway.connect(player(ABSENT_ID))
    for _ in range(3):
        await connect(gateway.http, JSON, headers=HEADERS)
    await streams[0].socket.close()
    await gateway.connect(player())


async def test_what_is_misread_counts_as_well(gateway: Gateway) -> None:
    """The handshake is one, the frame five more."""
    opened = await gateway.connect(player())
    misread: list[Any] = [{}, {"id": 1}, {"id": 2, "char_id": "x", "commands": OWN["commands"]}]
    await opened.send([*misread, {"id": 3, **OWN}, {}, {}, {"id": 4}, {"id": 5, **OWN}])
    codes = [answer.get("code", "done") for answer in await opened.answers(8)]
    assert sorted(codes) == ["INVALID_REQUEST"] * 4 + ["RATE_LIMITED"] * 3 + ["done"]


@pytest.mark.parametrize("beyond", [{"id": 9}, {"id": 9, **OWN}])
async def test_beyond_the_rate_the_next_frame_waits(
    gateway: Gateway, standin: StandIn, monkeypatch: pytest.MonkeyPatch, beyond: dict[str, Any]
) -> None:
    """Or to refuse would cost the service more than to ask costs the client."""
    monkeypatch.setattr(stream_connection, "OVER_RATE_S", 3600)
    opened = await gateway.connect(player())
    await opened.send([{"id": number, **OWN} for number in range(BURST - 1)])
    await opened.answers(BURST - 1)
    await opened.send(beyond)
    check(
        {name: value for name, value in (await opened.receive()).items() if name != "id"}, 429, "RATE_LIMITED"
    )
    await opened.send(beyond)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await opened.receive()


async def test_frames_that_came_together_are_answered_apart(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or nobody else would have a turn, and what is answered would not be seen to be unread."""
    told: list[int] = []
    flush = stream_connection.StreamConnection._flush

    def measured(connection: stream_connection.StreamConnection) -> None:
        told.append(connection._told_bytes)
        flush(connection)

    monkeypatch.setattr(stream_connection.StreamConnection, "_flush", measured)
    opened = await connect(gateway.http, JSON, headers=HEADERS)
    for _ in range(20):
        await opened.send([None] * 200)
    await opened.answers(20 * 200)
    assert max(told) < sum(told) / 5
