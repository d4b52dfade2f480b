"""Every vector, in Python and on each backend of the mirror."""

import pytest
import redis

from engine.engine import InventoryEngine
from engine.ruleset import Ruleset
from lua.library import Library
from tests.parity.twins import Twins
from tests.parity.world import TEMPLATES
from tests.vectors.vector import Vector, judge, read_vectors

VECTORS = read_vectors()
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.where} {vector.name}")


@each_vector
def test_python(vector: Vector, ruleset: Ruleset) -> None:
    vector.check(judge(vector, InventoryEngine(ruleset)), vector.session(ruleset.hash))


def test_fakeredis(fake: redis.Redis, ruleset: Ruleset, library: Library) -> None:
    _run_all(fake, ruleset, library)


def test_servers(each_redis: redis.Redis, ruleset: Ruleset, library: Library) -> None:
    _run_all(each_redis, ruleset, library)


def _run_all(client: redis.Redis, ruleset: Ruleset, library: Library) -> None:
    for vector in VECTORS:
        session = vector.session(ruleset.hash)
        twins = Twins(client, ruleset, session, TEMPLATES, library)
        vector.check(twins.step(vector.batch()), session)
