"""How answers are put into frames, and that each goes to who asked."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.gateway.bare import LOCK, handshaken, read_frame, request, started, text_frame
from tests.gateway.conftest import Client
from tests.gateway.held import HeldStandIn
from tests.gateway.standin import GatewayTestServer
from tests.gateway.streaming import JSON, MSGPACK, Stream, connect
from tests.gateway.test_lanes import char


@pytest.fixture
def standin() -> HeldStandIn:
    return HeldStandIn()


@pytest.fixture
async def gateway(standin: HeldStandIn) -> AsyncIterator[GatewayTestServer]:
    async with started(standin) as gateway:
        yield gateway


async def test_answers_that_are_ready_at_once_keep_their_order(
    standin: HeldStandIn, gateway: GatewayTestServer
) -> None:
    standin.instant = b'{"seq":1}'
    reader, writer = await handshaken(gateway)
    asked = [[0, 1], 2, 3, [4], [5, 6], 7, [8]]
    # One character's, and all in the same turn of the loop.
    one = {"char_id": char(1), "commands": [LOCK]}
    frames = [
        text_frame([{"id": number, **one} for number in ids] if isinstance(ids, list) else {"id": ids, **one})
        for ids in asked
    ]
    writer.write(b"".join(frames))
    told: list[int] = []
    while len(told) < 9:
        frame = json.loads(await read_frame(reader))
        ids = [answer["id"] for answer in frame] if isinstance(frame, list) else frame["id"]
        # Two arrays may be answered in one, but what came alone is never in one, nor the other way.
        assert isinstance(ids, list) or ids in (2, 3, 7)
        assert not isinstance(ids, list) or not {2, 3, 7} & set(ids)
        told += ids if isinstance(ids, list) else [ids]
    assert told == list(range(9))


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
async def test_a_frames_length_is_written_in_as_few_bytes_as_can_be(
    standin: HeldStandIn, gateway: GatewayTestServer, size: int, head: bytes
) -> None:
    standin.instant = json.dumps({"x": "x" * (size - 16)}).encode()
    reader, writer = await handshaken(gateway)
    writer.write(text_frame(request(1)))
    assert await reader.readexactly(len(head)) == head
    assert json.loads(await reader.readexactly(size)) == {"id": 1, "x": "x" * (size - 16)}


@pytest.mark.parametrize("language", [JSON, MSGPACK])
async def test_an_array_of_long_answers_is_several(
    client: Client, standin: HeldStandIn, language: str
) -> None:
    filler = "x" * 20_000
    standin.instant = json.dumps({"x": filler}).encode()
    stream = await connect(client, language)
    await stream.send([request(number) for number in range(40)])
    sizes: list[int] = []
    while sum(sizes) < 40:
        frame = await stream.receive()
        assert {answer["x"] for answer in frame} == {filler}
        sizes.append(len(frame))
    # Thirteen come to less than 256 KiB, fourteen to more.
    assert sizes == [14, 14, 12]


async def test_many_streams_at_once_get_their_own_answers(client: Client, standin: HeldStandIn) -> None:
    async def play(number: int) -> None:
        stream: Stream = await connect(client, MSGPACK if number % 2 else JSON)
        for turn in range(20):
            mine = [{**request(number), "id": f"{number} {turn} {step}"} for step in range(5)]
            await stream.send(mine)
            answers = await stream.answers(5)
            assert [answer["id"] for answer in answers] == [one["id"] for one in mine]
            assert {answer["char_id"] for answer in answers} == {char(number)}

    async def answer_each_by_name() -> None:
        done = 0
        while True:
            await standin.until_asked(done + 1)
            asked = standin.asked[done]
            asked.answer(b'{"char_id":"%b"}' % asked.char_id.encode())
            done += 1

    answering = asyncio.create_task(answer_each_by_name())
    await asyncio.gather(*(play(number) for number in range(20)))
    answering.cancel()
