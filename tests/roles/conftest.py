"""Fixtures of the names that tests of the service ask for, but with the least rights."""

from collections.abc import AsyncIterator

import pytest
import redis

from engine.ruleset import Ruleset
from tests.roles.rights import Restricted, denials, restricted, restricted_site
from tests.servers import Servers
from tests.service.conftest import Site


@pytest.fixture
async def site(servers: Servers, ruleset: Ruleset) -> AsyncIterator[Site]:
    """On the embedded servers."""
    with redis.Redis.from_url(servers.redis.url) as client:
        yield await restricted_site(servers, ruleset, client)
        assert denials(client) == []


@pytest.fixture
async def each_site(each_servers: Servers, ruleset: Ruleset) -> AsyncIterator[Site]:
    """On each pair of servers in turn."""
    with redis.Redis.from_url(each_servers.redis.url) as client:
        yield await restricted_site(each_servers, ruleset, client)
        assert denials(client) == []


@pytest.fixture
async def rights(servers: Servers) -> AsyncIterator[Restricted]:
    """Roles and users, on the embedded servers, and a schema."""
    with redis.Redis.from_url(servers.redis.url) as client:
        yield await restricted(servers, client)


@pytest.fixture
async def each_rights(each_servers: Servers) -> AsyncIterator[Restricted]:
    """The same on each pair of servers in turn."""
    with redis.Redis.from_url(each_servers.redis.url) as client:
        yield await restricted(each_servers, client)
