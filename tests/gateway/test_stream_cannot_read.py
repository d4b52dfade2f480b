"""Frames that cannot be read do not cost what was read before them."""

import json

import pytest

from gateway.stream.codec import JsonCodec
from tests.gateway.conftest import Client
from tests.gateway.standin import CHAR_ID, REPLY, SWORD_ID, StandIn
from tests.gateway.streaming import JSON, connect

ONE = {"char_id": CHAR_ID, "commands": [{"op": "lock", "item_id": SWORD_ID}]}
# Around where Python's own bound is, which depends on how deep the call stands already.
DEPTHS = range(900, 1_010)


async def test_nested_as_deeply_as_may_be(client: Client, standin: StandIn) -> None:
    """At every depth it is understood, or answered, and nothing before it is lost."""
    for depth in DEPTHS:
        stream = await connect(client, JSON)
        await stream.send({"id": 1, **ONE})
        await stream.socket.send_str('{"x":' + "[" * depth + "]" * depth + "}")
        answers = await stream.answers(2)
        assert {"id": 1, **json.loads(REPLY)} in answers
        assert [answer["code"] for answer in answers if "code" in answer] == ["INVALID_REQUEST"]
        await stream.socket.close()
    assert len(standin.executed) == len(DEPTHS)


async def test_what_was_read_before_a_failure_is_done_and_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch, standin: StandIn
) -> None:
    stream = await connect(client, JSON)
    read = JsonCodec.read

    def fail(codec: JsonCodec, frame: bytes) -> object:
        if b"fail" in frame:
            raise RuntimeError("a fault")
        return read(codec, frame)

    monkeypatch.setattr(JsonCodec, "read", fail)
    await stream.send([{"id": number, **ONE} for number in range(50)])
    await stream.socket.send_str("fail")
    assert {answer["id"] for answer in await stream.answers(50)} == set(range(50))
    assert await stream.closed() == 1011
    assert len(standin.executed) == 50
