"""Every answer is counted once: by its operation, its code and its time."""

import asyncio
import json
from typing import Any, cast

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from engine.commands import SortRequest
from engine.refusals import Refusal, RefusalCode
from gateway.http.addressed import Job
from gateway.http.problems import Problem
from gateway.stream.carrier import Carrier
from gateway.stream.lanes import Lanes
from gateway.telemetry.measures import BATCHED
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.metrics_board import Board
from persistence.errors import Backpressure, Unavailable
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call, TagMismatch
from tests.gateway.standin import ABSENT_ID, BASE, CHAR_ID, HEADERS, SWORD_ID, StandIn, server
from tests.metrics.scraped import Scraped, scrape

Client = TestClient[Any, Any]
MOVE = {"item_id": SWORD_ID, "to": {"container": "bag"}}
COMMAND = {"op": "move", **MOVE}


@pytest.fixture
def standin() -> StandIn:
    return StandIn()


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, standin: StandIn) -> Client:
    return await aiohttp_client(server(standin), headers=HEADERS)


def requests(scraped: Scraped) -> dict[tuple[str, str], float]:
    """By operation and code, without those that are there from the start, and the scrapes themselves."""
    return {
        (labels["operation"], labels["code"]): count
        for labels, count in scraped.series("haversack_requests_total")
        if count and labels["operation"] != "read_metrics"
    }


async def test_by_operation_and_code(client: Client, standin: StandIn) -> None:
    async def move(answer: Any, **headers: str) -> None:
        standin.answer = answer
        await client.post(f"{BASE}/inventory/move", json=MOVE, headers=headers)

    ok = standin.answer
    await move(ok)
    await move(ok, **{"X-Request-Id": "r-1"})
    await move(Refusal(RefusalCode.CONTAINER_FULL, {}))
    await move(TagMismatch("1.9"), **{"If-Match": '"1.8"'})
    await move(Unavailable("away"))
    await move(Backpressure("later"))
    await move(RuntimeError("ours"))
    await move(ok, **{"Authorization": "Bearer wrong"})
    await client.post(f"{BASE}/inventory/move", json={"item_id": 1})
    tag = (await client.get(f"{BASE}/inventory")).headers["ETag"]
    await client.get(f"{BASE}/inventory", headers={"If-None-Match": tag})
    await client.head(f"{BASE}/inventory")
    await client.get(f"{BASE}/inventory/bag")
    await client.get(f"/v1/characters/{ABSENT_ID}")
    await client.get("/v1/nowhere")
    await client.put("/healthz")
    scraped = await scrape(client)
    assert requests(scraped) == {
        ("move", "OK"): 2,
        ("move", "CONTAINER_FULL"): 1,
        ("move", "TAG_MISMATCH"): 1,
        ("move", "UNAVAILABLE"): 1,
        ("move", "BACKPRESSURE"): 1,
        ("move", "INTERNAL"): 1,
        ("move", "UNAUTHENTICATED"): 1,
        ("move", "INVALID_REQUEST"): 1,
        ("read_inventory", "OK"): 2,
        ("read_inventory", "NOT_MODIFIED"): 1,
        ("read_bag", "OK"): 1,
        ("read_character", "CHARACTER_NOT_FOUND"): 1,
        ("none", "NOT_FOUND"): 1,
        ("none", "METHOD_NOT_ALLOWED"): 1,
    }
    assert scraped.of("haversack_request_seconds_count", operation="move") == 9
    assert scraped.of("haversack_request_seconds_bucket", operation="move", le="+Inf") == 9
    assert 0 < scraped.of("haversack_request_seconds_sum", operation="move") < 60
    assert scraped.of("haversack_answers_total", code="OK") == 5
    assert scraped.of("haversack_answers_total", code="INTERNAL") == 1
    assert scraped.of("haversack_answers_total", code="OUTCOME_UNKNOWN") == 0
    assert ("haversack_answers_total", frozenset({("code", "OUTCOME_UNKNOWN")})) in scraped.values


async def test_times_fall_where_they_belong(client: Client, standin: StandIn) -> None:
    """One request is held for longer than a bucket is wide."""
    gate = asyncio.Event()
    execute = standin.execute

    async def held(*arguments: Any) -> Any:
        await gate.wait()
        return await execute(*arguments)

    standin.execute = held  # type: ignore[method-assign]
    asking = asyncio.ensure_future(client.post(f"{BASE}/inventory/move", json=MOVE))
    await asyncio.sleep(0.06)
    gate.set()
    await asking
    scraped = await scrape(client)
    assert scraped.of("haversack_request_seconds_bucket", operation="move", le="0.05") == 0
    assert scraped.of("haversack_request_seconds_count", operation="move") == 1
    assert scraped.of("haversack_request_seconds_sum", operation="move") >= 0.06


