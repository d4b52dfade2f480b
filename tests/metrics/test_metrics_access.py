"""Who may see the metrics: by default this machine, and nobody through it."""

import pytest
from aiohttp.test_utils import TestClient, make_mocked_request
from pytest_aiohttp.plugin import AiohttpClient

from gateway.telemetry.metrics_endpoint import is_near
from tests.gateway.standin import HEADERS, StandIn, server


async def client_of(aiohttp_client: AiohttpClient, metrics: str) -> TestClient:  # type: ignore[type-arg]
    return await aiohttp_client(server(StandIn(), metrics=metrics))


async def test_this_machine_needs_no_token(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(server(StandIn()))
    reply = await client.get("/metrics")
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert reply.headers["Server"] == "haversack"
    head = await client.head("/metrics")
    assert (head.status, await head.read()) == (200, b"")


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via"]
)
async def test_a_proxy_on_this_machine_speaks_for_others(aiohttp_client: AiohttpClient, name: str) -> None:
    """Or whoever reaches the proxy would be as good as here."""
    client = await client_of(aiohttp_client, "loopback")
    reply = await client.get("/metrics", headers={name: "203.0.113.9", **HEADERS})
    assert (reply.status, (await reply.json())["code"]) == (403, "ACCESS_DENIED")


@pytest.mark.parametrize(
    ("peer", "near"),
    [
        ("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False), ("203.0.113.9", False), ("::ffff:10.0.0.1", False), ("fe80::1", False),
        ("", False),
    ],
)  # fmt: skip
def test_which_peers_are_near(peer: str, near: bool) -> None:
    request = make_mocked_request("GET", "/metrics")
    request = request.clone(remote=peer)
    assert is_near(request) is near


async def test_with_a_token(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, "token")
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        reply = await client.get("/metrics", headers=headers)
        assert (reply.status, (await reply.json())["code"]) == (401, "UNAUTHENTICATED")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await client.get("/metrics", headers=HEADERS)).status == 200
    # A proxy may hand the token on.
    assert (await client.get("/metrics", headers={"Via": "1.1 x", **HEADERS})).status == 200


async def test_open_to_all_and_to_none(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, "open")
    assert (await client.get("/metrics", headers={"Via": "1.1 x"})).status == 200
    client = await client_of(aiohttp_client, "off")
    reply = await client.get("/metrics", headers=HEADERS)
    assert (reply.status, (await reply.json())["code"]) == (404, "NOT_FOUND")


async def test_it_reads_requests_as_strictly_as_all(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, "open")
    assert (await client.get("/metrics?name[]=up")).status == 400
    assert (await client.post("/metrics")).status == 405
