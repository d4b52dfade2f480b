"""``GET /v1/stream``: the handshake, frames in, answers out, and what closes it."""

import json
from typing import Any

import pytest
from aiohttp import WSMsgType

from engine.commands import LockRequest
from engine.refusals import Refusal, RefusalCode
from persistence.records import Call
from tests.gateway.conftest import Client
from tests.gateway.expect import check
from tests.gateway.standin import ABSENT_ID, CHAR_ID, REPLY, SWORD_ID, StandIn
from tests.gateway.streaming import JSON, MSGPACK, Stream, connect

LOCK = {"op": "lock", "item_id": SWORD_ID}
ONE = {"char_id": CHAR_ID, "commands": [LOCK]}
REPLIED = json.loads(REPLY)


@pytest.fixture(params=[JSON, MSGPACK])
async def stream(request: pytest.FixtureRequest, client: Client) -> Stream:
    return await connect(client, request.param)


async def test_an_answer_is_the_reply_and_the_id(stream: Stream, standin: StandIn) -> None:
    await stream.send({"id": 17, **ONE})
    assert await stream.receive() == {"id": 17, **REPLIED}
    assert standin.executed == [(CHAR_ID, (LockRequest(SWORD_ID),), Call(by="service"))]


@pytest.mark.parametrize("request_id", [0, 2**53 - 1, "", "ein Schlüssel", '"\\\u2028', "x" * 128])
async def test_ids_come_back_as_they_are(stream: Stream, request_id: int | str) -> None:
    await stream.send({**ONE, "id": request_id})
    answer = await stream.receive()
    assert answer.pop("id") == request_id and answer == REPLIED


async def test_arrays_are_answered_in_arrays(stream: Stream) -> None:
    await stream.send([{"id": number, **ONE} for number in range(1_000)])
    found: list[Any] = []
    while len(found) < 1_000:
        frame = await stream.receive()
        assert isinstance(frame, list) and frame
        found.extend(frame)
    assert [answer["id"] for answer in found] == list(range(1_000))
    await stream.send([{"id": "alone", **ONE}])
    assert await stream.receive() == [{"id": "alone", **REPLIED}]
    await stream.send({"id": "not in an array", **ONE})
    assert await stream.receive() == {"id": "not in an array", **REPLIED}


async def test_conditions_are_fields(client: Client, standin: StandIn) -> None:
    stream = await connect(client, MSGPACK, headers={"X-Request-Id": "the-stream"})
    under = {"idempotency_key": "a key", "if_match": '"1.7+3"', "durability": "durable"}
    await stream.send({"id": 1, **ONE, **under, "request_id": "the-request"})
    await stream.send({"id": 2, **ONE, "request_id": None})
    await stream.answers(2)
    assert [call for _, _, call in standin.executed] == [
        Call(by="service", request_id="the-request", op_id="a key", if_match="1.7", durable=True),
        Call(by="service", request_id="the-stream"),
    ]


async def test_a_dry_run_is_a_field(stream: Stream, standin: StandIn) -> None:
    await stream.send({"id": 1, **ONE, "dry_run": True})
    assert set(await stream.receive()) == {"id", "changes", "capacity"}
    assert not standin.executed


async def test_problems_carry_the_id(stream: Stream, standin: StandIn) -> None:
    standin.answer = Refusal(RefusalCode.WRONG_SLOT, {"slot": "feet"}, 3)
    await stream.send({"id": "a", **ONE})
    answer = await stream.receive()
    assert answer.pop("id") == "a"
    check(answer, 422, "WRONG_SLOT")
    assert answer["params"] == {"slot": "feet"} and answer["op_index"] == 3


async def test_sessions_are_loaded(stream: Stream, standin: StandIn) -> None:
    standin.not_live = 1
    await stream.send([{"id": 1, **ONE}, {"id": 2, **ONE}])
    assert [answer["id"] for answer in await stream.answers(2)] == [1, 2]
    assert standin.loaded == [CHAR_ID]


