"""What is worn, summed."""

from typing import Any

import pytest

from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.hoard import Hoard
from tests.gateway.standin import ABSENT_ID, BASE, CHAR_ID

URL = f"{BASE}/inventory/stats"


@pytest.fixture
def standin() -> Hoard:
    return Hoard()


def wear(hoard: Hoard, slot: str, stats: Any, quantity: int = 1) -> None:
    hoard.put(hoard.template(f"on_{slot}", data={"stats": stats}), "equipment", slot, quantity)


async def stats(client: Client) -> Any:
    response = await client.get(URL)
    assert response.status == 200
    body = await response.json()
    assert list(body) == ["stats"]
    return body["stats"]


async def test_nothing_is_worn(client: Client, standin: Hoard) -> None:
    standin.put(standin.template("sword", data={"stats": {"attack": 9}}), "bag", 0)
    assert await stats(client) == {}


async def test_sums_by_name_in_bytewise_order(client: Client, standin: Hoard) -> None:
    wear(standin, "head", {"défense": 1, "armor": 4, "zeal": -2})
    wear(standin, "chest", {"armor": 11, "Bulk": 3, "zeal": 2})
    standin.put("on_head", "bag", 0)
    found = await stats(client)
    assert list(found.items()) == [("Bulk", 3), ("armor", 15), ("défense", 1), ("zeal", 0)]


async def test_integers_stay_integers(client: Client, standin: Hoard) -> None:
    wear(standin, "head", {"armor": 1, "luck": 0.1, "haste": 0.5, "big": 10**15})
    wear(standin, "chest", {"armor": 2, "luck": 1, "haste": 0.5, "big": 10**15})
    assert await (await client.get(URL)).text() == (
        '{"stats":{"armor":3,"big":2000000000000000,"haste":1.0,"luck":1.1}}'
    )


async def test_fractions_sum_to_the_same_whatever_the_order(client: Client, standin: Hoard) -> None:
    for slot, value in (("head", 0.1), ("chest", 10**15), ("arms", 0.2), ("legs", -(10**15)), ("feet", 0.3)):
        wear(standin, slot, {"luck": value})
    first = await stats(client)
    standin.held = dict(reversed(standin.held.items()))
    assert await stats(client) == first
    assert first["luck"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        "9",
        9,
        {"attack": "9"},
        {"attack": True},
        {"attack": None},
        {"attack": [9]},
        {"attack": {"min": 3}},
        {"attack": 1e300},
        {"attack": 10**15 + 1},
        {"attack": -(10**400)},
    ],
)
async def test_what_is_no_number_is_left_aside(client: Client, standin: Hoard, odd: object) -> None:
    wear(standin, "head", odd)
    wear(standin, "chest", {"attack": 2})
    assert await stats(client) == {"attack": 2}


async def test_a_stack_counts_once_and_a_lost_template_not_at_all(client: Client, standin: Hoard) -> None:
    wear(standin, "off_hand", {"range": 20}, quantity=50)
    standin.put("gone", "equipment", "head")
    standin.put(standin.template("plain", data={}), "equipment", "chest")
    assert await stats(client) == {"range": 20}


async def test_what_the_caller_has_already(client: Client, standin: Hoard) -> None:
    tag = (await client.get(URL)).headers["ETag"]
    assert tag == '"1.7+3"'
    response = await client.get(URL, headers={"If-None-Match": tag})
    assert (response.status, response.headers["ETag"], await response.read()) == (304, tag, b"")
    standin.items.version = 4
    assert (await client.get(URL, headers={"If-None-Match": tag})).status == 200
    standin.seq = 8
    assert (await client.get(URL)).headers["ETag"] == '"1.8+4"'


async def test_a_session_is_loaded_first(client: Client, standin: Hoard) -> None:
    standin.not_live = 1
    assert await stats(client) == {}
    assert standin.loaded == [CHAR_ID]


async def test_not_so(client: Client) -> None:
    document = await problem(await client.get(f"{URL}?slot=head"), 400, "INVALID_REQUEST")
    assert document["params"] == {"path": "slot"}
    await problem(await client.get(URL, headers={"If-Match": '"1.7"'}), 400, "INVALID_REQUEST")
    await problem(await client.post(URL), 405, "METHOD_NOT_ALLOWED")
    missing = await client.get(f"/v1/characters/{ABSENT_ID}/inventory/stats")
    await problem(missing, 404, "CHARACTER_NOT_FOUND")
