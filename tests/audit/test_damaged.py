"""What is so damaged that it cannot be read is told, and keeps nothing from being told of others."""

import json
from collections.abc import Callable

import pytest

from tests.audit.conftest import CLEAN, DIRTY, Stored


def _an_item(stored: Stored) -> tuple[str, str, list[object]]:
    session = stored.keys(CLEAN).session
    fields = stored.client.hgetall(session)
    name = next(name for name in fields if name.startswith(b"item:"))
    return session, name.decode(), json.loads(fields[name])


def _below_all_slots(stored: Stored) -> None:
    session, name, item = _an_item(stored)
    item[3] = -1
    stored.client.hset(session, name, json.dumps(item))


DAMAGES: dict[str, Callable[[Stored], object]] = {
    "an operation without a seq": lambda s: s.client.hset(s.keys(CLEAN).done, "op:first", "abc:x {}"),
    "an operation that is no text": lambda s: s.client.hset(s.keys(CLEAN).done, "op:first", b"abc:\xff {}"),
    "a place of the ring that is no text": lambda s: s.client.hset(s.keys(CLEAN).done, "ring:0", b"\xff"),
    "a field that is no text": lambda s: s.client.hset(s.keys(CLEAN).session, b"coun\xff", b"1"),
    "a total that is no text": lambda s: s.client.hset(s.keys(CLEAN).session, "weight", b"\xff"),
    "a slot below all others": _below_all_slots,
    "a turn of nobody": lambda s: s.client.zadd(s.keys(CLEAN).due, {b"\xff\xfe": 1e15}),
    "an incident that is no list": lambda s: s.client.set(f"inventory:incident:{CLEAN}", "x"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_it_is_told_and_so_are_the_others(stored: Stored, damage: str) -> None:
    DAMAGES[damage](stored)
    alone = sum((await stored.audit()).violated.values())
    assert alone > 0
    journal = stored.keys(DIRTY).journal
    stored.client.lpush(journal, stored.client.lindex(journal, 0))
    assert sum((await stored.audit()).violated.values()) > alone
