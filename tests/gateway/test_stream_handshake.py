"""The handshake of ``GET /v1/stream``: what it agrees on, and what is refused before the upgrade."""

import pytest

from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import TOKEN
from tests.gateway.streaming import JSON, MSGPACK

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": JSON,
}


async def test_the_handshake_names_the_subprotocol_and_the_request(client: Client) -> None:
    socket = await client.ws_connect(
        "/v1/stream", protocols=["soap", MSGPACK, JSON], headers={"X-Request-Id": "the-stream"}, compress=15
    )
    headers = socket._response.headers
    assert socket.protocol == MSGPACK
    assert headers["X-Request-Id"] == "the-stream" and headers["Server"] == "haversack"
    assert "Sec-WebSocket-Extensions" not in headers


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({"Upgrade": None, "Connection": None}, "Upgrade"),
        ({"Upgrade": "h2c"}, "Upgrade"),
        ({"Sec-WebSocket-Protocol": None}, "Sec-WebSocket-Protocol"),
        ({"Sec-WebSocket-Protocol": "haversack.xml, soap"}, "Sec-WebSocket-Protocol"),
        ({"Sec-WebSocket-Version": "12"}, "Sec-WebSocket-Version"),
        ({"Sec-WebSocket-Version": None}, "Sec-WebSocket-Version"),
        ({"Sec-WebSocket-Key": None}, "Sec-WebSocket-Key"),
        ({"Sec-WebSocket-Key": "AAAA"}, "Sec-WebSocket-Key"),
        ({"Sec-WebSocket-Key": "é" * 24}, "Sec-WebSocket-Key"),
        ({"Idempotency-Key": "k"}, "Idempotency-Key"),
        ({"If-Match": "1.7"}, "If-Match"),
        ({"Inventory-Durability": "durable"}, "Inventory-Durability"),
    ],
)
async def test_what_is_no_handshake_is_refused_before_the_upgrade(
    client: Client, headers: dict[str, str | None], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = {name: value for name, value in (HANDSHAKE | headers).items() if value is not None}
    response = await client.get("/v1/stream", headers=wanted)
    assert (await problem(response, 400, "INVALID_REQUEST"))["params"] == {"path": path}
    assert not caplog.records
    if path == "Sec-WebSocket-Version":
        assert response.headers["Sec-WebSocket-Version"] == "13"


async def test_head_opens_nothing(client: Client) -> None:
    response = await client.head("/v1/stream", headers=HANDSHAKE)
    assert response.status == 400 and "Sec-WebSocket-Accept" not in response.headers


async def test_a_query_is_refused(client: Client) -> None:
    response = await client.get("/v1/stream?dry_run=true", headers=HANDSHAKE)
    await problem(response, 400, "INVALID_REQUEST")


async def test_it_needs_the_token(stranger: Client) -> None:
    for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}):
        response = await stranger.get("/v1/stream", headers=HANDSHAKE | headers)
        await problem(response, 401, "UNAUTHENTICATED")
