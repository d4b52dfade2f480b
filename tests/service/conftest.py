"""A service on real servers: a fresh database, an empty Redis, the small world's catalog."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import pytest
import redis

from engine.ruleset import Ruleset
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres.store import InventoryStore
from persistence.service import ServiceSettings, open_service
from tests.invariants import violations
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES
from tests.servers import Servers
from tests.service.node import Node


@dataclass
class Site:
    """One deployment: where its servers are, and gateways opened on them."""

    settings: ServiceSettings
    ruleset: Ruleset
    client: redis.Redis = field(repr=False)

    def gateway(self, *, flushing: bool = True) -> AbstractAsyncContextManager[InventoryOrchestrator]:
        """One more process's worth of service."""
        return open_service(self.settings, self.ruleset, flushing=flushing)

    async def audit(self) -> None:
        """Every invariant holds."""
        assert await violations(self.settings.redis_url, self.settings.database_url, self.ruleset) == []


async def new_site(servers: Servers, ruleset: Ruleset, client: redis.Redis) -> Site:
    client.flushall()
    settings = ServiceSettings(servers.redis.url, await servers.fresh_database(), flush_interval_ms=20)
    store = await InventoryStore.connect(settings.database_url, ruleset, pool_size=1)
    await import_catalog(store, [Template(facts, {}) for facts in TEMPLATES.values()])
    await store.create_character(CHAR_ID, "Tess", ACTOR)
    await store.close()
    return Site(settings, ruleset, client)


@pytest.fixture
async def site(servers: Servers, ruleset: Ruleset) -> AsyncIterator[Site]:
    """On the embedded servers."""
    with redis.Redis.from_url(servers.redis.url) as client:
        yield await new_site(servers, ruleset, client)


@pytest.fixture
async def each_site(each_servers: Servers, ruleset: Ruleset) -> AsyncIterator[Site]:
    """On each pair of servers in turn."""
    with redis.Redis.from_url(each_servers.redis.url) as client:
        yield await new_site(each_servers, ruleset, client)


@pytest.fixture
def node(each_redis: redis.Redis, ruleset: Ruleset) -> Node:
    """An empty Valkey with the functions, then an empty Redis 7.0."""
    return Node(each_redis, ruleset)
