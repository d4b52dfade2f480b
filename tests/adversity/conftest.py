"""Servers that may be hurt: one PostgreSQL for the folder, mended after each test; a new Valkey a test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from engine.ruleset import Ruleset
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
