"""What is told of a service on real servers: loads, flushes, sessions, what waits, who is set aside."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from engine.ruleset import Ruleset
from gateway.app import init_app
from gateway.configuration.settings import Settings
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.metrics_board import Board
from gateway.telemetry.watch import Watch
from persistence.service import open_service
from tests.gateway.standin import HEADERS, TOKEN, GatewayTestServer
from tests.metrics.scraped import Scraped, scrape
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site

Client = TestClient[Any, Any]
INVENTORY = f"/v1/characters/{CHAR_ID}/inventory"
COIN = {"template_id": "gold", "quantity": 1}


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, each_site: Site, ruleset: Ruleset) -> AsyncIterator[Client]:
    """Of a whole service in this process."""
    metrics = Metrics(Board(ruleset))
    async with open_service(each_site.settings, ruleset, meters=metrics.meters) as orchestrator:
        app = init_app(Settings(token=TOKEN), orchestrator, Watch(metrics))
        yield await aiohttp_client(GatewayTestServer(app), headers=HEADERS)


async def until(client: Client, holds: Callable[[Scraped], bool]) -> Scraped:
    async with asyncio.timeout(20):
        while not holds(scraped := await scrape(client)):
            await asyncio.sleep(0.05)
    return scraped


async def test_a_life_of_a_session(client: Client, each_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.telemetry.metrics_endpoint.SURVEY_EVERY_S", 0.0)
    before = await scrape(client)
    assert before.of("haversack_redis_up") == before.of("haversack_postgresql_up") == 1
    assert before.of("haversack_sessions") == before.of("haversack_quarantined_characters") == 0
    assert before.of("haversack_catalog_version", worker="1") == 1
    assert before.of("haversack_redis_memory_bytes") > 1 << 19
    for _ in range(3):
        reply = await client.post(f"{INVENTORY}/grant", json=COIN)
        assert reply.status == 200, await reply.text()
    scraped = await until(client, lambda now: now.of("haversack_flush_entries_total") == 3)
    assert scraped.of("haversack_sessions") == 1
    assert scraped.of("haversack_loads_total", result="loaded") == 1
    assert scraped.of("haversack_load_seconds_count") == 1
    assert 1 <= scraped.of("haversack_flush_batches_total", outcome="written") <= 3
    assert scraped.of("haversack_flush_seconds_count") == scraped.of("haversack_flush_lag_seconds_count")
    assert 0 < scraped.of("haversack_flush_lag_seconds_sum") < 60
    for link in ("calls", "background"):
        assert scraped.of("haversack_redis_connections_total", link=link) == 1
        assert scraped.of("haversack_redis_seconds_count", link=link) > 2
    assert scraped.of("haversack_postgresql_connections_max", worker="1") == 8
    assert scraped.total("haversack_postgresql_connections") >= 1
    await until(client, lambda now: now.of("haversack_unflushed_sessions") == 0)
    assert (await client.delete(f"/v1/characters/{CHAR_ID}/session")).status == 200
    scraped = await scrape(client)
    assert scraped.of("haversack_evictions_total", result="ended") == 1
    assert scraped.of("haversack_sessions") == 0
    assert (await client.get("/v1/characters/7c9e6679-7425-40de-944b-e07fc1f90ae7/inventory")).status == 404
    assert (await scrape(client)).of("haversack_loads_total", result="refused") == 1


async def test_what_waits_grows_old_and_who_is_refused_is_set_aside(
    client: Client, each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.telemetry.metrics_endpoint.SURVEY_EVERY_S", 0.0)
    assert (await client.post(f"{INVENTORY}/grant", json=COIN)).status == 200
    await until(client, lambda now: now.of("haversack_flush_entries_total") == 1)
    database = await asyncpg.connect(each_site.settings.database_url)
    try:
        async with database.transaction():
            # As somebody's long transaction does.
            await database.execute("SELECT 1 FROM characters WHERE char_id = $1 FOR UPDATE", CHAR_ID)
            assert (await client.post(f"{INVENTORY}/grant", json=COIN)).status == 200
            scraped = await until(client, lambda now: now.of("haversack_oldest_unflushed_seconds") > 0.3)
            assert scraped.of("haversack_unflushed_sessions") == 1
        scraped = await until(client, lambda now: now.of("haversack_flush_entries_total") == 2)
        scraped = await until(client, lambda now: now.of("haversack_unflushed_sessions") == 0)
        assert scraped.of("haversack_oldest_unflushed_seconds") == 0
        await database.execute("ALTER TABLE items ADD CONSTRAINT by_hand CHECK (quantity < 1) NOT VALID")
        assert (await client.post(f"{INVENTORY}/grant", json=COIN)).status == 200
        scraped = await until(client, lambda now: now.of("haversack_quarantined_characters") == 1)
        assert scraped.of("haversack_quarantines_total") == 1
        assert scraped.of("haversack_flush_batches_total", outcome="refused") >= 1
        # Nobody waits for it to be flushed, so it is none of what waits.
        assert scraped.of("haversack_unflushed_sessions") == 0
    finally:
        await database.close()


async def test_scrapes_that_come_soon_share_a_survey(client: Client, each_site: Site) -> None:
    await scrape(client)
    with each_site.client as redis:
        before = redis.info("commandstats")["cmdstat_zcard"]["calls"]
        await scrape(client)
        await scrape(client)
        assert redis.info("commandstats")["cmdstat_zcard"]["calls"] == before
