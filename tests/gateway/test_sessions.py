"""Sessions on demand, and loading that no caller asked for."""

import pytest

from gateway.middleware import LOADS_MAX
from persistence.errors import CharacterNotFound, CharacterQuarantined, OutcomeUnknown, Unavailable
from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import ABSENT_ID, BASE, CHAR_ID, HERB_ID, REPLY, StandIn

DROP = {"item_id": HERB_ID}
STATE = {"char_id": CHAR_ID, "live": True, "seq": 7, "durable_seq": 7, "epoch": 2}


async def test_loaded_twice(client: Client) -> None:
    first = await client.post(f"{BASE}/session")
    second = await client.post(f"{BASE}/session", json={})
    assert (first.status, await first.json()) == (201, STATE)
    assert (second.status, await second.json()) == (200, STATE)


async def test_saved_and_evicted(client: Client, standin: StandIn) -> None:
    saved = await client.post(f"{BASE}/session/save")
    evicted = await client.delete(f"{BASE}/session")
    assert (saved.status, await saved.json()) == (200, STATE)
    assert (evicted.status, await evicted.json()) == (200, {**STATE, "live": False})
    assert standin.saved == [(CHAR_ID, False), (CHAR_ID, True)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "session"),
        ("POST", "session/save"),
        ("DELETE", "session"),
    ],
)
async def test_of_nobody(client: Client, method: str, path: str) -> None:
    response = await client.request(method, f"/v1/characters/{ABSENT_ID}/{path}")
    await problem(response, 404, "CHARACTER_NOT_FOUND")


@pytest.mark.parametrize("missing", [1, 2])
async def test_a_command_loads_the_session_and_its_body_is_read_again(
    client: Client, standin: StandIn, missing: int
) -> None:
    standin.not_live = missing
    response = await client.post(f"{BASE}/inventory/drop", json=DROP, headers={"X-Request-Id": "r"})
    assert (response.status, await response.read()) == (200, REPLY)
    assert response.headers["X-Request-Id"] == "r"
    assert standin.loaded == [CHAR_ID] * missing
    assert len(standin.executed) == 1


@pytest.mark.parametrize("path", ["", "/equipment", "/wallet", "/capacity"])
async def test_a_look_loads_the_session(client: Client, standin: StandIn, path: str) -> None:
    standin.not_live = 1
    assert (await client.get(f"{BASE}/inventory{path}")).status == 200
    assert standin.loaded == [CHAR_ID]


async def test_a_changed_actor_loads_the_session(client: Client, standin: StandIn) -> None:
    standin.not_live = 1
    assert (await client.patch(BASE, json={"level": 6})).status == 200
    assert standin.loaded == [CHAR_ID]


async def test_a_session_that_never_stays(client: Client, standin: StandIn) -> None:
    standin.not_live = 99
    response = await client.post(f"{BASE}/inventory/drop", json=DROP)
    await problem(response, 503, "UNAVAILABLE")
    assert response.headers["Retry-After"] == "1"
    assert len(standin.loaded) == LOADS_MAX
    assert standin.executed == []


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (CharacterNotFound(CHAR_ID), 404, "CHARACTER_NOT_FOUND"),
        (CharacterQuarantined("row 7 of items: numeric overflow"), 409, "CHARACTER_QUARANTINED"),
        (Unavailable("10.0.0.7:5432 refused"), 503, "UNAVAILABLE"),
        (OutcomeUnknown(), 503, "OUTCOME_UNKNOWN"),
        (RuntimeError("secret"), 500, "INTERNAL"),
    ],
)
async def test_a_load_that_fails(
    client: Client, standin: StandIn, error: Exception, status: int, code: str
) -> None:
    standin.not_live = 1
    standin.load_error = error
    document = await problem(await client.post(f"{BASE}/inventory/drop", json=DROP), status, code)
    assert "secret" not in str(document) and "10.0.0.7" not in str(document) and "row 7" not in str(document)
