"""What all tests share: the shipped ruleset, and real servers, started once."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from engine.ruleset import Ruleset, load_ruleset
from tests.servers import Servers, drop_passing, prepared

# How long an example takes says more of the machine than of the program.
settings.register_profile("haversack", deadline=None, print_blob=True)
settings.load_profile("haversack")


@pytest.fixture(autouse=True)
def databases_of_its_own() -> Iterator[None]:
    """Those that a test has made go with it: hundreds of them would take gigabytes."""
    yield
    drop_passing()


@pytest.fixture(scope="session")
def ruleset() -> Ruleset:
    return load_ruleset()


@pytest.fixture(scope="session", params=["embedded", "debian"])
def each_servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Each pair in turn: Valkey 9 with PostgreSQL 18, Redis 7.0 with PostgreSQL 15."""
    with prepared(request.param) as servers:
        yield servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The embedded pair, for what need not be shown on every server."""
    with prepared("embedded") as servers:
        yield servers


@pytest.fixture
def each_redis(each_servers: Servers) -> "Iterator[redis.Redis]":
    """A client of an empty Valkey, then of an empty Redis 7.0."""
    with redis.Redis.from_url(each_servers.redis.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that every account can reach, or root's PostgreSQL would keep its files elsewhere."""
    home = Path(tempfile.mkdtemp(prefix="hv-data-"))
    home.chmod(0o755)
    yield home / "data dir"
    shutil.rmtree(home)


@pytest.fixture
async def database_url(servers: Servers) -> AsyncIterator[str]:
    """A fresh database, and no session in Redis that remembers another one."""
    with redis.Redis.from_url(servers.redis.url) as client:
        client.flushall()
    yield await servers.fresh_database()
