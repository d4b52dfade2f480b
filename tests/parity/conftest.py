"""Backends of the parity tests: the same library on fakeredis, on Valkey and on Redis."""

from collections.abc import Iterator

import fakeredis
import pytest
import redis

from engine.ruleset import Ruleset
from lua.library import Library
from tests.parity.fake_info import teach_info


@pytest.fixture(scope="session")
def library(ruleset: Ruleset) -> Library:
    return Library(ruleset)


@pytest.fixture
def fake() -> Iterator[redis.Redis]:
    """Quick and approximate: the verdict is that of a real server."""
    teach_info()
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7,), server_type="redis")) as client:
        yield client
