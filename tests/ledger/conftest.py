"""A store on a fresh database whose ledger also has the weeks of the last two months."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.ruleset import Ruleset
from persistence.postgres.store import InventoryStore
from tests.servers import Servers

WEEKS_BACK = 8


@asynccontextmanager
async def opened(url: str, ruleset: Ruleset) -> AsyncIterator[InventoryStore]:
    store = await InventoryStore.connect(url, ruleset)
    async with store.database.connection() as connection:
        for back in range(WEEKS_BACK + 1):
            await connection.execute("SELECT journal_add_week(now() - $1 * interval '7 days')", back)
    yield store
    await store.close()


@pytest.fixture
async def url(servers: Servers) -> str:
    """Of a fresh database on the embedded PostgreSQL."""
    return await servers.fresh_database()


@pytest.fixture
async def store(url: str, ruleset: Ruleset) -> AsyncIterator[InventoryStore]:
    """On the embedded PostgreSQL."""
    async with opened(url, ruleset) as store:
        yield store


@pytest.fixture
async def each_store(each_servers: Servers, ruleset: Ruleset) -> AsyncIterator[InventoryStore]:
    """On the embedded PostgreSQL, then on Debian's."""
    async with opened(await each_servers.fresh_database(), ruleset) as store:
        yield store
