"""Without any one of its guards the program fails a test, and it is named which.

`make guards` removes each of them, one after the other; `make test` every other one.
"""

import os
from pathlib import Path

import pytest

from tests.guards.removal import copy, misses
from tests.guards.table import GUARDS, Guard
from tests.servers import Servers

CHOSEN = GUARDS if os.environ.get("HAVERSACK_EVERY_GUARD") == "1" else GUARDS[::2]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(tmp_path_factory.mktemp("without-a-guard"))


@pytest.mark.parametrize("guard", CHOSEN, ids=lambda guard: guard.name.replace(" ", "-"))
def test_it_is_missed(tree: Path, servers: Servers, guard: Guard) -> None:
    assert misses(tree, guard, servers) is None


def test_the_tests_pass_with_all_guards(tree: Path, servers: Servers) -> None:
    """Or a test that always fails would be taken for one that holds its guard."""
    left_as_it_is = Guard(
        "none", "pyproject.toml", "strict = true", "strict = true", f"{GUARDS[-1].test}[embedded]"
    )
    assert "ended with 0" in (misses(tree, left_as_it_is, servers) or "")
