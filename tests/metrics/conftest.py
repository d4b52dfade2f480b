"""A deployment on each pair of servers, with the small world's catalog."""

from collections.abc import AsyncIterator

import pytest
import redis

from engine.ruleset import Ruleset
from tests.servers import Servers
from tests.service.conftest import Site, new_site


@pytest.fixture
async def each_site(each_servers: Servers, ruleset: Ruleset) -> AsyncIterator[Site]:
    """As the service's tests have it."""
    with redis.Redis.from_url(each_servers.redis.url) as client:
        yield await new_site(each_servers, ruleset, client)
