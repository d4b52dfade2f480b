"""Cursors of pages: while items come and go, of other listings, damaged, and made up."""

import zlib
from base64 import urlsafe_b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.hoard import BAG, INVENTORY, ORDERS, Hoard, fill, page, pages, slots, stocked
from tests.gateway.standin import ABSENT_ID, CHAR_ID

quickly = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def standin() -> Hoard:
    return stocked()


@pytest.mark.parametrize("sort", ORDERS)
async def test_items_come_and_go_between_pages(client: Client, standin: Hoard, sort: str) -> None:
    """What stays is shown once, whatever became of the others, the last one shown among them."""
    fill(standin)
    order = ORDERS[sort]
    first = await page(client, sort=sort, limit=3)
    assert slots(first) == order[:3]
    at = {item.place.slot: item for item in standin.held.values() if item.place.container == "bag"}
    for slot in (order[0], order[2], order[4]):
        del standin.held[at[slot].item_id]
    second = await page(client, sort=sort, limit=3, cursor=first["cursor"])
    assert (slots(second), second["total"]) == ([order[3], order[5], order[6]], 5)
    standin.held.update({item.item_id: item for item in at.values()})
    third = await page(client, sort=sort, limit=3, cursor=second["cursor"])
    assert (slots(third), third["cursor"], third["total"]) == ([order[7]], None, 8)
    standin.held.clear()
    nothing = await page(client, sort=sort, limit=3, cursor=second["cursor"])
    assert nothing == {"items": [], "cursor": None, "total": 0}


async def test_a_new_item_is_shown_where_it_stands(client: Client, standin: Hoard) -> None:
    fill(standin)
    first = await page(client, limit=3)
    standin.put("eel", "bag", 3)
    assert slots(await page(client, limit=3, cursor=first["cursor"])) == [3, 4, 5]


async def test_the_page_may_get_larger_on_the_way(client: Client, standin: Hoard) -> None:
    fill(standin)
    first = await page(client, limit=1)
    rest = await page(client, limit=500, cursor=first["cursor"])
    assert slots(rest) == [1, 2, 4, 5, 7, 11, 13]
    # The default said aloud is the same listing.
    assert await page(client, sort="slot", limit=500, cursor=first["cursor"]) == rest


async def refused_cursor(client: Client, cursor: str, path: str = BAG, **query: Any) -> None:
    response = await client.get(path, params={**query, "cursor": cursor})
    document = await problem(response, 400, "INVALID_REQUEST")
    assert document["params"] == {"path": "cursor"}, document


async def test_a_cursor_of_another_listing(client: Client, standin: Hoard) -> None:
    fill(standin)
    cursor = (await page(client, sort="name", section="consumable", category="food", limit=1))["cursor"]
    same = {"sort": "name", "section": "consumable", "category": "food"}
    assert (await page(client, **same, cursor=cursor))["total"] == 3
    for other in ({"sort": "-name"}, {"sort": "slot"}, {"section": "weapon"}, {"category": "magic"}):
        await refused_cursor(client, cursor, **same | other)
    for left_out in same:
        await refused_cursor(client, cursor, **{name: same[name] for name in same if name != left_out})
    await refused_cursor(client, cursor, f"{INVENTORY}/bank", **same)
    await refused_cursor(client, cursor, f"/v1/characters/{ABSENT_ID}/inventory/bag", **same)


@pytest.mark.parametrize("sort", ["slot", "-name", "kind"])
async def test_a_damaged_cursor(client: Client, standin: Hoard, sort: str) -> None:
    fill(standin)
    cursor = (await page(client, sort=sort, limit=2))["cursor"]
    assert cursor.replace("-", "").replace("_", "").isalnum() and cursor.isascii()
    for at, character in enumerate(cursor):
        await refused_cursor(
            client, cursor[:at] + ("A" if character != "A" else "B") + cursor[at + 1 :], sort=sort
        )
    for at in range(len(cursor)):
        await refused_cursor(client, cursor[:at], sort=sort)
    for damaged in (cursor + "A", cursor + "=", cursor + "==", " " + cursor, cursor + "!", "A" + cursor):
        await refused_cursor(client, damaged, sort=sort)


@quickly
@given(text=st.text() | st.binary().map(lambda raw: urlsafe_b64encode(raw).rstrip(b"=").decode()))
async def test_any_text_as_a_cursor(client: Client, text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    await refused_cursor(client, text)


def forged(value: Any) -> str:
    payload = value if isinstance(value, bytes) else msgspec.msgpack.encode(value)
    return urlsafe_b64encode(zlib.crc32(payload).to_bytes(4) + payload).rstrip(b"=").decode()


LISTING = [CHAR_ID, "bag", "name", None, None]
NUMBERS = st.integers(-(2**63), 2**64 - 1)
KEYS = st.tuples(NUMBERS, NUMBERS, st.text(st.characters(codec="utf-8"), max_size=9), NUMBERS)
TIES = st.tuples(NUMBERS, st.sampled_from(["", "coin"]), st.text("0123456789abcdef", max_size=33))


@quickly
@given(key=KEYS, tie=TIES)
async def test_a_cursor_that_somebody_made_up(client: Client, standin: Hoard, key: Any, tie: Any) -> None:
    """It begins somewhere; there is nothing to be had by it."""
    fill(standin)
    await page(client, sort="name", cursor=forged([LISTING, [key, tie]]))


JUNK = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | st.text(st.characters(codec="utf-8")) | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)


@quickly
@given(value=JUNK | JUNK.map(lambda last: [LISTING, last]) | st.binary())
async def test_a_checksum_over_rubbish(client: Client, value: Any) -> None:
    await refused_cursor(client, forged(value), sort="name")


@pytest.mark.parametrize(
    "payload",
    [
        b"\x91" * 3000,
        msgspec.msgpack.encode([LISTING, [[0, 0, "", 0], [0, "", ""]], 1]),
        msgspec.msgpack.encode([[*LISTING, None], [[0, 0, "", 0], [0, "", ""]]]),
        msgspec.msgpack.encode([LISTING, [[0, 0, "", 0], [0, 0, ""]]]),
        msgspec.msgpack.encode([LISTING, [[0, 0, "", 0], [0.0, "", ""]]]),
        # the same numbers and texts, spelled longer than need be
        msgspec.msgpack.encode([LISTING, [[0, 0, "", 0], [0, "", ""]]])[:-1] + b"\xd9\x00",
        msgspec.msgpack.encode([LISTING, [[0, 0, "", 0], [0, "", ""]]])[:-1] + b"\xa1\xff",
        msgspec.msgpack.encode([LISTING, [[0, 0, "", 0], [0, "", ""]]]) + b"\xc0",
    ],
)
async def test_a_checksum_over_what_was_never_made(client: Client, payload: bytes) -> None:
    await refused_cursor(client, forged(payload), sort="name")


@pytest.mark.parametrize("name", ["ß" * 40_000, "ﷺ" * 40_000, "\U0001f5e1" * 15_000])
async def test_a_name_longer_than_a_url(client: Client, standin: Hoard, name: str) -> None:
    for index in range(4):
        standin.put(standin.template(f"long{index}", data={"name": f"{name}{9 - index}"}), "bank", index)
    found = await pages(client, f"{INVENTORY}/bank", sort="name", limit=1)
    # Alike as far as they are looked at, so by slot.
    assert [slot for one in found for slot in slots(one)] == [0, 1, 2, 3]
