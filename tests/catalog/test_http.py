"""`PUT /v1/catalog` and what is told beside it, on real servers."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from aiohttp import ClientError
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from gateway.app import init_app
from gateway.configuration.settings import Settings
from gateway.handlers import catalog
from persistence.orchestrator import InventoryOrchestrator
from tests.catalog.given import line, lines
from tests.gateway.standin import HEADERS, TOKEN, GatewayTestServer
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant

Client = TestClient[Any, Any]
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
async def orchestrator(site: Site) -> AsyncIterator[InventoryOrchestrator]:
    async with site.gateway() as gateway:
        yield gateway


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, orchestrator: InventoryOrchestrator) -> Client:
    server = GatewayTestServer(init_app(Settings(token=TOKEN), orchestrator))
    return await aiohttp_client(server, headers=HEADERS)


async def put(client: Client, *parts: bytes, query: str = "", **headers: str) -> tuple[int, Any]:
    """Status and JSON of an upload, which is streamed."""

    async def body() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    given = NDJSON | {name.replace("_", "-"): value for name, value in headers.items()}
    response = await client.put(f"/v1/catalog{query}", data=body(), headers=given)
    return response.status, await response.json()


async def current(client: Client) -> dict[str, Any]:
    return dict(await (await client.get("/v1/catalog")).json())


async def test_shown_first_and_then_done(client: Client, site: Site) -> None:
    response = await client.get("/v1/catalog")
    tag, before = response.headers["ETag"], await response.json()
    assert (tag, before["version"]) == ('"1"', 1)
    parts = [line("axe", weight=7), line("bow", data={"name": "Bow"})]
    status, shown = await put(client, *parts, query="?dry_run=true")
    assert (status, shown["base"], shown["version"], shown["added"]) == (200, 1, 2, ["axe", "bow"])
    assert shown["accepted"] and shown["counts"]["removed"] == before["count"] > len(shown["in_use"])
    assert await current(client) == before, "nothing has changed"
    status, done = await put(client, *parts, If_Match=tag)
    assert (status, done) == (200, shown)
    after = await current(client)
    assert (after["version"], after["count"], after["by"], after["ruleset"]) == (
        2, 2, "service", site.ruleset.hash,
    )  # fmt: skip
    assert after["imported_at"] >= before["imported_at"]
    assert (await client.get("/v1/items/axe")).status == 200
    status, again = await put(client, *reversed(parts), If_Match=tag)
    assert (status, again["base"], again["version"], again["counts"]["changed"]) == (200, 2, 2, 0)
    # One that has vanished can still be shown to who may have it, and is in no list.
    vanished = await (await client.get("/v1/items/dagger")).json()
    assert vanished["facts"]["retired"]
    listed = await (await client.get("/v1/items")).json()
    assert [one["template_id"] for one in listed["items"]] == ["axe", "bow"]


async def test_a_reply_has_the_tag_of_the_catalog(client: Client) -> None:
    response = await client.put("/v1/catalog?dry_run=true", data=line("axe"), headers=NDJSON)
    assert response.headers["ETag"] == '"1"'
    response = await client.put("/v1/catalog", data=line("axe"), headers=NDJSON)
    assert response.headers["ETag"] == '"2"' == (await client.get("/v1/catalog")).headers["ETag"]


async def test_another_catalog_than_the_one_that_was_shown(client: Client) -> None:
    await put(client, line("axe"))
    status, problem = await put(client, line("bow"), If_Match='"1"')
    assert (status, problem["code"]) == (412, "TAG_MISMATCH")
    assert problem["params"] == {"tag": "2", "expected": "1"}
    assert (await put(client, line("bow"), If_Match="1"))[0] == 412
    assert (await put(client, line("bow"), If_Match="1", query="?dry_run=true"))[0] == 412
    assert (await put(client, line("bow"), If_Match="*"))[0] == 200
    assert (await put(client, line("cap"), If_Match='W/"3"'))[0] == 400
    assert (await put(client, line("cap"), If_Match='"1.3"'))[0] == 400


async def test_templates_in_use_are_named(
    client: Client, orchestrator: InventoryOrchestrator, site: Site
) -> None:
    await orchestrator.load_session(CHAR_ID)
    await do(orchestrator, grant("dagger", 2), grant("gold", 5))
    await orchestrator.save_session(CHAR_ID)
    status, problem = await put(client, line("axe"))
    assert (status, problem["code"], problem["params"]) == (409, "TEMPLATE_IN_USE", {"templates": 2})
    assert problem["violations"] == [
        {
            "code": "TEMPLATE_IN_USE",
            "params": {"template_id": template_id, "characters": 1, "items": items},
            "op_index": None,
        }
        for template_id, items in (("dagger", 2), ("gold", 1))
    ]
    status, shown = await put(client, line("axe"), query="?dry_run=true")
    assert status == 200 and not shown["accepted"]
    assert shown["in_use"] == {
        "dagger": {"characters": 1, "items": 2},
        "gold": {"characters": 1, "items": 1},
    }
    assert (await current(client))["version"] == 1


async def test_all_that_is_wrong_is_told(client: Client) -> None:
    bad = [line("axe"), b"\n", line("bow", "spaceship", slots=["tail"]), line("axe"), b"{\n"]
    status, problem = await put(client, *bad)
    assert (status, problem["code"]) == (400, "INVALID_REQUEST")
    assert [one["params"] for one in problem["violations"]] == [
        {"line": 3, "path": "facts.kind", "problem": "the ruleset does not know spaceship"},
        {"line": 3, "path": "facts.slots", "problem": "the ruleset does not know tail"},
        {"line": 4, "path": "facts.template_id", "problem": "axe is on line 1 already"},
        {"line": 5, "path": "$", "problem": "Input data was truncated"},
    ]
    assert problem["params"] == problem["violations"][0]["params"]
    status, problem = await put(client, *[b"nonsense\n"] * 30)
    assert status == 400 and len(problem["violations"]) == 20
    assert (await put(client, b""))[0] == (await put(client, b"\n \n"))[0] == 400
    assert (await current(client))["version"] == 1


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"Content_Type": "application/json"}, "", 415),
        ({"Content_Type": "application/x-ndjson; charset=utf-16"}, "", 415),
        ({"Content_Type": "application/jsonl; charset=UTF-8"}, "", 200),
        ({"Idempotency_Key": "a"}, "", 400),
        ({"Inventory_Durability": "durable"}, "", 400),
        ({}, "?dry_run=yes", 400),
        ({}, "?force=true", 400),
        ({"Content_Encoding": "identity"}, "", 200),
        ({"Content_Encoding": "gzip"}, "", 415),
    ],
)
async def test_what_it_takes(client: Client, headers: dict[str, str], query: str, status: int) -> None:
    text = line("axe")
    body = gzip.compress(text) if headers.get("Content_Encoding") == "gzip" else text
    assert (await put(client, body, query=query, **headers))[0] == status


async def test_a_body_that_is_too_long(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"".join(lines(200))
    monkeypatch.setattr(catalog, "CATALOG_BYTES_MAX", len(text) - 1)
    status, problem = await put(client, text)
    assert (status, problem["code"]) == (413, "BODY_TOO_LARGE")
    monkeypatch.setattr(catalog, "CATALOG_BYTES_MAX", len(text))
    assert (await put(client, text))[0] == 200


async def test_a_body_that_does_not_come(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "SILENCE_S", 0.1)
    never = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield line("axe")
        await never.wait()

    async with asyncio.timeout(20):
        try:
            response = await client.put("/v1/catalog", data=body(), headers=NDJSON)
            assert (response.status, (await response.json())["code"]) == (408, "REQUEST_TIMEOUT")
        except ClientError:
            """It closed the connection that it was still sent to."""
    never.set()
    assert (await put(client, line("bow")))[0] == 200, "and the next one has its turn"


async def test_an_upload_that_breaks_off_changes_nothing(client: Client) -> None:
    reader, writer = await asyncio.open_connection(client.host, client.port)
    text = line("axe") + line("bow")
    head = (
        f"PUT /v1/catalog HTTP/1.1\r\nHost: x\r\nAuthorization: {HEADERS['Authorization']}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    writer.write(head.encode() + line("axe"))
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    del reader
    async with asyncio.timeout(20):
        # Its turn ends when the server has noticed.
        while (await put(client, line("cap")))[0] != 200:
            await asyncio.sleep(0.01)
    assert (await current(client))["version"] == 2
    assert (await client.get("/v1/items/axe")).status == 404


async def test_one_upload_at_a_time(client: Client) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield line("axe")
        begun.set()
        await go_on.wait()
        yield line("bow")

    first = asyncio.create_task(client.put("/v1/catalog", data=body(), headers=NDJSON))
    async with asyncio.timeout(20):
        await begun.wait()
        while True:
            status, problem = await put(client, line("cap"), query="?dry_run=true")
            if status == 409:
                break
        assert problem["code"] == "CONFLICT"
        go_on.set()
        assert (await first).status == 200
    assert (await put(client, line("cap")))[0] == 200


async def test_thousands_of_templates(client: Client, orchestrator: InventoryOrchestrator) -> None:
    many = 5_000
    status, done = await put(client, *_blocks(lines(many)))
    assert (status, done["counts"]["added"], len(done["added"])) == (200, many, 100)
    assert (await current(client))["count"] == many
    changed = [*lines(many - 1), line("thing_004999", data={"name": "another"}), line("new")]
    status, done = await put(client, *_blocks(changed))
    assert status == 200 and done["added"] == ["new"] and done["removed"] == []
    assert done["changed"] == [{"template_id": "thing_004999", "facts": {}, "data": True}]
    template = orchestrator.items.template("thing_000000")
    assert template is not None and template.data["name"] == "Thing 0"


def _blocks(texts: Iterable[bytes]) -> Iterable[bytes]:
    """Cut without regard to lines."""
    text = b"".join(texts)
    return (text[at : at + 70_001] for at in range(0, len(text), 70_001))


async def test_versions_page_by_page(client: Client) -> None:
    for name in ("a", "b", "c"):
        await put(client, line(name))
    first = await (await client.get("/v1/catalog/versions?limit=3")).json()
    assert [one["version"] for one in first["versions"]] == [4, 3, 2] and first["cursor"] == "2"
    last = await (await client.get("/v1/catalog/versions?limit=3&cursor=2")).json()
    assert [one["version"] for one in last["versions"]] == [1] and last["cursor"] is None
    newest = first["versions"][0]
    assert (newest["by"], newest["added"], newest["removed"], newest["changed"]) == ("service", 1, 1, 0)
    for query in ("cursor=x", "cursor=0", "limit=0", "before=3"):
        assert (await client.get(f"/v1/catalog/versions?{query}")).status == 400


async def test_no_item_service(client: Client) -> None:
    response = await client.get("/v1/catalog/source")
    assert (response.status, json.loads(await response.read())) == (200, {"source": None})
