"""?dry_run=true: the plan, or all that speaks against it; nothing reaches the session."""

from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import BASE, HERB_ID, SWORD_ID, StandIn

MOVE = {"item_id": HERB_ID, "to": {"container": "bank", "slot": 4}}


async def test_the_plan_of_a_command(client: Client, standin: StandIn) -> None:
    response = await client.post(f"{BASE}/inventory/move?dry_run=true", json=MOVE)
    assert response.status == 200
    plan = await response.json()
    assert set(plan) == {"changes", "capacity"}
    (item,) = plan["changes"]["changed"]
    assert (item["item_id"], item["place"]) == (HERB_ID, {"container": "bank", "slot": 4})
    assert plan["capacity"]["containers"] == {
        "bag": {"used": 0, "total": 20},
        "bank": {"used": 1, "total": 48},
    }
    assert standin.executed == []


async def test_all_violations_of_a_batch(client: Client, standin: StandIn) -> None:
    commands = [
        {"op": "equip", "item_id": HERB_ID, "slot": "chest"},
        {"op": "move", **MOVE},
        {"op": "consume", "item_id": SWORD_ID, "quantity": 2},
    ]
    response = await client.post(f"{BASE}/inventory/execute?dry_run=true", json={"commands": commands})
    document = await problem(response, 422, "NOT_WEARABLE")
    assert document["op_index"] == 0
    assert [(one["op_index"], one["code"]) for one in document["violations"]] == [
        (0, "NOT_WEARABLE"),
        (2, "INSUFFICIENT_ITEMS"),
    ]
    assert document["violations"][1]["params"] == {"item_id": SWORD_ID, "quantity": 2, "has": 1}
    assert standin.executed == []


async def test_a_single_violation_is_listed_too(client: Client) -> None:
    body = {"item_id": "f" * 32}
    response = await client.post(f"{BASE}/inventory/use?dry_run=true", json=body)
    document = await problem(response, 404, "ITEM_NOT_FOUND")
    assert document["violations"] == [
        {"code": "ITEM_NOT_FOUND", "params": {"item_id": "f" * 32}, "op_index": 0}
    ]


async def test_false_carries_out(client: Client, standin: StandIn) -> None:
    response = await client.post(f"{BASE}/inventory/move?dry_run=false", json=MOVE)
    assert response.status == 200
    assert len(standin.executed) == 1


async def test_a_tag_is_kept_to(client: Client) -> None:
    url = f"{BASE}/inventory/move?dry_run=true"
    assert (await client.post(url, json=MOVE, headers={"If-Match": '"1.7"'})).status == 200
    response = await client.post(url, json=MOVE, headers={"If-Match": '"1.6"'})
    document = await problem(response, 412, "TAG_MISMATCH")
    assert document["params"] == {"tag": "1.7", "expected": "1.6"}


async def test_a_session_is_loaded_to_be_asked(client: Client, standin: StandIn) -> None:
    standin.not_live = 1
    assert (await client.post(f"{BASE}/inventory/move?dry_run=true", json=MOVE)).status == 200
    assert len(standin.loaded) == 1


async def test_sorting_is_shown(client: Client) -> None:
    response = await client.post(f"{BASE}/inventory/sort?dry_run=true", json={"container": "bag"})
    plan = await response.json()
    assert plan["changes"]["changed"][0]["place"] == {"container": "bag", "slot": 0}
