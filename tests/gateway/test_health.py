"""Alive, and ready."""

import asyncio

import pytest

from gateway.handlers import health
from tests.gateway.conftest import Client
from tests.gateway.expect import problem
from tests.gateway.standin import StandIn

REASON = "connection to 10.0.0.7:5432 as haversack refused"


async def test_alive(client: Client, standin: StandIn) -> None:
    standin.checks = RuntimeError()
    response = await client.get("/healthz")
    assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_ready(client: Client) -> None:
    response = await client.get("/readyz")
    assert response.status == 200
    assert await response.json() == {"status": "ok", "checks": {"redis": "ok", "postgresql": "ok"}}


async def test_the_reason_is_for_those_who_may(client: Client, stranger: Client, standin: StandIn) -> None:
    standin.checks = {"redis": "ok", "postgresql": REASON}
    response = await client.get("/readyz")
    assert (await problem(response, 503, "UNAVAILABLE"))["params"] == standin.checks
    assert "Retry-After" in response.headers
    document = await problem(await stranger.get("/readyz"), 503, "UNAVAILABLE")
    assert document["params"] == {"redis": "ok", "postgresql": "failed"}


async def test_a_check_that_breaks(client: Client, standin: StandIn) -> None:
    standin.checks = RuntimeError(REASON)
    document = await problem(await client.get("/readyz"), 503, "UNAVAILABLE")
    assert REASON not in str(document)


async def test_a_check_that_hangs(client: Client, standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    async def readiness() -> dict[str, str]:
        await asyncio.sleep(60)
        return {}

    monkeypatch.setattr(standin, "readiness", readiness)
    monkeypatch.setattr(health, "READINESS_TIMEOUT_S", 0.05)
    await problem(await client.get("/readyz"), 503, "UNAVAILABLE")