@pytest.mark.parametrize(
    ("request_", "request_id", "path"),
    [
        (ONE, None, "id"),
        ({"id": None, **ONE}, None, "id"),
        ({"id": -1, **ONE}, None, "id"),
        ({"id": 2**53, **ONE}, None, "id"),
        ({"id": 1.5, **ONE}, None, "id"),
        ({"id": "x" * 129, **ONE}, None, "id"),
        (7, None, "$"),
        (None, None, "$"),
        ("text", None, "$"),
        ({"id": 1}, 1, "char_id"),
        ({"id": 1, "char_id": CHAR_ID}, 1, "commands"),
        ({"id": 1, **ONE, "char_id": "nobody"}, 1, "char_id"),
        ({"id": "b", **ONE, "commands": []}, "b", "commands"),
        ({"id": 1, **ONE, "commands": [LOCK] * 101}, 1, "commands"),
        ({"id": 1, **ONE, "commands": [LOCK, {"op": "fly"}]}, 1, "commands[1].op"),
        ({"id": 1, **ONE, "commands": [LOCK, LOCK | {"item_id": 7}]}, 1, "commands[1].item_id"),
        ({"id": 1, **ONE, "foo": 1}, 1, "foo"),
        ({"id": 1, **ONE, "idempotency_key": ""}, 1, "idempotency_key"),
        ({"id": 1, **ONE, "request_id": "\n"}, 1, "request_id"),
        ({"id": 1, **ONE, "if_match": "never"}, 1, "if_match"),
        ({"id": 1, **ONE, "durability": "forever"}, 1, "durability"),
        ({"id": 1, **ONE, "dry_run": 1}, 1, "dry_run"),
    ],
)
async def test_a_request_that_is_not_understood_is_told_so_and_the_stream_goes_on(
    stream: Stream, standin: StandIn, request_: Any, request_id: int | str | None, path: str
) -> None:
    await stream.send(request_)
    answer = await stream.receive()
    assert answer.pop("id") == request_id
    check(answer, 400, "INVALID_REQUEST")
    assert answer["params"] == {"path": path}
    assert answer["op_index"] == (1 if path.startswith("commands[1]") else None)
    assert not standin.executed
    # Among others: where no id tells them apart, the index in the array does.
    await stream.send([{"id": "before", **ONE}, request_, {"id": "after", **ONE}])
    answers = {answer.pop("id"): answer for answer in await stream.answers(3)}
    assert answers["before"] == answers["after"] == REPLIED
    within = "" if request_id is not None else "[1]" if path == "$" else "[1]."
    assert answers[request_id]["params"] == {"path": within + path.removeprefix("$")}


@pytest.mark.parametrize("count", [0, 1_001])
async def test_an_array_has_1_to_1000_requests(stream: Stream, standin: StandIn, count: int) -> None:
    # One that is wrong makes the frame be read again, request by request.
    for odd in ({"id": 1, **ONE}, {}):
        await stream.send([odd] * count)
        (answer,) = await stream.receive()
        assert answer.pop("id") is None
        check(answer, 400, "INVALID_REQUEST")
    await stream.send({"id": 1, **ONE})
    assert (await stream.receive())["id"] == 1
    assert len(standin.executed) == 1


async def test_a_frame_that_is_malformed_closes_the_stream(stream: Stream, standin: StandIn) -> None:
    await stream.send([{"id": 1, **ONE}])
    await stream.send_malformed()
    await stream.send([{"id": 2, **ONE}])
    answers = await stream.answers(2)
    # What was in flight is answered first or later; what comes after the frame, never.
    (told,) = [answer for answer in answers if answer["id"] is None]
    told.pop("id")
    check(told, 400, "INVALID_REQUEST")
    assert told["params"] == {"path": "$"}
    assert await stream.closed() == 1007
    assert len(standin.executed) == 1


@pytest.mark.parametrize(
    "text",
    [
        b'{"id": 1, "foo": "\xff"}',
        b'[{"id": 1, "foo": "\xff"}]',
        b'{"id": "\xff"}',
        b'{"id": 1, "foo": 2, "bar": ',
        b"[" * 5_000,
        b'{"a":' * 5_000,
        b"",
        b"{} {}",
    ],
)
async def test_nothing_is_read_of_text_that_is_not_json(client: Client, text: bytes) -> None:
    stream = await connect(client, JSON)
    await stream.socket.send_frame(text, WSMsgType.TEXT)
    (answer,) = await stream.answers(1)
    assert answer.pop("id") is None
    check(answer, 400, "INVALID_REQUEST")
    assert await stream.closed() == 1007


