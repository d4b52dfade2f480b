"""Commands: the body is the fields, the reply comes as it is, conditions reach the orchestrator."""

import json

import pytest

from engine.commands import (
    ConsumeRequest,
    Destination,
    DropRequest,
    EquipRequest,
    GrantRequest,
    LockRequest,
    MoveRequest,
    SortRequest,
    UnequipRequest,
    UnlockRequest,
    UseRequest,
)
from engine.refusals import Refusal, RefusalCode
from persistence.records import Call, TagMismatch
from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import BASE, CHAR_ID, HERB_ID, REPLY, SWORD_ID, StandIn

MOVE = {"item_id": HERB_ID, "to": {"container": "bag", "slot": 4}}


@pytest.mark.parametrize(
    ("name", "body", "command"),
    [
        ("equip", {"item_id": SWORD_ID}, EquipRequest(SWORD_ID)),
        ("equip", {"item_id": SWORD_ID, "slot": "main_hand"}, EquipRequest(SWORD_ID, "main_hand")),
        ("unequip", {"item_id": SWORD_ID, "to": None}, UnequipRequest(SWORD_ID)),
        ("move", MOVE, MoveRequest(HERB_ID, Destination("bag", 4))),
        ("move", {"op": "move", **MOVE}, MoveRequest(HERB_ID, Destination("bag", 4))),
        ("grant", {"template_id": "coin", "quantity": 10**12}, GrantRequest("coin", 10**12)),
        (
            "consume",
            {"template_id": "herbs/sage", "quantity": 2},
            ConsumeRequest(2, template_id="herbs/sage"),
        ),
        ("drop", {"item_id": HERB_ID, "quantity": 1}, DropRequest(HERB_ID, 1)),
        ("use", {"item_id": HERB_ID}, UseRequest(HERB_ID)),
        ("lock", {"item_id": HERB_ID}, LockRequest(HERB_ID)),
        ("unlock", {"item_id": HERB_ID}, UnlockRequest(HERB_ID)),
        ("sort", {"container": "bag"}, SortRequest("bag")),
        (
            "grant",
            {
                "template_id": "sword",
                "quantity": 1,
                "partial": True,
                "overflow": True,
                "item_id": "0198C9C1-7C2D-7E11-A0C4-1F2E3D4C5B6A",
            },
            GrantRequest("sword", 1, partial=True, overflow=True, item_id="0198c9c17c2d7e11a0c41f2e3d4c5b6a"),
        ),
    ],
)
async def test_a_command(client: Client, standin: StandIn, name: str, body: object, command: object) -> None:
    response = await client.post(f"{BASE}/inventory/{name}", json=body)
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    assert await response.read() == REPLY
    assert standin.executed == [(CHAR_ID, (command,), Call(by="service"))]


async def test_execute_takes_several_and_references_between_them(client: Client, standin: StandIn) -> None:
    body = {
        "commands": [
            {"op": "grant", "template_id": "sword", "quantity": 1},
            {"op": "equip", "item_id": "@0"},
        ]
    }
    response = await client.post(f"{BASE}/inventory/execute", json=body)
    assert response.status == 200
    assert standin.executed[0][1] == (GrantRequest("sword", 1), EquipRequest("@0"))


async def test_the_rulesets_limit_on_a_batch_counts(client: Client, standin: StandIn) -> None:
    body = {"commands": [{"op": "equip", "item_id": SWORD_ID}] * 100}
    assert (await client.post(f"{BASE}/inventory/execute", json=body)).status == 200
    body["commands"] *= 2
    response = await client.post(f"{BASE}/inventory/execute", json=body)
    assert (await problem(response, 400, "INVALID_REQUEST"))["params"] == {"path": "commands"}


@pytest.mark.parametrize(
    "spelling",
    [
        CHAR_ID.upper(),
        CHAR_ID.replace("-", ""),
        CHAR_ID.replace("-", "").upper(),
        CHAR_ID.replace("0", "%30"),
    ],
)
async def test_a_character_may_be_spelled_otherwise(client: Client, standin: StandIn, spelling: str) -> None:
    response = await client.post(f"/v1/characters/{spelling}/inventory/move", json=MOVE)
    assert response.status == 200
    assert standin.executed[0][0] == CHAR_ID


