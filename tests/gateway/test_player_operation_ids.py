"""A character's token cannot fill what its character remembers of operations: that is for services."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.gateway.expect import check
from tests.gateway.standin import CHAR_ID, HEADERS, SWORD_ID, StandIn, server
from tests.gateway.streaming import JSON, connect
from tests.gateway.tokens import SECRET, bearer, player

LOCK = {"op": "lock", "item_id": SWORD_ID}
PATH = f"/v1/characters/{CHAR_ID}/inventory/lock"


@pytest.fixture
async def http(standin: StandIn) -> AsyncIterator[aiohttp.ClientSession]:
    served = server(standin, player_key=SECRET)
    await served.start_server()
    async with aiohttp.ClientSession(served.make_url("/")) as session:
        yield session
    await served.close()


def refused(problem: dict[str, Any], path: str) -> None:
    check(problem, 400, "INVALID_REQUEST")
    assert problem["params"]["path"] == path


async def test_over_http(http: aiohttp.ClientSession, standin: StandIn) -> None:
    body, key = {"item_id": SWORD_ID}, {"Idempotency-Key": "quest 17"}
    async with http.post(PATH, json=body, headers=bearer(player(scope="read play")) | key) as response:
        refused(await response.json(), "Idempotency-Key")
    assert not standin.executed
    async with http.post(PATH, json=body, headers=HEADERS | key) as response:
        assert response.status == 200


async def test_in_bulk_and_over_a_stream(http: aiohttp.ClientSession) -> None:
    request = {"char_id": CHAR_ID, "commands": [LOCK], "idempotency_key": "quest 17"}
    token = bearer(player(scope="read play"))
    async with http.post("/v1/execute", json={"requests": [request]}, headers=token) as response:
        refused(await response.json(), "requests[0].idempotency_key")
    stream = await connect(http, JSON, headers=token)
    await stream.send(request | {"id": 1})
    (answer,) = await stream.answers(1)
    del answer["id"]
    refused(answer, "idempotency_key")
