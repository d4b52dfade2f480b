"""The ledger over HTTP, on real servers: pages, what is not flushed yet, and strict reading."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from gateway.app import init_app
from gateway.configuration.settings import Settings
from tests.gateway.expect import problem
from tests.gateway.standin import HEADERS, TOKEN, GatewayTestServer
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.conftest import site as site
from tests.service.play import grant

BASE = f"/v1/characters/{CHAR_ID}"
JOURNAL = f"{BASE}/inventory/journal"
NOBODY = "00000000-0000-4000-8000-00000000dead"

Client = TestClient[Any, Any]


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, site: Site) -> Any:
    """Of a gateway that flushes only when it is asked to."""
    async with site.gateway(flushing=False) as orchestrator:
        server = GatewayTestServer(init_app(Settings(token=TOKEN), orchestrator))
        yield await aiohttp_client(server, headers=HEADERS)


async def play(client: Client, command: dict[str, Any], **headers: str) -> Any:
    response = await client.post(f"{BASE}/inventory/execute", json={"commands": [command]}, headers=headers)
    assert response.status == 200, await response.text()
    return await response.json()


async def page(client: Client, **query: Any) -> Any:
    response = await client.get(JOURNAL, params=query)
    assert response.status == 200, await response.text()
    body = await response.json()
    assert list(body) == ["entries", "cursor"]
    return body


async def test_an_entry(client: Client) -> None:
    reply = await play(client, grant("dagger"), **{"X-Request-Id": "r-1", "Idempotency-Key": "buy-1"})
    body = await page(client)
    (entry,) = body["entries"]
    assert list(entry) == ["seq", "at", "by", "request_id", "op_id", "commands", "changes"]
    assert (entry["seq"], entry["by"], entry["request_id"], entry["op_id"]) == (1, "service", "r-1", "buy-1")
    assert entry["commands"] == [{"op": "grant", "template_id": "dagger", "quantity": 1}]
    assert entry["changes"] == reply["changes"]
    created_at = (await (await client.get(BASE)).json())["created_at"]
    assert created_at <= entry["at"] < created_at + 60_000
    assert body["cursor"] is None


async def test_the_actors_changes_are_told(client: Client) -> None:
    assert (await client.patch(BASE, json={"level": 9})).status == 200
    (entry,) = (await page(client))["entries"]
    assert entry["changes"]["actor"]["level"] == 9


async def test_pages_of_what_is_flushed_and_what_is_not(client: Client) -> None:
    for _ in range(3):
        await play(client, grant("gold"))
    assert (await client.post(f"{BASE}/session/save")).status == 200
    for _ in range(2):
        await play(client, grant("gold"))
    whole = (await page(client))["entries"]
    assert [entry["seq"] for entry in whole] == [1, 2, 3, 4, 5]
    found, cursor = [], "0"
    while cursor is not None:
        one = await page(client, after_seq=cursor, limit=2)
        found += one["entries"]
        cursor = one["cursor"]
    assert found == whole
    assert (await client.delete(f"{BASE}/session")).status == 200
    assert (await page(client))["entries"] == whole, "the same, now that PostgreSQL has all of it"
    assert not (await (await client.get(BASE)).json())["live"], "nothing was loaded for it"
    assert (await page(client, after_seq=5)) == {"entries": [], "cursor": None}


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("limit=5&limit=6", "limit"),
        ("after_seq=-1", "after_seq"),
        ("after_seq=01", "after_seq"),
        ("after_seq=", "after_seq"),
        ("after_seq=1.5", "after_seq"),
        ("after_seq=1000000000000000", "after_seq"),
        ("after_seq=%D9%A1", "after_seq"),
        ("after=1", "after"),
        ("dry_run=true", "dry_run"),
    ],
)
async def test_strict_reading(client: Client, query: str, path: str) -> None:
    document = await problem(await client.get(f"{JOURNAL}?{query}"), 400, "INVALID_REQUEST")
    assert document["params"] == {"path": path}


@pytest.mark.parametrize("query", ["limit=1", "limit=500", "after_seq=999999999999999", ""])
async def test_the_bounds_are_within(client: Client, query: str) -> None:
    response = await client.get(f"{JOURNAL}?{query}")
    assert (response.status, await response.json()) == (200, {"entries": [], "cursor": None})


async def test_promises_are_not_taken(client: Client) -> None:
    response = await client.get(JOURNAL, headers={"If-Match": '"0.1"'})
    assert (await problem(response, 400, "INVALID_REQUEST"))["params"] == {"path": "If-Match"}


async def test_nobody(client: Client) -> None:
    response = await client.get(f"/v1/characters/{NOBODY}/inventory/journal")
    await problem(response, 404, "CHARACTER_NOT_FOUND")
    response = await client.get("/v1/characters/nobody/inventory/journal")
    assert (await problem(response, 400, "INVALID_REQUEST"))["params"] == {"path": "char_id"}


async def test_who_has_no_token(client: Client) -> None:
    response = await client.get(JOURNAL, headers={"Authorization": "Bearer wrong"})
    await problem(response, 401, "UNAUTHENTICATED")
