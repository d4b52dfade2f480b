"""One item, and what would give way to it."""

from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from engine.commands import EquipRequest
from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Applied
from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.hoard import Hoard
from tests.gateway.standin import ABSENT_ID, BASE, CHAR_ID

ITEMS = f"{BASE}/inventory/items"
# template: slots it may be worn in, stats
WEARABLE: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "sword": (("main_hand",), {"attack": 9, "speed": 1.5}),
    "dagger": (("hand",), {"attack": 4}),
    "shield": (("off_hand",), {"armor": 6, "attack": -1}),
    "greatsword": (("two_hand",), {"attack": 20}),
    "ring": (("ring",), {"luck": 1}),
    "odd_ring": (("ring_2", "amulet"), {}),
}


@pytest.fixture
def standin() -> Hoard:
    return stocked()


def stocked() -> Hoard:
    hoard = Hoard()
    for template_id, (slots, stats) in WEARABLE.items():
        hoard.template(template_id, "weapon", data={"name": template_id, "stats": stats}, slots=slots)
    hoard.template("bread", "consumable", stack_limit=20)
    return hoard


async def detail(client: Client, item_id: str) -> Any:
    response = await client.get(f"{ITEMS}/{item_id}")
    assert response.status == 200, await response.text()
    body = await response.json()
    assert list(body) == ["item", "facts", "slot", "worn", "stats"]
    return body


def ids(items: list[Any]) -> list[str]:
    return [item["item_id"] for item in items]


async def test_beside_what_is_worn(client: Client, standin: Hoard) -> None:
    worn = standin.put("sword", "equipment", "main_hand")
    other = standin.put("sword", "bag", 4)
    body = await detail(client, other.item_id)
    shown = await (await client.get(f"{BASE}/inventory?expand=items")).json()
    assert [*body["worn"], body["item"]] == shown["items"]
    assert body["item"]["data"]["name"] == "sword"
    assert ids(body["worn"]) == [worn.item_id]
    assert (body["slot"], body["stats"]) == ("main_hand", {"attack": 0, "speed": 0.0})
    template = await (await client.get("/v1/items/sword")).json()
    assert body["facts"] == template["facts"]


async def test_both_hands_for_one_sword(client: Client, standin: Hoard) -> None:
    sword = standin.put("sword", "equipment", "main_hand")
    shield = standin.put("shield", "equipment", "off_hand")
    standin.put("ring", "equipment", "ring_1")
    great = standin.put("greatsword", "bag", 0)
    body = await detail(client, great.item_id)
    assert (body["slot"], ids(body["worn"])) == ("two_hand", [sword.item_id, shield.item_id])
    assert list(body["stats"].items()) == [("armor", -6), ("attack", 12), ("speed", -1.5)]


async def test_a_shield_for_a_greatsword(client: Client, standin: Hoard) -> None:
    great = standin.put("greatsword", "equipment", "two_hand")
    shield = standin.put("shield", "bag", 0)
    body = await detail(client, shield.item_id)
    assert (body["slot"], ids(body["worn"])) == ("off_hand", [great.item_id])
    assert body["stats"] == {"armor": 6, "attack": -21}


async def test_a_free_slot_of_the_group_comes_first(client: Client, standin: Hoard) -> None:
    first = standin.put("ring", "equipment", "ring_1")
    new = standin.put("ring", "bag", 0)
    body = await detail(client, new.item_id)
    assert (body["slot"], body["worn"], body["stats"]) == ("ring_2", [], {"luck": 1})
    standin.put("ring", "equipment", "ring_2")
    body = await detail(client, new.item_id)
    assert (body["slot"], ids(body["worn"]), body["stats"]) == ("ring_1", [first.item_id], {"luck": 0})


async def test_what_is_worn_itself(client: Client, standin: Hoard) -> None:
    standin.put("ring", "equipment", "ring_1")
    worn = standin.put("ring", "equipment", "ring_2")
    body = await detail(client, worn.item_id)
    assert (body["slot"], body["worn"], body["stats"]) == ("ring_2", [], {"luck": 1})


async def test_what_is_worn_where_it_no_longer_may(client: Client, standin: Hoard) -> None:
    misplaced = standin.put("sword", "equipment", "head")
    standin.put("sword", "equipment", "main_hand")
    body = await detail(client, misplaced.item_id)
    assert (body["slot"], body["worn"], body["stats"]) == ("head", [], {"attack": 9, "speed": 1.5})


async def test_what_cannot_be_worn(client: Client, standin: Hoard) -> None:
    bread = standin.put("bread", "bag", 3, 7)
    body = await detail(client, bread.item_id)
    assert (body["slot"], body["worn"], body["stats"]) == (None, [], None)
    assert (body["item"]["quantity"], body["facts"]["stack_limit"]) == (7, 20)


async def test_wearable_without_stats(client: Client, standin: Hoard) -> None:
    plain = standin.put("odd_ring", "bag", 0)
    assert (await detail(client, plain.item_id))["stats"] == {}


async def test_of_a_template_that_is_gone(client: Client, standin: Hoard) -> None:
    gone = standin.put("gone", "bag", 0)
    body = await detail(client, gone.item_id)
    assert "data" not in body["item"]
    assert (body["facts"]["kind"], body["slot"], body["stats"]) == ("unknown", None, None)


async def test_by_the_catalog_that_equip_would_be_judged_by(client: Client, standin: Hoard) -> None:
    standin.stale["sword"] = Facts("sword", "weapon", slots=("belt",))
    sword = standin.put("sword", "bag", 0)
    body = await detail(client, sword.item_id)
    assert (body["slot"], body["facts"]["slots"]) == ("main_hand", ["main_hand"])


