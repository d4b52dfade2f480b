"""The shipped mappings: two whole catalogs that no one here wrote, and whatever else an entry may be."""

import json
import re
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.shipped import read_ruleset
from persistence.errors import CatalogError
from persistence.items.catalog import Template, parse_entries
from persistence.items.catalog_source import Entry, read_entries
from persistence.mapping.mapping import read_mapping
from tests.catalogs import foreign_catalog

WORDS = ["index", "name", "club", "arrow", "air", "dart", "weapon", "properties", "cp", "gp", "two-handed"]
FIELDS = [
    "index", "name", "weight", "quantity", "stackSize", "properties", "equipment_category", "cost",
    "str_minimum", "maxDurability", "enchantCategories", "gear_category", "unit", "facts", "data",
]  # fmt: skip
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(
    PLAIN | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=12,
)
ENTRIES = st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=10) | JSON, max_size=3)


def shipped(ruleset: str, catalog: str) -> dict[str, Template]:
    """A whole catalog under its ruleset, by template."""
    entries = read_entries([foreign_catalog(catalog)], mapped=True)
    templates = parse_entries(entries, read_ruleset(ruleset), read_mapping(ruleset))
    return {template.facts.template_id: template for template in templates}


def test_all_items_of_minecraft() -> None:
    found = shipped("minecraft-like", "minecraft-items.json")
    assert len(found) == 1487, "all 1,488 but air"
    facts = [template.facts for template in found.values()]
    assert Counter(one.stack_limit for one in facts) == {64: 1207, 1: 231, 16: 49}
    assert Counter(slot for one in facts for slot in one.slots) == {
        "off_hand": 1457, "head": 16, "chest": 8, "legs": 7, "feet": 7,
    }  # fmt: skip
    assert {one.kind for one in facts} == set(read_ruleset("minecraft-like").source.items.kinds)
    assert found["elytra"].facts.slots == ("chest",) and found["shield"].facts.slots == ("off_hand",)
    assert found["diamond_sword"].facts.tags == ("sword", "durable", "diamond")
    assert found["diamond_sword"].data == {
        "name": "Diamond Sword", "durability": 1561, "repair_with": ["diamond"],
    }  # fmt: skip


def test_all_equipment_of_the_reference_document() -> None:
    found = shipped("tabletop", "srd-equipment.json")
    assert len(found) == 236, "all 237 but a night in a stable"
    facts = {name: template.facts for name, template in found.items()}
    assert Counter(one.kind for one in facts.values()) == {
        "gear": 48, "weapon": 37, "tool": 21, "tack": 19, "container": 17, "armor": 12, "focus": 12,
        "vehicle": 11, "consumable": 10, "instrument": 10, "mount": 9, "kit": 7, "pack": 7, "clothing": 6,
        "ammunition": 4, "component": 4, "shield": 1, "jewelry": 1,
    }  # fmt: skip
    two_handed = [name for name, one in facts.items() if one.slots == ("two_hand",)]
    assert len(two_handed) == 12 and "greatsword" in two_handed and "chest" in two_handed
    strength = {name: one.requires.attributes for name, one in facts.items() if one.requires.attributes}
    assert strength == {
        "chain-mail": {"strength": 13}, "splint-armor": {"strength": 15}, "plate-armor": {"strength": 15},
    }  # fmt: skip
    weights = {name: facts[name].weight for name in ("dart", "arrow", "crossbow-bolt", "plate-armor", "mule")}
    assert weights == {"dart": 25, "arrow": 5, "crossbow-bolt": 8, "plate-armor": 6500, "mule": 0}
    assert facts["quarterstaff"].slots == ("hand", "two_hand") and facts["shield"].slots == ("off_hand",)
    assert facts["arrow"].tags == ("ammo",) and facts["arrow"].stack_limit == 20
    granting = {name: one.grants.containers for name, one in facts.items() if one.grants.containers}
    assert granting == {
        "backpack": {"pack": 20}, "basket": {"pack": 6}, "sack": {"pack": 6}, "chest": {"pack": 12},
        "pouch": {"pouch": 4}, "component-pouch": {"components": 6}, "quiver": {"quiver": 1},
        "case-crossbow-bolt": {"quiver": 1}, "case-map-or-scroll": {"scrolls": 10},
    }  # fmt: skip
    prices = {name: found[name].data["price"] for name in ("club", "greatsword", "candle")}
    assert prices == {"club": 10, "greatsword": 5000, "candle": 1}
    assert found["plate-armor"].data["stats"] == {"armor_class": 18}


@pytest.mark.parametrize("name", ["minecraft-like", "tabletop"])
def test_whatever_an_entry_is_it_is_a_template_or_a_problem(name: str) -> None:
    ruleset, mapping = read_ruleset(name), read_mapping(name)

    @given(ENTRIES)
    def check(entries: list[Any]) -> None:
        raws = [Entry(f"entry {n}", json.dumps(one).encode(), foreign=True) for n, one in enumerate(entries)]
        try:
            for template in parse_entries(raws, ruleset, mapping):
                assert ruleset.facts_errors(template.facts) == []
                msgspec.json.encode(template)
        except CatalogError as refused:
            odd = [error for error in refused.errors if not re.match(r"entry \d+: [$\w.\[\]]+: ", error)]
            assert odd == []

    check()
