"""Mappings that cannot be used, and conditions: strict, and told with their place."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.facts import Facts
from persistence.errors import CatalogError
from persistence.mapping.condition import read_condition
from persistence.mapping.mapping import read_mapping, shipped_mappings
from tests.store.mapper import LEAST, Mapper


@pytest.mark.parametrize(
    ("condition", "holds", "does_not"),
    [
        ('"a"', ["a"], ["b", None, ["a"], 1]),
        ("7", [7, Decimal("7.0")], [8, True, "7", None]),
        ("1", [1], [True]),
        ("true", [True], [1, False, "true", None]),
        ("1.5", [Decimal("1.50")], [1, None]),
        ('["a", 7]', ["a", 7], ["b", None, ["a", 7]]),
        ('{ glob = "*_sw?rd" }', ["a_sword"], ["sword", "A_SWORD ", 7, ["a_sword"], None]),
        ('{ glob = ["[ab]*", "z"] }', ["art", "z"], ["cart", "Z"]),
        ('{ has = "a" }', [["b", "a"]], [["b"], [], "a", {"a": 1}, None]),
        ('{ has = ["a", "c"] }', [["c"]], [["b"]]),
        ("{ exists = true }", [0, "", [], False], [None]),
        ("{ exists = false }", [None], [0, "", [], False]),
        ("{ at_least = 2 }", [2, Decimal("2.5")], [1, "2", True, None, [2]]),
        ("{ at_most = 2 }", [2, -5], [Decimal("2.01")]),
        ("{ above = 0.5 }", [Decimal("0.51")], [Decimal("0.5"), 0]),
        ("{ below = 2 }", [1], [2]),
        ("{ above = 0, at_most = 3 }", [1, 3], [0, 4]),
        ('{ glob = "a*", exists = true }', ["ab"], ["b", None]),
        ('{ glob = "a*", exists = false }', [], ["ab", None]),
    ],
)
def test_conditions(condition: str, holds: list[Any], does_not: list[Any]) -> None:
    test = read_condition(tomllib.loads(f"c = {condition}", parse_float=Decimal)["c"])
    assert [test(value) for value in holds] == [True] * len(holds)
    assert [test(value) for value in does_not] == [False] * len(does_not)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("[color]", "$: Object contains unknown field `color`"),
        ("[add]\nkinds = ['x']", "add: Object contains unknown field `kinds`"),
        ("[add]\ntags = ['X Y']", "add.tags[0]: Expected `str` matching regex"),
        ("[facts]\ncolor = 'x'", "facts.color: there is no such fact"),
        ("[facts]\nrequires.strength = 'x'", "facts.requires.strength: there is no such fact"),
        ("[facts]\nrequires = 'x'", "facts.requires: expected a table"),
        ("[facts]\ngrants.containers = 'x'", "facts.grants.containers: expected a table"),
        ("[facts]\nweight = 7", "facts.weight: Expected `object`, got `int`"),
        ("[facts]\nweight = ''", "facts.weight.from: Expected `str` of length >= 1"),
        ("[facts]\nweight = { form = 'w' }", "facts.weight: Object contains unknown field `form`"),
        (
            "[facts]\nweight = { from = 'w', scales = 1 }",
            "facts.weight: Object contains unknown field `scales`",
        ),
        ("[facts]\nweight = { from = 'w', scale = 0 }", "facts.weight: scale must be above zero"),
        ("[facts]\nweight = { from = 'w', scale = nan }", "facts.weight: scale must be above zero"),
        ("[facts]\nweight = { from = 'w', scale = 1e99 }", "facts.weight: scale must be above zero"),
        ("[facts]\nweight = { from = 'w', scale = true }", "facts.weight.scale: Expected `decimal | null`"),
        ("[facts]\nweight = { from = 'w', round = 'off' }", "facts.weight.round: Invalid enum value 'off'"),
        ("[facts]\nweight = { from = 'w', spell = 'id', scale = 2 }", "facts.weight: spell is for words"),
        (
            "[facts]\nrequires.attributes.wisdom = { from = 1 }",
            "facts.requires.attributes.wisdom.from: Expected",
        ),
        ("[set]\ncolor = 'red'", "set.color: there is no such fact"),
        ("[set]\nweight = 0.5", "set.weight: Expected `int`, got `decimal`"),
        ("[set]\nstack_limit = 0", "set.stack_limit: Expected `int` >= 1"),
        ("[set]\nslots = 'hand'", "set.slots: Expected `array`, got `str`"),
        ("[set]\nrequires.attributes.wisdom = 'x'", "set.requires.attributes[...]: Expected `int`"),
        ("[set]\ngrants = 7", "set.grants: expected a table"),
        ("[data]\nname = 7", "data.name: Expected `object`, got `int`"),
        (
            "[data]\nstats.attack = { from = 'x', by = 2 }",
            "data.stats.attack: Object contains unknown field `by`",
        ),
        ("[[rules]]\nset = {}", "rules[0]: Object missing required field `when`"),
        ("[[rules]]\nwhen = {}", "rules[0].when: expected one condition at least"),
        ("[[rules]]\nwhen = { a = 1 }\nskips = true", "rules[0]: Object contains unknown field `skips`"),
        ("[[rules]]\nwhen = { a = 1 }\nskip = true\ndata = { x = 'y' }", "rules[0].skip: a rule that skips"),
        ("[[rules]]\nwhen = { a = 1 }\n[[rules]]\nwhen = { b = {} }", "rules[1].when.b: expected one test"),
        ("[[rules]]\nwhen = { a = { glop = '*' } }", "rules[0].when.a: Object contains unknown field `glop`"),
        ("[[rules]]\nwhen = { a = { at_least = 'x' } }", "rules[0].when.a.at_least: Invalid decimal string"),
        ("[[rules]]\nwhen = { a.b = 1 }", "rules[0].when.a: Object contains unknown field `b`"),
        (
            "[[rules]]\nwhen = { a = [] }",
            "rules[0].when.a: Expected text, numbers, true or false, or a table",
        ),
        ("[[rules]]\nwhen = { a = 2001-01-01 }", "rules[0].when.a: Expected text, numbers, true or false"),
        ("[[rules]]\nwhen = { a = [[1]] }", "rules[0].when.a: Expected text, numbers, true or false"),
        ("[[rules]]\nwhen = { a = 1 }\nset = { kinds = 'x' }", "rules[0].set.kinds: there is no such fact"),
        ("[[rules]]\nwhen = { a = 1 }\nfacts = { x = 'x' }", "rules[0].facts.x: there is no such fact"),
        ("keep = 'some'", "keep: Invalid enum value 'some'"),
        ("keep = [1]", "keep[0]: Expected `str`, got `int`"),
        ("x = ", "Invalid value (at "),
    ],
)
def test_what_is_wrong_with_a_mapping_is_told_with_its_place(mapper: Mapper, more: str, told: str) -> None:
    (found,) = mapper.errors(more)
    assert found.startswith(told), found


def test_words_of_a_mapping_are_the_rulesets(mapper: Mapper) -> None:
    mapping = LEAST.replace("weapon", "spaceship") + "slots = ['tail']\n"
    assert mapper.errors(mapping, '{"id": "a"}', '{"id": "A"}', '{"id": "a"}') == [
        "entry 1: facts.kind: the ruleset does not know spaceship",
        "entry 1: facts.slots: the ruleset does not know tail",
        "entry 2: facts.template_id: Expected `str` matching regex "
        + repr(msgspec.inspect.type_info(Facts).fields[0].type.pattern),  # type: ignore[attr-defined]
        "entry 3: facts.kind: the ruleset does not know spaceship",
        "entry 3: facts.slots: the ruleset does not know tail",
        "entry 3: facts.template_id: a is on entry 1 already",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("weight", "--map weight: expected FACT=SOURCE"),
        ("=w", "--map =w: expected FACT=SOURCE"),
        ("weight=", "--map weight=: expected FACT=SOURCE"),
        ("weight.x=w", "--map weight.x=w: weight.x is within a field of its own"),
        ("color=w", "facts.color: there is no such fact"),
        ("data.=w", None),
    ],
)
def test_what_is_wrong_with_a_map_is_told(mapper: Mapper, text: str, told: str | None) -> None:
    mapping = LEAST.replace("[set]", 'weight = "w"\n[set]')
    if told is None:
        assert mapper.map(mapping, '{"id": "a", "w": 1}', maps=[text])[0].data == {"": 1}
    else:
        assert mapper.errors(mapping, maps=[text]) == [told]
    with pytest.raises(CatalogError, match=r"^--map: facts.color: there is no such fact$"):
        read_mapping(None, ["color=w"])


def test_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shipped_mappings() == ["minecraft-like", "tabletop"]
    for name in shipped_mappings():
        read_mapping(name)
    words = "^chess: no such mapping is shipped, only minecraft-like, tabletop; a path has a slash or ends in"
    with pytest.raises(CatalogError, match=words):
        read_mapping("chess")
    with pytest.raises(FileNotFoundError):
        read_mapping(str(tmp_path / "absent"))
    monkeypatch.chdir(tmp_path)
    Path("tabletop.toml").write_bytes(b"\xff")
    with pytest.raises(CatalogError, match=r"^tabletop\.toml: 'utf-8' codec can't decode"):
        read_mapping("tabletop.toml")