SLOTS = ("main_hand", "off_hand", "two_hand", "ring_1", "ring_2", "amulet", "bag")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    worn=st.dictionaries(st.sampled_from(SLOTS), st.sampled_from(sorted(WEARABLE)), max_size=5),
    template_id=st.sampled_from(sorted(WEARABLE)),
)
async def test_equip_does_what_was_shown(
    client: Client, standin: Hoard, worn: dict[str, str], template_id: str
) -> None:
    """Whatever is worn, even together what may not be: the engine's own answer."""
    standin.held.clear()
    for slot, name in worn.items():
        standin.put(name, *(("bag", 1) if slot == "bag" else ("equipment", slot)))
    item = standin.put(template_id, "bag", 0)
    body = await detail(client, item.item_id)
    before = standin.session()
    engine = InventoryEngine(standin.ruleset)
    after = cast(Applied, engine.apply(before, EquipRequest(item.item_id))).session
    assert after.items[item.item_id].place.slot == body["slot"]
    moved = {one.item_id for one in before.items.values() if after.items[one.item_id] != one}
    assert moved - {item.item_id} == set(ids(body["worn"]))


async def test_the_id_in_other_spellings(client: Client, standin: Hoard) -> None:
    bread = standin.put("bread", "bag", 0)
    item_id = "abcdef00" + bread.item_id[8:]
    standin.held = {item_id: type(bread)(item_id, "bread", 1, bread.place)}
    dashed = f"{item_id[:8]}-{item_id[8:12]}-{item_id[12:16]}-{item_id[16:20]}-{item_id[20:]}"
    for spelled in (item_id, item_id.upper(), dashed, dashed.upper(), "%61" + item_id[1:]):
        response = await client.get(URL(f"{ITEMS}/{spelled}", encoded=True))
        assert (await response.json())["item"]["item_id"] == item_id, spelled


@pytest.mark.parametrize(
    "spelled",
    [
        "x", "@0", "0" * 31, "0" * 33, "0" * 31 + "g", "0-" * 16, "0" * 32 + "%0A", "0" * 32 + "%2F",
        "٠" * 32, "a" * 2000, "a%2Fb", "%2F", "%25", "%FF", "%00",
    ],
)  # fmt: skip
async def test_what_is_no_item_id(client: Client, spelled: str) -> None:
    response = await client.get(URL(f"{ITEMS}/{spelled}", encoded=spelled.isascii()))
    document = await problem(response, 400, "INVALID_REQUEST")
    assert document["params"] == {"path": "item_id"}


@pytest.mark.parametrize(
    "below", ["items", "items/", "items/a/b", f"items/{'0' * 32}/", "items%2Fa", "Items/a"]
)
async def test_what_is_no_path(client: Client, below: str) -> None:
    await problem(await client.get(URL(f"{BASE}/inventory/{below}", encoded=True)), 404, "NOT_FOUND")


async def test_no_such_item(client: Client, standin: Hoard) -> None:
    absent = "f" * 32
    for headers in ({}, {"If-None-Match": "*"}):
        response = await client.get(f"{ITEMS}/{absent.upper()}", headers=headers)
        document = await problem(response, 404, "ITEM_NOT_FOUND")
        assert document["params"] == {"item_id": absent}
    nobody = await client.get(f"/v1/characters/{ABSENT_ID}/inventory/items/{absent}")
    await problem(nobody, 404, "CHARACTER_NOT_FOUND")
    nobody = await client.get(f"/v1/characters//inventory/items/{absent}")
    await problem(nobody, 404, "NOT_FOUND")
    wrong = await client.get(f"/v1/characters/x/inventory/items/{absent}")
    assert (await problem(wrong, 400, "INVALID_REQUEST"))["params"] == {"path": "char_id"}


async def test_what_the_caller_has_already(client: Client, standin: Hoard) -> None:
    url = f"{ITEMS}/{standin.put('bread', 'bag', 0).item_id}"
    tag = (await client.get(url)).headers["ETag"]
    assert tag == '"1.7+3"'
    response = await client.get(url, headers={"If-None-Match": tag})
    assert (response.status, response.headers["ETag"], await response.read()) == (304, tag, b"")
    standin.items.version = 4
    assert (await client.get(url, headers={"If-None-Match": tag})).status == 200


async def test_other_methods(client: Client, standin: Hoard) -> None:
    url = f"{ITEMS}/{standin.put('bread', 'bag', 0).item_id}"
    head = await client.head(url)
    assert (head.status, head.headers["ETag"], await head.read()) == (200, '"1.7+3"', b"")
    for method in ("POST", "DELETE", "OPTIONS"):
        refused = await client.request(method, url)
        await problem(refused, 405, "METHOD_NOT_ALLOWED")
        assert refused.headers["Allow"] == "GET, HEAD"
    for name in ("Idempotency-Key", "If-Match"):
        document = await problem(await client.get(url, headers={name: "*"}), 400, "INVALID_REQUEST")
        assert document["params"] == {"path": name}
    document = await problem(await client.get(f"{url}?slot=head"), 400, "INVALID_REQUEST")
    assert document["params"] == {"path": "slot"}


async def test_a_session_is_loaded_first(client: Client, standin: Hoard) -> None:
    bread = standin.put("bread", "bag", 0)
    standin.not_live = 1
    await detail(client, bread.item_id)
    assert standin.loaded == [CHAR_ID]


async def test_without_the_token(stranger: Client) -> None:
    for below in (f"items/{'0' * 32}", "items/x", "items/"):
        await problem(await stranger.get(f"{BASE}/inventory/{below}"), 401, "UNAUTHENTICATED")
