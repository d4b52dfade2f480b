"""A stream under pressure: too much asked, too little read, a side that goes away."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from gateway.stream import connection as stream_connection
from gateway.stream import web_socket as stream_socket
from gateway.stream.connection import UNANSWERED_MAX
from tests.gateway.bare import handshaken, request, started, text_frame
from tests.gateway.conftest import Client
from tests.gateway.held import HeldStandIn
from tests.gateway.standin import HEADERS, GatewayTestServer
from tests.gateway.streaming import JSON, MSGPACK, connect
from tests.gateway.test_lanes import char, settled


@pytest.fixture
def standin() -> HeldStandIn:
    return HeldStandIn()


@pytest.fixture
async def gateway(standin: HeldStandIn) -> AsyncIterator[GatewayTestServer]:
    async with started(standin) as gateway:
        yield gateway


async def answer_all(standin: HeldStandIn, count: int, body: bytes = b'{"seq":1}') -> None:
    """Answer calls as they are handed in, until so many have been."""
    for number in range(count):
        await standin.until_asked(number + 1)
        if not standin.asked[number].future.done():
            standin.asked[number].answer(body)


async def test_no_further_frame_is_read_while_a_thousand_are_unanswered(
    client: Client, standin: HeldStandIn
) -> None:
    # None is sent to Redis before it is awaited, so that only this bound counts.
    standin.quick = False
    stream = await connect(client, JSON)
    for number in range(UNANSWERED_MAX - 1):
        await stream.send(request(number))
    await standin.until_asked(UNANSWERED_MAX - 1)
    await stream.send([request(number) for number in range(UNANSWERED_MAX - 1, UNANSWERED_MAX + 199)])
    await standin.until_asked(UNANSWERED_MAX + 199)
    await stream.send(request(UNANSWERED_MAX + 199))
    await asyncio.sleep(0.1)
    assert len(standin.asked) == UNANSWERED_MAX + 199
    for asked in standin.asked[:200]:
        asked.answer(b'{"seq":1}')
    await standin.until_asked(UNANSWERED_MAX + 200)
    await answer_all(standin, UNANSWERED_MAX + 200)
    assert len(await stream.answers(UNANSWERED_MAX + 200)) == UNANSWERED_MAX + 200


async def test_a_client_that_does_not_read_is_not_read_from_and_at_last_dropped(
    client: Client, standin: HeldStandIn, monkeypatch: pytest.MonkeyPatch, gateway: GatewayTestServer
) -> None:
    monkeypatch.setattr(stream_connection, "SLOW_READER_S", 0.5)
    _reader, writer = await handshaken(gateway)
    answering = asyncio.create_task(answer_all(standin, 1_000_000, b'{"x":"%b"}' % (b"x" * 50_000)))
    sent = 0
    async with asyncio.timeout(60):
        while not writer.transport.is_closing():
            # Nothing is read here, so some time the server takes no more and then hangs up.
            writer.write(text_frame(request(sent)))
            sent += 1
            await asyncio.sleep(0.001)
    answering.cancel()
    # What was unsent at the end: the bound, what the frames already read came to, the kernel's buffers.
    assert len(standin.asked) * 50_000 < 64 << 20
    # Others are served as ever.
    standin.asked.clear()
    stream = await connect(client, JSON)
    await stream.send(request(1))
    await answer_all(standin, 1)
    assert (await stream.receive())["id"] == 1


async def test_what_was_read_is_done_when_the_client_is_cut_off(
    standin: HeldStandIn, gateway: GatewayTestServer
) -> None:
    _, writer = await handshaken(gateway)
    writer.write(text_frame([request(1), request(2) | {"char_id": char(1)}]))
    await standin.until_asked(1)
    writer.transport.abort()
    await settled()
    standin.asked[0].answer(b'{"seq":1}')
    await standin.until_asked(2)
    standin.asked[1].answer(b'{"seq":2}')
    # The connection's end waits for nothing else.
    async with asyncio.timeout(30):
        while open_streams(gateway):
            await asyncio.sleep(0.001)


async def test_half_a_frame_is_no_request(standin: HeldStandIn, gateway: GatewayTestServer) -> None:
    frame = text_frame(request(1))
    for length in (1, 2, 3, 7, 8, 9, len(frame) - 1):
        _, writer = await handshaken(gateway)
        writer.write(frame[:length])
        await writer.drain()
        writer.close()
    async with asyncio.timeout(30):
        while open_streams(gateway):
            await asyncio.sleep(0.001)
    assert not standin.asked


@pytest.mark.parametrize("language", [JSON, MSGPACK])
async def test_a_stop_answers_what_was_read_and_says_that_it_goes_away(
    standin: HeldStandIn, gateway: GatewayTestServer, language: str
) -> None:
    async with aiohttp.ClientSession(gateway.make_url("/"), headers=HEADERS) as http:
        busy, idle = await connect(http, language), await connect(http, language)
        standin.not_live_ids = {char(2)}
        standin.loads_are_held = True
        await busy.send([request(1), request(2), request(3) | {"char_id": char(2)}])
        await standin.until_asked(1)
        stopping = asyncio.create_task(gateway.close())
        assert await idle.closed() == 1001
        standin.asked[0].answer(b'{"seq":1}')
        assert await busy.answers(1) == [{"id": 1, "seq": 1}]
        standin.loading[char(2)].set_result(None)
        for number in (1, 2):
            await standin.until_asked(number + 1)
            standin.asked[number].answer(b'{"seq":2}')
        assert [answer["id"] for answer in await busy.answers(2)] == [2, 3]
        assert await busy.closed() == 1001
        await asyncio.wait_for(stopping, 30)


@pytest.mark.parametrize("quick", [True, False])
async def test_a_fault_of_ours_closes_one_stream_and_is_logged(
    client: Client, standin: HeldStandIn, quick: bool, caplog: pytest.LogCaptureFixture
) -> None:
    other = await connect(client, JSON)
    stream = await connect(client, MSGPACK)
    standin.quick = quick
    await stream.send([request(1), request(2)])
    await standin.until_asked(2)
    standin.asked[0].answer(b"no JSON at all")
    assert await stream.closed() == 1011
    assert "a stream failed" in caplog.text
    await other.send(request(3))
    await standin.until_asked(3)
    standin.asked[2].answer(b'{"seq":1}')
    assert await other.receive() == {"id": 3, "seq": 1}


async def test_a_stop_waits_for_no_client_that_is_silent(
    gateway: GatewayTestServer,
) -> None:
    reader, _writer = await handshaken(gateway)
    await asyncio.wait_for(gateway.close(), 30)
    # The closing frame, 1001, to which nobody has answered; then the end.
    assert await reader.read() == b"\x88\x02\x03\xe9"


async def test_a_client_that_does_not_answer_pings_is_dropped(
    standin: HeldStandIn, gateway: GatewayTestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_socket, "HEARTBEAT_S", 0.2)
    reader, _writer = await handshaken(gateway)
    assert await asyncio.wait_for(reader.readexactly(2), 30) == b"\x89\x00"
    assert await asyncio.wait_for(reader.read(), 30) in (b"", b"\x89\x00")


def open_streams(gateway: GatewayTestServer) -> int:
    """How many connections the server still has."""
    assert gateway.runner is not None and isinstance(gateway.runner.server, web.Server)
    return len(gateway.runner.server.connections)


async def test_a_client_that_hangs_up_on_a_pong_is_no_fault_of_ours(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: web.WebSocketResponse) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(web.WebSocketResponse, "receive", broken)
    assert await (await connect(client, JSON)).closed() == 1000
    assert not caplog.records
