"""Servers that may be hurt: one PostgreSQL for the folder, mended after each test; a new Valkey a test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
import redis

from engine.ruleset import Ruleset
from persistence.embedded import ValkeyServer
from persistence.link.redis_link import RedisLink
from tests.adversity.fault_proxy import FaultProxy
from tests.adversity.site import Site, valkey
from tests.servers import Servers, running

CHARACTERS = 24


@pytest.fixture(scope="session")
def hurt_servers() -> Iterator[Servers]:
    """A pair of their own, for other tests must not find theirs stopped."""
    with running("embedded") as servers:
        asyncio.run(servers.make_template())
        yield servers


@pytest.fixture
async def site(hurt_servers: Servers, ruleset: Ruleset) -> AsyncIterator[Site]:
    """A deployment with a few characters, the first of them ``HERO``."""
    if not hurt_servers.postgres.alive():
        # A test before this one failed where it would have started it again.
        hurt_servers.postgres.stop()
        hurt_servers.postgres.start()
    database = urlsplit(await hurt_servers.fresh_database()).path[1:]
    with valkey() as server:
        site = Site(server, hurt_servers, database, ruleset)
        try:
            await site.populate(CHARACTERS)
            yield site
        finally:
            site.close()


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """A Valkey alone, for tests of a link."""
    with valkey(appendonly="no") as server:
        yield server


@pytest.fixture
def client(server: ValkeyServer) -> Iterator[redis.Redis]:
    """A connection to it past the proxy, and nothing in it."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def proxy(server: ValkeyServer) -> Iterator[FaultProxy]:
    """What stands before it."""
    proxy = FaultProxy(server.url)
    yield proxy
    proxy.close()


@pytest.fixture
async def link(proxy: FaultProxy) -> AsyncIterator[RedisLink]:
    """A link by way of the proxy."""
    link = RedisLink(proxy.redis_url())
    yield link
    await link.close()


@pytest.fixture
async def hasty(proxy: FaultProxy) -> AsyncIterator[RedisLink]:
    """One for which half a second is too long."""
    link = RedisLink(proxy.redis_url(), timeout_s=0.5)
    yield link
    await link.close()
