"""The assembler: order, circles, stamps."""

import pytest

from engine.ruleset import Ruleset, load_ruleset, parse_ruleset
from lua.contract import ContractError
from lua.library import Library, shipped_sources


def source(name: str, requires: str = "") -> str:
    return f"-- {name}: a part\n-- requires: {requires}\nlocal {name} = {{}}\n"


def test_parts_come_after_what_they_require(ruleset: Ruleset) -> None:
    library = Library(ruleset, {"a": source("a", "b, c"), "b": source("b", "c"), "c": source("c")})
    assert [library.code.index(f"local {name} =") for name in "cba"] == sorted(
        library.code.index(f"local {name} =") for name in "abc"
    )


def test_a_circle_is_named(ruleset: Ruleset) -> None:
    circle = {"a": source("a", "b"), "b": source("b", "c"), "c": source("c", "a")}
    with pytest.raises(ContractError, match="a -> b -> c -> a"):
        Library(ruleset, circle)


def test_a_missing_part_is_named(ruleset: Ruleset) -> None:
    with pytest.raises(ContractError, match=r"a\.lua requires gone"):
        Library(ruleset, {"a": source("a", "gone")})


def test_names_end_in_a_stamp_of_code_and_ruleset(ruleset: Ruleset) -> None:
    library = Library(ruleset)
    assert library.stamp == Library(load_ruleset()).stamp
    assert library.name.endswith(library.stamp)
    assert library.function("session_execute") == f"session_execute_{library.stamp}"
    changed = shipped_sources() | {"bitmap": shipped_sources()["bitmap"] + "\n-- changed\n"}
    assert Library(ruleset, changed).stamp != library.stamp


def test_another_ruleset_is_another_library(ruleset: Ruleset) -> None:
    other = parse_ruleset(
        """
        name = "tiny"
        items.kinds = ["thing"]
        carry.base = 10
        placement.auto = ["pocket"]
        [[slots]]
        name = "hand"
        [[containers]]
        name = "pocket"
        kind = "slots"
        capacity = 2
        """
    )
    assert Library(other).stamp != Library(ruleset).stamp
    assert "'pocket'" in Library(other).code
