"""Whatever frames come in, each request gets one answer, or the stream is closed for a reason."""

import json
from typing import Any

import msgspec
from aiohttp import WSMsgType
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.conftest import Client
from tests.gateway.expect import check
from tests.gateway.standin import CHAR_ID, HERB_ID, REPLY
from tests.gateway.streaming import JSON, MSGPACK, connect
from tests.gateway.test_random_bodies import VALUES, quickly

MOVE = {"op": "move", "item_id": HERB_ID, "to": {"container": "bag", "slot": 3}, "quantity": 12}
REQUEST = {
    "id": 7,
    "char_id": CHAR_ID,
    "commands": [MOVE],
    "idempotency_key": "a key",
    "if_match": "1.7",
    "durability": "memory",
    "dry_run": False,
    "request_id": "a request",
}
REPLIED = json.loads(REPLY)
PLANNED = {"id", "changes", "capacity"}
LANGUAGES = st.sampled_from((JSON, MSGPACK))
ODD = st.fixed_dictionaries({}, optional=dict.fromkeys(REQUEST, VALUES)).map(lambda odd: REQUEST | odd)


async def answered_or_closed(client: Client, language: str, frame: bytes, *, text: bool) -> list[Any]:
    """The answers to a frame, all of them problems or replies; empty where the stream was closed."""
    stream = await connect(client, language)
    await stream.socket.send_frame(frame, WSMsgType.TEXT if text else WSMsgType.BINARY)
    await stream.send(REQUEST | {"id": "the last one", "idempotency_key": None})
    found: list[Any] = []
    while True:
        message = await stream.socket.receive(timeout=60)
        if message.type is WSMsgType.CLOSE:
            assert message.data in (1003, 1007), message
            (problem,) = (one for one in found if one["id"] is None)
            assert problem["code"] in ("INVALID_REQUEST", "UNSUPPORTED_MEDIA_TYPE")
            return []
        value = json.loads(message.data) if language == JSON else msgspec.msgpack.decode(message.data)
        for answer in value if isinstance(value, list) else [value]:
            if answer["id"] == "the last one":
                await stream.socket.close()
                return found
            assert set(answer) in ({"id", *REPLIED}, PLANNED) or is_problem(dict(answer)), answer
            found.append(answer)


def is_problem(answer: dict[str, Any]) -> bool:
    del answer["id"]
    check(answer, answer["status"], answer["code"])
    return True


@quickly
@given(language=LANGUAGES, frame=st.binary(max_size=300), text=st.booleans())
async def test_random_bytes(client: Client, language: str, frame: bytes, text: bool) -> None:
    await answered_or_closed(client, language, frame, text=text)


@quickly
@given(value=VALUES)
async def test_random_json(client: Client, value: Any) -> None:
    frame = json.dumps(value).encode()
    found = await answered_or_closed(client, JSON, frame, text=True)
    count = len(value) if isinstance(value, list) and value else 1
    # Numbers beyond a double's range are no JSON to every reader.
    assert len(found) in (0, count)


@settings(quickly, max_examples=60)
@given(language=LANGUAGES, odd=st.lists(ODD, min_size=1, max_size=4), array=st.booleans())
async def test_requests_that_are_odd_somewhere(
    client: Client, language: str, odd: list[Any], array: bool
) -> None:
    value = odd if array else odd[0]
    try:
        frame = json.dumps(value).encode() if language == JSON else msgspec.msgpack.encode(value)
    except OverflowError:
        # MessagePack has no integer that long.
        return
    found = await answered_or_closed(client, language, frame, text=language == JSON)
    assert len(found) in (0, len(odd) if array else 1)


@quickly
@given(language=LANGUAGES, at=st.integers(0, 400), byte=st.integers(0, 255), array=st.booleans())
async def test_a_frame_with_one_wrong_byte(
    client: Client, language: str, at: int, byte: int, array: bool
) -> None:
    value = [REQUEST, REQUEST] if array else REQUEST
    frame = bytearray(json.dumps(value).encode() if language == JSON else msgspec.msgpack.encode(value))
    frame[at % len(frame)] = byte
    await answered_or_closed(client, language, bytes(frame), text=language == JSON)
