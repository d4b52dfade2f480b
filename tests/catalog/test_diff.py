"""What is told of a change, and which changes may not fit what characters have."""

from typing import Any

import pytest

from engine.ruleset import Ruleset, parse_ruleset
from persistence.items.catalog_diff import facts_changed, tightened
from tests.catalog.given import template

# What a sabre was, what it is, and the facts that are tighter then.
CASES: list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ({}, {}, ()),
    ({"stack_limit": 5}, {"stack_limit": 4}, ("stack_limit",)),
    ({"stack_limit": 5}, {"stack_limit": 6}, ()),
    ({"slots": ("main_hand", "off_hand")}, {"slots": ("off_hand",)}, ("slots",)),
    ({"slots": ("main_hand",)}, {"slots": ("hand",)}, ()),
    ({"slots": ("hand",)}, {"slots": ("main_hand",)}, ("slots",)),
    ({"slots": ("off_hand", "main_hand")}, {"slots": ("main_hand", "off_hand")}, ()),
    ({"weight": 5}, {"weight": 6}, ("weight",)),
    ({"weight": 5}, {"weight": 0}, ()),
    ({"requires": {"level": 5}}, {"requires": {"level": 6}}, ("requires",)),
    ({"requires": {"level": 5}}, {"requires": {"level": 4}}, ()),
    ({}, {"requires": {"classes": ("warrior",)}}, ("requires",)),
    ({"requires": {"classes": ("warrior",)}}, {"requires": {"classes": ("warrior", "mage")}}, ()),
    ({"requires": {"classes": ("warrior", "mage")}}, {"requires": {"classes": ("mage",)}}, ("requires",)),
    ({"requires": {"classes": ("warrior",)}}, {}, ()),
    ({}, {"requires": {"attributes": {"strength": 0}}}, ("requires",)),
    (
        {"requires": {"attributes": {"strength": 5}}},
        {"requires": {"attributes": {"strength": 6}}},
        ("requires",),
    ),
    ({"requires": {"attributes": {"strength": 5}}}, {"requires": {"attributes": {"strength": 5}}}, ()),
    ({}, {"max_carried": 1}, ("max_carried",)),
    ({"max_carried": 2}, {"max_carried": 1}, ("max_carried",)),
    ({"max_carried": 2}, {}, ()),
    ({}, {"unique_equipped": True}, ("unique_equipped",)),
    ({"unique_equipped": True}, {}, ()),
    ({}, {"limit_group": "relic"}, ("limit_group",)),
    ({"limit_group": "relic"}, {"limit_group": "soulstone"}, ("limit_group",)),
    ({"limit_group": "relic"}, {}, ()),
    ({"grants": {"containers": {"bag": 2}}}, {"grants": {"containers": {"bag": 1}}}, ("grants",)),
    ({"grants": {"containers": {"bag": 2}}}, {"grants": {"containers": {"bag": 2, "quick": 1}}}, ()),
    ({"grants": {"containers": {"bag": 2}}}, {"grants": {"containers": {"quick": 2}}}, ("grants",)),
    ({"grants": {"carry_weight": 2}}, {"grants": {"carry_weight": 1}}, ("grants",)),
    ({"kind": "currency"}, {"kind": "weapon"}, ("kind",)),
    ({"kind": "weapon"}, {"kind": "armor"}, ()),
    ({"tradeable": True}, {"tradeable": False}, ()),
    ({}, {"retired": True, "destroyable": False, "sort_rank": 4, "use": "keep", "bind": "pickup"}, ()),
]


@pytest.mark.parametrize(("old", "new", "tighter"), CASES, ids=str)
def test_what_is_tighter(
    ruleset: Ruleset, old: dict[str, Any], new: dict[str, Any], tighter: tuple[str, ...]
) -> None:
    before, after = template("sabre", **old).facts, template("sabre", **new).facts
    assert ruleset.facts_errors(before) == [] == ruleset.facts_errors(after)
    assert tightened(before, after, ruleset) == tighter


def test_what_may_not_lie_in_a_shared_container_any_more() -> None:
    shared = parse_ruleset(
        """
        name = "shared"
        [items]
        kinds = ["weapon"]
        [carry]
        base = 10
        [placement]
        auto = ["bag"]
        [[slots]]
        name = "hand"
        [[containers]]
        name = "bag"
        kind = "slots"
        capacity = 2
        [[containers]]
        name = "chest"
        kind = "slots"
        capacity = 2
        shared = true
        """
    )
    before, after = template("a").facts, template("a", tradeable=False).facts
    assert tightened(before, after, shared) == ("tradeable",)
    assert tightened(after, before, shared) == ()


def test_words_of_an_earlier_ruleset_harm_nothing(ruleset: Ruleset) -> None:
    old = template("sabre", slots=("tail",), limit_group="unheard_of", kind="spaceship").facts
    assert tightened(old, template("sabre").facts, ruleset) == ()


def test_facts_are_told_as_they_were_and_as_they_are() -> None:
    old = template("a", stack_limit=5, requires={"level": 2}).facts
    new = template("a", stack_limit=4, requires={"level": 2, "classes": ("mage",)}).facts
    assert facts_changed(old, new) == {
        "stack_limit": (5, 4),
        "requires": ({"level": 2}, {"level": 2, "classes": ("mage",)}),
    }
    assert facts_changed(old, old) == {}
