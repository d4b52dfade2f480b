"""Reading an inventory, whole and in part; entity tags."""

import json

import pytest

from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import ABSENT_ID, BASE, CHAR_ID, COIN_ID, HERB_ID, SWORD_ID, StandIn

SWORD = {
    "item_id": SWORD_ID,
    "template_id": "sword",
    "quantity": 1,
    "place": {"container": "equipment", "slot": "main_hand"},
    "bound": True,
    "locked": False,
    "held": False,
}
COIN = {
    "item_id": COIN_ID,
    "template_id": "coin",
    "quantity": 120,
    "place": {"container": "wallet", "slot": "coin"},
    "bound": False,
    "locked": False,
    "held": False,
}
HERB = {
    "item_id": HERB_ID,
    "template_id": "herbs/sage",
    "quantity": 7,
    "place": {"container": "bag", "slot": 3},
    "bound": False,
    "locked": False,
    "held": False,
}


async def test_the_whole_session(client: Client, standin: StandIn) -> None:
    response = await client.get(f"{BASE}/inventory")
    assert response.status == 200
    assert response.headers["ETag"] == '"1.7"'
    body = await response.json()
    rooms = body["capacity"].pop("containers")
    assert body == {
        "char_id": CHAR_ID,
        "seq": 7,
        "durable_seq": 6,
        "tag": "1.7",
        "ruleset": standin.ruleset.hash,
        "catalog": 3,
        "actor": {"level": 5, "class": "warrior", "attributes": {}, "states": []},
        "items": [SWORD, COIN, HERB],
        "capacity": {"weight": {"carried": 3070, "limit": 40_000}},
    }
    assert list(rooms) == ["equipment", *standin.ruleset.containers]
    assert rooms["bag"] == {"used": 1, "total": 20}
    assert rooms["quick"] == {"used": 0, "total": 1}
    assert rooms["wallet"] == {"used": 1, "total": None}


async def test_with_names_and_texts(client: Client, standin: StandIn) -> None:
    del standin.items.all[0]
    response = await client.get(f"{BASE}/inventory?expand=items")
    assert response.headers["ETag"] == '"1.7+3"'
    body = await response.json()
    assert body["tag"] == "1.7"
    assert body["items"] == [
        {**SWORD, "data": {"name": "Sword", "stats": {"damage": 12}}},
        COIN,  # a template that is gone from the catalog
        {**HERB, "data": {"name": "Salbei", "price": 4}},
    ]


async def test_the_paper_doll(client: Client, standin: StandIn) -> None:
    body = await (await client.get(f"{BASE}/inventory/equipment")).json()
    assert list(body) == ["slots"]
    assert list(body["slots"]) == list(standin.ruleset.slots)
    assert {slot: item for slot, item in body["slots"].items() if item} == {"main_hand": SWORD}


async def test_the_purse(client: Client) -> None:
    body = await (await client.get(f"{BASE}/inventory/wallet")).json()
    assert body == {"items": [COIN], "cursor": None, "total": 1}


async def test_room(client: Client) -> None:
    whole = await (await client.get(f"{BASE}/inventory")).json()
    assert await (await client.get(f"{BASE}/inventory/capacity")).json() == whole["capacity"]


@pytest.mark.parametrize("view", ["", "?expand=items", "/equipment", "/wallet", "/capacity"])
async def test_what_the_caller_has_already(client: Client, view: str) -> None:
    url = f"{BASE}/inventory{view}"
    tag = (await client.get(url)).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"0.1", {tag}', "*"):
        response = await client.get(url, headers={"If-None-Match": known})
        assert response.status == 304
        assert response.headers["ETag"] == tag
        assert await response.read() == b""
    for other in ('"1.6"', "1.7", tag[:-1], "", "garbage, ,"):
        assert (await client.get(url, headers={"If-None-Match": other})).status == 200


async def test_names_and_texts_change_with_the_catalog(client: Client, standin: StandIn) -> None:
    tag = (await client.get(f"{BASE}/inventory?expand=items")).headers["ETag"]
    standin.items.version = 4
    response = await client.get(f"{BASE}/inventory?expand=items", headers={"If-None-Match": tag})
    assert response.status == 200


async def test_head(client: Client) -> None:
    response = await client.head(f"{BASE}/inventory")
    assert response.status == 200
    assert response.headers["ETag"] == '"1.7"'
    assert await response.read() == b""


@pytest.mark.parametrize("view", ["", "/equipment", "/wallet", "/capacity"])
async def test_nobody(client: Client, view: str) -> None:
    response = await client.get(f"/v1/characters/{ABSENT_ID}/inventory{view}")
    document = await problem(response, 404, "CHARACTER_NOT_FOUND")
    assert document["params"] == {"char_id": ABSENT_ID}


async def test_the_body_is_utf_8(client: Client, standin: StandIn) -> None:
    standin.items.all[1].data["name"] = "Süßholz"
    body = await (await client.get(f"{BASE}/inventory?expand=items")).read()
    assert "Süßholz".encode() in body
    json.loads(body)
