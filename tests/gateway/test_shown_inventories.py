"""Who looks again at what has not changed is shown the same without a second reading."""

import json

import msgspec
import pytest

from gateway.handlers.shown import ShownInventories
from persistence.records import LiveSession
from persistence.sessions.session_state import LIVE, Probe
from tests.gateway.conftest import Client
from tests.gateway.standin import BASE, StandIn


def standing(tag: str = "0.7", durable_seq: int = 6, catalog: int = 3) -> Probe:
    incarnation, seq = map(int, tag.split("."))
    return Probe("node", 0, LIVE, '"node"', 1, incarnation, seq, durable_seq, 0, "", catalog)


def keep(shown: ShownInventories, char_id: str, size: int = 10) -> None:
    body = b'{"char_id":"%s","seq":7,"durable_seq":6,"items":"%s"}' % (char_id.encode(), b"x" * size)
    shown.keep(char_id, tag="0.7", catalog=3, body=body, durable_seq=6)


def test_only_what_is_durable_may_have_moved() -> None:
    shown = ShownInventories()
    keep(shown, "a")
    assert shown.has("a") and not shown.has("b")
    same = shown.still_true("a", standing(durable_seq=7))
    assert same is not None
    assert json.loads(same.body(7)) == {"char_id": "a", "seq": 7, "durable_seq": 7, "items": "x" * 10}
    for changed in (standing("0.8"), standing("1.7"), standing(catalog=4)):
        assert shown.still_true("a", changed) is None


def test_who_was_looked_at_longest_ago_gives_way() -> None:
    shown = ShownInventories(bytes_max=3_000)
    for char_id in ("a", "b", "c"):
        keep(shown, char_id, 300)
        keep(shown, char_id, 300)
    assert shown.still_true("a", standing())
    keep(shown, "d", 300)
    assert [char_id for char_id in "abcd" if shown.has(char_id)] == ["a", "c", "d"]
    keep(shown, "e", 10_000)
    assert not any(map(shown.has, "abcde")), "larger than all that may be kept"


async def test_the_session_is_read_once(
    client: Client, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings: list[str] = []
    real = standin.read_session
    durable_seq = 6

    async def read_session(char_id: str) -> LiveSession:
        readings.append(char_id)
        return msgspec.structs.replace(await real(char_id), durable_seq=durable_seq)

    async def where(char_id: str) -> Probe:
        return standing(f"1.{(await real(char_id)).session.seq}", durable_seq)

    monkeypatch.setattr(standin, "read_session", read_session)
    monkeypatch.setattr(standin, "standing", where)
    first = await (await client.get(f"{BASE}/inventory")).read()
    assert await (await client.get(f"{BASE}/inventory")).read() == first
    durable_seq = 7
    reply = await client.get(f"{BASE}/inventory")
    assert await reply.read() == first.replace(b'"durable_seq":6', b'"durable_seq":7')
    unchanged = await client.get(f"{BASE}/inventory", headers={"If-None-Match": reply.headers["ETag"]})
    assert unchanged.status == 304
    assert len(readings) == 1
