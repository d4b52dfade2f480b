"""The log of requests: a line each where it is wanted, none where it is not."""

import logging
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from tests.gateway.standin import ABSENT_ID, BASE, CHAR_ID, HEADERS, SWORD_ID, StandIn, server
from tests.gateway.tokens import SECRET, bearer, player

Client = TestClient[Any, Any]
MOVE = {"item_id": SWORD_ID, "to": {"container": "bag"}}


async def lines_of(
    client: Client, caplog: pytest.LogCaptureFixture, standin: StandIn
) -> list[logging.LogRecord]:
    with caplog.at_level(logging.INFO):
        await client.post(f"{BASE}/inventory/move", json=MOVE, headers={"X-Request-Id": "r-7"})
        standin.answer = RuntimeError("ours")
        await client.post(f"{BASE}/inventory/move", json=MOVE)
        await client.get("/healthz?x=1")
        await client.get("/%0Anowhere")
    return [record for record in caplog.records if record.name == "haversack.requests"]


async def test_a_line_for_each(aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture) -> None:
    standin = StandIn()
    client = await aiohttp_client(server(standin, access_log="on"), headers=HEADERS)
    records = await lines_of(client, caplog, standin)
    told = [
        [getattr(record, name) for name in ("operation", "method", "status", "code", "by", "request_id")]
        for record in records
    ]
    assert told == [
        ["move", "POST", 200, "OK", "service", "r-7"],
        ["move", "POST", 500, "INTERNAL", "service", ""],
        ["alive", "GET", 400, "INVALID_REQUEST", "", ""],
        ["none", "GET", 404, "NOT_FOUND", "", ""],
    ]
    first: Any = records[0]
    assert first.remote == "127.0.0.1" and 0 < first.ms < 60_000
    assert first.path == f"{BASE}/inventory/move"
    assert first.getMessage().startswith(f"POST {BASE}/inventory/move: 200 OK in ")
    assert "x=1" not in records[2].getMessage()


async def test_who_was_turned_away_is_named(
    aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    app = server(StandIn(), access_log="on", metrics="token", player_key=SECRET)
    client = await aiohttp_client(app, headers=bearer(player()))
    with caplog.at_level(logging.INFO, "haversack.requests"):
        await client.get(f"/v1/characters/{ABSENT_ID}/inventory")
        await client.post(f"{BASE}/inventory/grant", json={})
        await client.get("/metrics")
        await client.get("/metrics", headers=HEADERS)
        await client.get("/metrics", headers=bearer("wrong"))
    records: list[Any] = [record for record in caplog.records if record.name == "haversack.requests"]
    assert [(record.status, record.by) for record in records] == [
        (403, f"player:{CHAR_ID}"),
        (403, f"player:{CHAR_ID}"),
        (403, f"player:{CHAR_ID}"),
        (200, "service"),
        (401, ""),
    ]


async def test_none_by_default(aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture) -> None:
    standin = StandIn()
    client = await aiohttp_client(server(standin), headers=HEADERS)
    assert await lines_of(client, caplog, standin) == []


async def test_a_fault_of_ours_can_be_found_by_its_id(
    aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The id that the caller was told is a field of the event, beside the traceback."""
    standin = StandIn()
    standin.answer = RuntimeError("ours")
    client = await aiohttp_client(server(standin), headers=HEADERS)
    reply = await client.post(f"{BASE}/inventory/move", json=MOVE)
    told = (await reply.json())["params"]["request_id"]
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert getattr(record, "request_id") == told and record.exc_info is not None  # noqa: B009
