"""Fixtures: a stand-in for the orchestrator, and a client of a gateway before it."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from tests.gateway.standin import HEADERS, StandIn, server

Client = TestClient[Any, Any]


@pytest.fixture
def standin() -> StandIn:
    """Tell it what to answer, ask it what it was asked."""
    return StandIn()


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, standin: StandIn) -> Client:
    """A client that carries the token."""
    return await aiohttp_client(server(standin), headers=HEADERS)


@pytest.fixture
async def stranger(aiohttp_client: AiohttpClient, standin: StandIn) -> Client:
    """A client without the token."""
    return await aiohttp_client(server(standin))
