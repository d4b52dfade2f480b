"""A deployment on the embedded servers, with the small world's catalog; and a bare store."""

from collections.abc import AsyncIterator

import pytest
import redis

from engine.ruleset import Ruleset
from persistence.postgres.store import InventoryStore
from tests.servers import Servers
from tests.service.conftest import Site, new_site


@pytest.fixture
async def store(database_url: str, ruleset: Ruleset) -> AsyncIterator[InventoryStore]:
    """Of an empty database."""
    store = await InventoryStore.connect(database_url, ruleset)
    yield store
    await store.close()


@pytest.fixture
async def site(servers: Servers, ruleset: Ruleset) -> AsyncIterator[Site]:
    """As the service's tests have it."""
    with redis.Redis.from_url(servers.redis.url) as client:
        yield await new_site(servers, ruleset, client)
