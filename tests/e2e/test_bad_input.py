"""Bad input against a served gateway on real servers: the right problem each time, and nothing changed."""

import json
from pathlib import Path
from typing import Any

import aiohttp

from tests.servers import Servers
from tests.serving import TOKEN, serving

HEDDA = "11111111-1111-4111-8111-111111111111"
BASE = f"/v1/characters/{HEDDA}"
ITEM = "11111111000000000000000100000001"
NOWHERE = "99999999-9999-4999-8999-999999999999"

INVALID = (400, "INVALID_REQUEST")

# method, path, body, status and code
BAD: list[tuple[str, str, bytes, tuple[int, str]]] = [
    ("POST", "/inventory/move", b"", INVALID),
    ("POST", "/inventory/move", b"null", INVALID),
    ("POST", "/inventory/move", b"[]", INVALID),
    ("POST", "/inventory/move", b"{", INVALID),
    ("POST", "/inventory/move", b'{"item_id": "\xff"}', INVALID),
    ("POST", "/inventory/move", b'{"item_id": 7, "to": {"container": "bag"}}', INVALID),
    ("POST", "/inventory/move", b'{"item_id": "%s", "to": "bag"}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "%s", "quantity": NaN}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "%s", "quantity": 1e400}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "%s", "quantity": -1}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "%s", "quantity": 0}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "%s", "quantity": 1.5}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "%s", "quantity": true}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "%s", "quantity": %s}' % (ITEM.encode(), b"9" * 400), INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "%s", "surprise": 1}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "@0"}', INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "\\ud800"}', INVALID),
    ("POST", "/inventory/drop", b"[" * 100_000, INVALID),
    ("POST", "/inventory/drop?dry_run=maybe", b'{"item_id": "%s"}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop?dryrun=true", b'{"item_id": "%s"}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/drop?dry_run=true", b'{"item_id": "%s"}' % (b"f" * 32), (404, "ITEM_NOT_FOUND")),
    ("POST", "/inventory/sort", b'{"container": "equipment"}', (404, "UNKNOWN_CONTAINER")),
    ("POST", "/inventory/sort?dry_run=true", b'{"container": "attic"}', (404, "UNKNOWN_CONTAINER")),
    ("POST", "/inventory/use", b'{"item_id": "%s", "quantity": 1}' % ITEM.encode(), INVALID),
    ("POST", "/inventory/grant", b'{"template_id": "gold_coin", "quantity": 1, "partial": 1}', INVALID),
    ("POST", "/inventory/grant",
     b'{"template_id": "gold_coin", "quantity": 1, "item_id": "00000000-0000-8000-8000-000000000001"}',
     INVALID),
    ("GET", "/inventory/items/x", b"", INVALID),
    ("GET", "/inventory/bag?cursor=%FF", b"", INVALID),
    ("POST", "/inventory/grant", b'{"template_id": "gold\\u0000coin", "quantity": 1}', INVALID),
    ("POST", "/inventory/execute", b'{"commands": []}', INVALID),
    ("POST", "/inventory/execute", b'{"commands": [{"op": "explode"}]}', INVALID),
    ("POST", "/inventory/execute", b'{"commands": [' + b'{"op": "set_actor"},' * 100 + b'{}]}', INVALID),
    ("PATCH", "", b'{"class": "astronaut"}', INVALID),
    ("PATCH", "", b'{"attributes": {"luck": 3}}', INVALID),
    ("POST", "/inventory/drop", b'{"item_id": "%s"}' % (b"f" * 32), (404, "ITEM_NOT_FOUND")),
    ("POST", "/inventory/grant", b'{"template_id": "unheard_of", "quantity": 1}', (404, "UNKNOWN_TEMPLATE")),
    ("POST", "/inventory/grant", b'{"template_id": "gold_coin", "quantity": 1, "container": "attic"}',
     (404, "UNKNOWN_CONTAINER")),
    ("POST", "/inventory/equip", b'{"item_id": "%s", "slot": "tail"}' % ITEM.encode(), (404, "UNKNOWN_SLOT")),
    ("POST", "/inventory/explode", b"{}", (404, "NOT_FOUND")),
    ("DELETE", "/inventory", b"", (405, "METHOD_NOT_ALLOWED")),
    ("POST", "/inventory/drop", b" " * 300_000, (413, "BODY_TOO_LARGE")),
    ("POST", "/inventory/drop", b"x" * 10_000_000, (413, "BODY_TOO_LARGE")),
]  # fmt: skip


async def test_bad_input_changes_nothing(servers: Servers, database_url: str, tmp_path: Path) -> None:
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with serving(tmp_path / "log", "--demo", env=env) as service:
        async with aiohttp.ClientSession(service.url, headers=headers) as http:
            before = await inventory(http)
            for method, path, body, expected in BAD:
                async with http.request(method, BASE + path, data=body) as reply:
                    problem = json.loads(await reply.read())
                    shown = (method, path, body[:60], reply.status, problem)
                    assert (reply.status, problem["code"]) == expected, shown
                    assert reply.content_type == "application/problem+json", shown
            assert await inventory(http) == before
            await unusual_headers(http)
            await strangers(service.url)
            assert await inventory(http) == before
        assert "INTERNAL" not in service.log.read_text()
        assert "Traceback" not in service.log.read_text()


async def inventory(http: aiohttp.ClientSession) -> Any:
    async with http.get(f"{BASE}/inventory") as reply:
        assert reply.status == 200
        body = await reply.json()
        body["items"].sort(key=lambda item: item["item_id"])
        return body


async def unusual_headers(http: aiohttp.ClientSession) -> None:
    body = json.dumps({"item_id": ITEM}).encode()
    for headers, status in (
        ({"Content-Type": "text/plain"}, 415),
        ({"Inventory-Durability": "eternal"}, 400),
        ({"Idempotency-Key": "x" * 129}, 400),
        ({"If-Match": '"7.7"'}, 412),
    ):
        async with http.post(f"{BASE}/inventory/drop", data=body, headers=headers) as reply:
            assert reply.status == status, headers
    async with http.get("/v1/characters/not-a-uuid/inventory") as reply:
        assert reply.status == 400
    async with http.get(f"/v1/characters/{NOWHERE}/inventory") as reply:
        assert (reply.status, (await reply.json())["code"]) == (404, "CHARACTER_NOT_FOUND")


async def strangers(url: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic x"},
        {"Authorization": "Bearer"},
    ):
        async with aiohttp.ClientSession(url, headers=headers) as http:
            async with http.post(f"{BASE}/inventory/drop", json={"item_id": ITEM}) as reply:
                assert (reply.status, (await reply.json())["code"]) == (401, "UNAUTHENTICATED")
            async with http.get("/healthz") as reply:
                assert reply.status == 200
