"""``POST /v1/execute``: many requests in one body, each answered as the single call is."""

import json
from typing import Any

import msgspec
import pytest

from engine.commands import LockRequest
from engine.refusals import Refusal, RefusalCode
from gateway.http.addressed import AddressedRequest, job_of
from gateway.http.problems import Problem
from gateway.middleware import LOADS_MAX
from persistence.errors import (
    Backpressure,
    CharacterNotFound,
    Conflict,
    IdempotencyMismatch,
    OutcomeUnknown,
    Unavailable,
)
from persistence.records import Call, TagMismatch
from tests.gateway.conftest import Client
from tests.gateway.expect import check, problem
from tests.gateway.standin import ABSENT_ID, CHAR_ID, REPLY, SWORD_ID, StandIn

LOCK = {"op": "lock", "item_id": SWORD_ID}
ONE = {"char_id": CHAR_ID, "commands": [LOCK]}


async def replies(client: Client, *requests: object, headers: dict[str, str] | None = None) -> list[Any]:
    response = await client.post("/v1/execute", json={"requests": requests}, headers=headers)
    assert response.status == 200, await response.read()
    assert response.headers["Content-Type"] == "application/json"
    document = await response.json()
    assert set(document) == {"replies"}
    found: list[Any] = document["replies"]
    return found


async def test_replies_are_those_of_the_single_calls_in_order(client: Client, standin: StandIn) -> None:
    other = {"char_id": ABSENT_ID, "commands": [LOCK, LOCK]}
    assert await replies(client, ONE, other, ONE) == [json.loads(REPLY)] * 3
    usual = Call(by="service")
    lock = LockRequest(SWORD_ID)
    # Requests of two characters may be carried out in any order.
    assert sorted(standin.executed, key=str) == sorted(
        [(CHAR_ID, (lock,), usual), (CHAR_ID, (lock,), usual), (ABSENT_ID, (lock, lock), usual)], key=str
    )


async def test_conditions_are_fields(client: Client, standin: StandIn) -> None:
    under = ONE | {"idempotency_key": "a key", "if_match": '"1.7+3"', "durability": "durable"}
    headers = {"X-Request-Id": "the-request"}
    await replies(client, under, ONE | {"if_match": "*", "durability": "memory"}, headers=headers)
    assert [call for _, _, call in standin.executed] == [
        Call(by="service", request_id="the-request", op_id="a key", if_match="1.7", durable=True),
        Call(by="service", request_id="the-request"),
    ]


async def test_null_says_nothing(client: Client, standin: StandIn) -> None:
    await replies(client, ONE | {"idempotency_key": None, "if_match": None, "durability": None})
    assert standin.executed[0][2] == Call(by="service")


async def test_a_characters_id_may_be_spelled_otherwise(client: Client, standin: StandIn) -> None:
    await replies(client, ONE | {"char_id": CHAR_ID.replace("-", "").upper()})
    assert standin.executed[0][0] == CHAR_ID


async def test_a_dry_run_is_a_field(client: Client, standin: StandIn) -> None:
    plan, refused, mismatch = await replies(
        client,
        ONE | {"dry_run": True},
        ONE | {"dry_run": True, "commands": [LOCK | {"item_id": "d" * 32}] * 2},
        ONE | {"dry_run": True, "if_match": "1.6"},
    )
    assert set(plan) == {"changes", "capacity"}
    check(refused, 404, "ITEM_NOT_FOUND")
    assert [one["op_index"] for one in refused["violations"]] == [0, 1]
    check(mismatch, 412, "TAG_MISMATCH")
    assert not standin.executed


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (Refusal(RefusalCode.WRONG_SLOT, {"slot": "feet"}, 3), 422, "WRONG_SLOT"),
        (TagMismatch("1.9"), 412, "TAG_MISMATCH"),
        (CharacterNotFound(CHAR_ID), 404, "CHARACTER_NOT_FOUND"),
        (IdempotencyMismatch("key"), 422, "IDEMPOTENCY_MISMATCH"),
        (Conflict(CHAR_ID), 409, "CONFLICT"),
        (Backpressure(), 503, "BACKPRESSURE"),
        (Unavailable(), 503, "UNAVAILABLE"),
        (OutcomeUnknown(), 503, "OUTCOME_UNKNOWN"),
    ],
)
async def test_a_problem_is_that_of_the_single_call(
    client: Client, standin: StandIn, answer: Refusal | TagMismatch | Exception, status: int, code: str
) -> None:
    standin.answer = answer
    (found,) = await replies(client, ONE)
    check(found, status, code)
    single = await client.post(f"/v1/characters/{CHAR_ID}/inventory/lock", json={"item_id": SWORD_ID})
    expected = await problem(single, status, code)
    assert found == expected


