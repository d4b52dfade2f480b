"""Every vector, in Python and on each backend of the mirror."""

from collections import Counter
from functools import cache

import pytest
import redis

from engine.engine import InventoryEngine
from engine.refusals import RefusalCode
from engine.ruleset import Ruleset
from lua.library import Library
from tests.parity.twins import Twins
from tests.vectors.vector import Vector, judge, read_vectors

VECTORS = read_vectors()
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.where} {vector.name}")
# One library for each ruleset: to assemble and to load them takes longer than to run the vectors.
library_of = cache(Library)


@each_vector
def test_python(vector: Vector, ruleset: Ruleset) -> None:
    engine = InventoryEngine(vector.setting.ruleset(ruleset))
    vector.check(judge(vector, engine), vector.session(engine.ruleset.hash))


def test_fakeredis(fake: redis.Redis, ruleset: Ruleset) -> None:
    _run_all(fake, ruleset)


def test_servers(each_redis: redis.Redis, ruleset: Ruleset) -> None:
    _run_all(each_redis, ruleset)


def test_each_code_comes_out_twice() -> None:
    told = Counter(vector.after.split()[0] for vector in VECTORS)
    assert [code for code in RefusalCode if told[code] < 2] == []


def test_names_stand_once_a_file() -> None:
    names = Counter((vector.where.split(":")[0], vector.name) for vector in VECTORS)
    assert [name for name, times in names.items() if times > 1] == []


def _run_all(client: redis.Redis, ruleset: Ruleset) -> None:
    for vector in VECTORS:
        own = vector.setting.ruleset(ruleset)
        session = vector.session(own.hash)
        twins = Twins(client, own, session, vector.setting.templates, library_of(own))
        try:
            outcome = twins.step(vector.batch())
        except AssertionError as error:
            error.add_note(f"{vector.where} {vector.name}")
            raise
        vector.check(outcome, session)
