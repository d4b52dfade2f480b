"""The small world's ruleset, and the model of its characters."""

import pytest

from engine.ruleset import Ruleset
from tests.linearizability.model import Model
from tests.linearizability.world import ACTOR, TEMPLATES, small_ruleset


@pytest.fixture(scope="session")
def small() -> Ruleset:
    return small_ruleset()


@pytest.fixture(scope="session")
def model(small: Ruleset) -> Model:
    return Model(small, TEMPLATES, ACTOR)


@pytest.fixture(scope="session")
def seqless(small: Ruleset) -> Model:
    """The same, but it does not look at the seqs of answers."""
    return Model(small, TEMPLATES, ACTOR, shows_seq=False)