async def test_sessions_are_loaded(client: Client, standin: StandIn) -> None:
    standin.not_live = 1
    assert await replies(client, ONE, ONE) == [json.loads(REPLY)] * 2
    assert standin.loaded == [CHAR_ID]
    standin.not_live = 1 + LOADS_MAX
    (found,) = await replies(client, ONE)
    check(found, 503, "UNAVAILABLE")
    assert standin.loaded == [CHAR_ID] * (1 + LOADS_MAX)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "requests"),
        ({"requests": []}, "requests"),
        ({"requests": [ONE] * 1_001}, "requests"),
        ({"requests": [ONE], "char_id": CHAR_ID}, "char_id"),
        ([ONE], "$"),
        ({"requests": [ONE, 7]}, "requests[1]"),
        ({"requests": [ONE, {"commands": [LOCK]}]}, "requests[1].char_id"),
        ({"requests": [ONE, {"char_id": CHAR_ID}]}, "requests[1].commands"),
        ({"requests": [ONE, ONE | {"char_id": "nobody"}]}, "requests[1].char_id"),
        ({"requests": [ONE, ONE | {"char_id": 7}]}, "requests[1].char_id"),
        ({"requests": [ONE, ONE | {"commands": []}]}, "requests[1].commands"),
        ({"requests": [ONE, ONE | {"commands": [LOCK] * 101}]}, "requests[1].commands"),
        ({"requests": [ONE, ONE | {"commands": [LOCK, {"op": "fly"}]}]}, "requests[1].commands[1].op"),
        (
            {"requests": [ONE, ONE, ONE, ONE | {"commands": [{"op": "move", "item_id": SWORD_ID,
             "to": {"container": "bag", "slot": -1}}]}]},
            "requests[3].commands[0].to.slot",
        ),
        ({"requests": [ONE, ONE | {"id": 1}]}, "requests[1].id"),
        ({"requests": [ONE, ONE | {"request_id": "x"}]}, "requests[1].request_id"),
        ({"requests": [ONE, ONE | {"idempotency_key": ""}]}, "requests[1].idempotency_key"),
        ({"requests": [ONE, ONE | {"idempotency_key": "k" * 129}]}, "requests[1].idempotency_key"),
        ({"requests": [ONE, ONE | {"idempotency_key": "ä"}]}, "requests[1].idempotency_key"),
        ({"requests": [ONE, ONE | {"idempotency_key": "quest 17 "}]}, "requests[1].idempotency_key"),
        ({"requests": [ONE, ONE | {"idempotency_key": 1}]}, "requests[1].idempotency_key"),
        ({"requests": [ONE, ONE | {"if_match": "yesterday"}]}, "requests[1].if_match"),
        ({"requests": [ONE, ONE | {"if_match": '"1.7'}]}, "requests[1].if_match"),
        ({"requests": [ONE, ONE | {"durability": "forever"}]}, "requests[1].durability"),
        ({"requests": [ONE, ONE | {"dry_run": "true"}]}, "requests[1].dry_run"),
        ({"requests": [ONE, ONE | {"dry_run": None}]}, "requests[1].dry_run"),
    ],
)  # fmt: skip
async def test_nothing_is_done_of_a_body_that_is_not_understood(
    client: Client, standin: StandIn, body: object, path: str
) -> None:
    response = await client.post("/v1/execute", json=body)
    document = await problem(response, 400, "INVALID_REQUEST")
    assert document["params"] == {"path": path}
    assert not standin.executed and not standin.loaded


def test_the_rulesets_limit_on_commands_counts() -> None:
    request = msgspec.convert(ONE | {"commands": [LOCK] * 3}, AddressedRequest)
    assert job_of(request, 0, Call(), 3, within="requests[7].").commands == (LockRequest(SWORD_ID),) * 3
    with pytest.raises(Problem) as refused:
        job_of(request, 0, Call(), 2, within="requests[7].")
    assert refused.value.params == {"path": "requests[7].commands"}


@pytest.mark.parametrize("name", ["Idempotency-Key", "If-Match", "Inventory-Durability"])
async def test_headers_of_single_commands_are_refused(client: Client, standin: StandIn, name: str) -> None:
    response = await client.post("/v1/execute", json={"requests": [ONE]}, headers={name: "1.7"})
    assert (await problem(response, 400, "INVALID_REQUEST"))["params"] == {"path": name}
    response = await client.post("/v1/execute?dry_run=true", json={"requests": [ONE]})
    assert (await problem(response, 400, "INVALID_REQUEST"))["params"] == {"path": "dry_run"}
    assert not standin.executed


async def test_a_thousand_requests(client: Client, standin: StandIn) -> None:
    assert len(await replies(client, *[ONE] * 1_000)) == 1_000
    assert len(standin.executed) == 1_000


async def test_bodies_are_json_of_256_kib(client: Client) -> None:
    response = await client.post("/v1/execute", data=b"{}")
    await problem(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    json_type = {"Content-Type": "application/json"}
    body = json.dumps({"requests": [ONE]}).encode()
    response = await client.post("/v1/execute", data=body.ljust(256 * 1024), headers=json_type)
    assert response.status == 200
    response = await client.post("/v1/execute", data=body.ljust(256 * 1024 + 1), headers=json_type)
    await problem(response, 413, "BODY_TOO_LARGE")


async def test_it_needs_the_token(stranger: Client, standin: StandIn) -> None:
    response = await stranger.post("/v1/execute", json={"requests": [ONE]})
    await problem(response, 401, "UNAUTHENTICATED")
    assert not standin.executed