async def test_requests_in_bulk_are_counted_one_by_one(client: Client, standin: StandIn) -> None:
    one = {"char_id": CHAR_ID, "commands": [COMMAND]}
    several = {"char_id": ABSENT_ID, "commands": [COMMAND, {"op": "sort", "container": "bag"}]}
    reply = await client.post("/v1/execute", json={"requests": [one, one, several]})
    assert reply.status == 200
    standin.answer = Refusal(RefusalCode.TOO_HEAVY, {})
    await client.post("/v1/execute", json={"requests": [one]})
    scraped = await scrape(client)
    assert requests(scraped) == {("execute_many", "OK"): 2}
    batched = {
        (labels["via"], labels["command"], labels["code"]): count
        for labels, count in scraped.series("haversack_batched_requests_total")
        if count
    }
    assert batched == {
        ("bulk", "move", "OK"): 2,
        ("bulk", "several", "OK"): 1,
        ("bulk", "move", "TOO_HEAVY"): 1,
    }
    assert scraped.of("haversack_batched_request_seconds_count", via="bulk") == 4
    assert scraped.of("haversack_answers_total", code="OK") == 5
    assert scraped.of("haversack_answers_total", code="TOO_HEAVY") == 1


async def test_what_is_refused_before_it_begins_counts_too(standin: StandIn) -> None:
    metrics = Metrics(Board(standin.ruleset))
    job = Job(CHAR_ID, (SortRequest("bag"),), Call(by="x"), 0)
    answers: list[bytes] = []
    carrier = Carrier(cast(InventoryOrchestrator, standin))
    lanes = Lanes(carrier, lambda _, answer: answers.append(answer), metrics.of_batched("bulk"))
    lanes.refuse(job, Problem("ACCESS_DENIED"))
    assert json.loads(answers[0])["code"] == "ACCESS_DENIED"
    assert metrics.meters.get(BATCHED, "bulk", "sort", "ACCESS_DENIED") == 1


async def test_streams_and_what_comes_over_them(client: Client, standin: StandIn) -> None:
    async with client.ws_connect("/v1/stream", protocols=["haversack.json"]) as stream:
        for number, answer in enumerate((standin.answer, Refusal(RefusalCode.FROZEN, {}))):
            standin.answer = answer
            await stream.send_str(json.dumps({"id": number, "char_id": CHAR_ID, "commands": [COMMAND]}))
            await stream.receive_str()
        await stream.send_str(json.dumps({"id": 9, "char_id": "no uuid", "commands": [COMMAND]}))
        await stream.receive_str()
        scraped = await scrape(client)
        assert scraped.of("haversack_streams", kind="commands", worker="1") == 1
        assert scraped.of("haversack_connections", worker="1") in (0, 2)
        assert requests(scraped) == {}
    scraped = await scrape(client)
    for code in ("OK", "FROZEN"):
        labels = {"via": "stream", "command": "move", "code": code}
        assert scraped.of("haversack_batched_requests_total", **labels) == 1
    assert scraped.of("haversack_batched_request_seconds_count", via="stream") == 2


async def test_a_stream_counts_when_it_ends_and_is_no_latency(client: Client) -> None:
    async with client.ws_connect("/v1/stream", protocols=["haversack.json"]):
        pass
    async with asyncio.timeout(10):
        while requests(scraped := await scrape(client)) != {("stream", "OK"): 1}:
            await asyncio.sleep(0.01)
    assert not list(scraped.series("haversack_request_seconds_count", operation="stream"))
    await client.get("/v1/stream")
    assert requests(await scrape(client))["stream", "INVALID_REQUEST"] == 1


async def test_who_hangs_up_is_counted_as_gone(aiohttp_client: AiohttpClient, standin: StandIn) -> None:
    """What it asked for was done, and nobody was there to be told."""
    client = await aiohttp_client(server(standin), headers=HEADERS)
    body = json.dumps(MOVE).encode()
    assert client.port is not None
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    head = f"POST {BASE}/inventory/move HTTP/1.1\r\nHost: x\r\nAuthorization: {HEADERS['Authorization']}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    writer.write(body[:5])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(10):
        while not sum(requests(scraped := await scrape(client)).values()):
            await asyncio.sleep(0.01)
    assert requests(scraped) in ({("move", "ABANDONED"): 1}, {("move", "INVALID_REQUEST"): 1})


async def test_readings_that_cost_nothing(client: Client) -> None:
    for _ in range(3):
        assert (await client.get(f"{BASE}/inventory")).status == 200
    scraped = await scrape(client)
    assert scraped.of("haversack_shown_inventories_total", result="miss") == 1
    assert scraped.of("haversack_shown_inventories_total", result="hit") == 2