async def test_a_frame_has_256_kib(stream: Stream, standin: StandIn) -> None:
    request = {"id": 1, **ONE}
    if stream.language == JSON:
        full = json.dumps(request).encode().ljust(256 * 1024)
        await stream.socket.send_frame(full, WSMsgType.TEXT)
        assert (await stream.receive())["id"] == 1
        await stream.socket.send_frame(full + b" ", WSMsgType.TEXT)
    else:
        await stream.send(request | {"id": 1, "foo": "x" * (256 * 1024)})
    answer = await stream.receive()
    assert answer.pop("id") is None
    check(answer, 413, "BODY_TOO_LARGE")
    assert await stream.closed() == 1009


async def test_a_frame_beyond_a_mebibyte_closes_at_once(client: Client) -> None:
    stream = await connect(client, JSON)
    try:
        await stream.socket.send_str("x" * (1 << 20))
        assert await stream.closed() == 1009
    except ConnectionError:
        # The close may overtake what is still being sent.
        pass


async def test_json_may_come_in_binary_frames(client: Client) -> None:
    stream = await connect(client, JSON)
    await stream.socket.send_bytes(json.dumps({"id": 1, **ONE}).encode())
    assert await stream.receive() == {"id": 1, **REPLIED}


async def test_messagepack_does_not_come_in_text(client: Client) -> None:
    stream = await connect(client, MSGPACK)
    await stream.socket.send_str("{}")
    answer = await stream.receive()
    assert answer.pop("id") is None
    check(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert await stream.closed() == 1003


async def test_a_message_may_come_in_fragments_with_pings_between(client: Client) -> None:
    stream = await connect(client, JSON)
    text = json.dumps({"id": 1, **ONE}).encode()
    writer = stream.socket._writer  # type: ignore[attr-defined]
    writer.transport.write(b"\x01\x80\x00\x00\x00\x00")  # an empty beginning
    await stream.socket.ping()
    writer.transport.write(bytes((0x80, 0xFE)) + len(text).to_bytes(2, "big") + bytes(4) + text)
    assert await stream.receive() == {"id": 1, **REPLIED}


async def test_an_answer_of_any_length_is_one_message(stream: Stream, standin: StandIn) -> None:
    for length in (90, 125, 126, 127, 65_000, 65_535, 65_536, 70_000, 300_000):
        filler = "x" * max(0, length - 20)
        standin.answer = json.dumps({"seq": 1, "x": filler}).encode()
        await stream.send({"id": 1, **ONE})
        assert await stream.receive() == {"id": 1, "seq": 1, "x": filler}


async def test_numbers_are_the_same_in_both_languages(client: Client, standin: StandIn) -> None:
    members = {
        "zero": 0,
        "large": 10**14,
        "negative": -(2**63),
        "fraction": 0.1,
        "tiny": 5e-324,
        "huge": 1.7976931348623157e308,
        "text": "ä\u2028😀",
        "nothing": None,
        "yes": True,
        "deep": [[{}]],
    }
    standin.answer = json.dumps(members).encode()
    found = []
    for language in (JSON, MSGPACK):
        stream = await connect(client, language)
        await stream.send({"id": 1, **ONE})
        found.append(await stream.receive())
    assert found[0] == found[1] == {"id": 1, **members}
    assert [type(value) for value in found[1].values()] == [
        *(type(value) for value in members.values()), int
    ]  # fmt: skip


async def test_a_client_may_close(stream: Stream) -> None:
    await stream.send({"id": 1, **ONE})
    await stream.receive()
    assert await stream.socket.close(code=1000)
    assert stream.socket.close_code == 1000


async def test_other_characters_are_other_lanes(stream: Stream, standin: StandIn) -> None:
    await stream.send([{"id": 1, **ONE}, {"id": 2, **ONE, "char_id": ABSENT_ID}])
    assert {answer["id"] for answer in await stream.answers(2)} == {1, 2}
    assert {char_id for char_id, _, _ in standin.executed} == {CHAR_ID, ABSENT_ID}