async def test_an_item_may_be_spelled_otherwise(client: Client, standin: StandIn) -> None:
    dashed = "CCCCCCCC-cccc-cccc-cccc-cccccccccccc"
    await client.post(f"{BASE}/inventory/move", json={**MOVE, "item_id": dashed})
    assert standin.executed[0][1] == (MoveRequest(HERB_ID, Destination("bag", 4)),)


async def test_where_a_key_stands_twice_the_last_counts(client: Client, standin: StandIn) -> None:
    body = f'{{"item_id": "{SWORD_ID}", "item_id": "{HERB_ID}"}}'
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    response = await client.post(f"{BASE}/inventory/drop", data=body, headers=headers)
    assert response.status == 200
    assert standin.executed[0][1] == (DropRequest(HERB_ID),)


async def test_conditions_reach_the_orchestrator(client: Client, standin: StandIn) -> None:
    headers = {
        "Idempotency-Key": "order 66/~",
        "If-Match": '"1.7"',
        "Inventory-Durability": "durable",
        "X-Request-Id": "r-1",
    }
    response = await client.post(f"{BASE}/inventory/move", json=MOVE, headers=headers)
    assert response.status == 200
    assert response.headers["X-Request-Id"] == "r-1"
    assert standin.executed[0][2] == Call("service", "r-1", "order 66/~", "1.7", True)


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        ('"1.7"', "1.7"),
        ("1.7", "1.7"),
        ('"1.7+3"', "1.7"),
        ("*", ""),
    ],
)
async def test_if_match(client: Client, standin: StandIn, value: str, tag: str) -> None:
    await client.post(f"{BASE}/inventory/move", json=MOVE, headers={"If-Match": value})
    assert standin.executed[0][2].if_match == tag


async def test_memory_is_the_default_durability(client: Client, standin: StandIn) -> None:
    headers = {"Inventory-Durability": "memory"}
    await client.post(f"{BASE}/inventory/move", json=MOVE, headers=headers)
    assert standin.executed[0][2] == Call("service")


async def test_an_old_tag(client: Client, standin: StandIn) -> None:
    standin.answer = TagMismatch("2.9")
    response = await client.post(f"{BASE}/inventory/move", json=MOVE, headers={"If-Match": '"1.7"'})
    document = await problem(response, 412, "TAG_MISMATCH")
    assert document["params"] == {"tag": "2.9", "expected": "1.7"}
    assert response.headers["ETag"] == '"2.9"'


async def test_a_refusal(client: Client, standin: StandIn) -> None:
    standin.answer = Refusal(
        RefusalCode.LEVEL_TOO_LOW, {"item_id": SWORD_ID, "required": 5, "level": 3}, op_index=2
    )
    response = await client.post(f"{BASE}/inventory/equip", json={"item_id": SWORD_ID})
    document = await problem(response, 422, "LEVEL_TOO_LOW")
    assert document == {
        "type": "urn:haversack:problem:level-too-low",
        "title": "The character's level is too low",
        "status": 422,
        "code": "LEVEL_TOO_LOW",
        "detail": f"The character's level is too low (item_id: {SWORD_ID}, required: 5, level: 3).",
        "params": {"item_id": SWORD_ID, "required": 5, "level": 3},
        "op_index": 2,
    }


async def test_a_body_in_many_chunks(client: Client, standin: StandIn) -> None:
    async def chunks() -> object:
        for character in json.dumps(MOVE).encode():
            yield bytes([character])

    headers = {"Content-Type": "application/json"}
    response = await client.post(f"{BASE}/inventory/move", data=chunks(), headers=headers)
    assert response.status == 200
    assert standin.executed[0][1] == (MoveRequest(HERB_ID, Destination("bag", 4)),)
