"""A catalog as JSON Lines: read strictly, and all that is wrong with it told at once."""

import json
from collections.abc import Iterator

import msgspec
import pytest

from engine.ruleset import Ruleset
from persistence.errors import CatalogError
from persistence.items.catalog import parse_catalog
from persistence.items.catalog_content import content_hash
from persistence.items.catalog_source import ENTRY_BYTES_MAX


def line(template_id: str = "sword", data: object = None, **facts: object) -> bytes:
    record = {"facts": {"template_id": template_id, "kind": "weapon", **facts}, "data": data or {}}
    return json.dumps(record).encode()


def errors(ruleset: Ruleset, *lines: bytes) -> list[str]:
    with pytest.raises(CatalogError) as refused:
        parse_catalog(lines, ruleset)
    return refused.value.errors


def test_lines_become_templates_in_their_order(ruleset: Ruleset) -> None:
    lines = [
        line("sword", {"name": "Sword", "big": 2**70, "weight": 1.5}, slots=["hand"]),
        b"",
        b"  \r\n",
        line("axe", stack_limit=5) + b"\r\n",
    ]
    templates = parse_catalog(iter(lines), ruleset)
    assert [template.facts.template_id for template in templates] == ["sword", "axe"]
    assert templates[0].facts.slots == ("hand",)
    assert templates[0].data == {"name": "Sword", "big": 2**70, "weight": 1.5}
    assert parse_catalog([], ruleset) == []


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (line(kind="spaceship"), "facts.kind: the ruleset does not know spaceship"),
        (line(slots=["tail"]), "facts.slots: the ruleset does not know tail"),
        (line(stack_limit=0), "facts.stack_limit: Expected `int` >= 1"),
        (line(stack_limit="many"), "facts.stack_limit: Expected `int`, got `str`"),
        (line(weight=1.5), "facts.weight: Expected `int`, got `float`"),
        (line(weight=10**30), "facts.weight: Expected `int` <= 1000000"),
        (line("Sword"), "facts.template_id: Expected `str` matching regex"),
        (line(colour="red"), "facts: Object contains unknown field `colour`"),
        (b'{"facts": {"template_id": "a", "kind": "weapon"}}', "$: Object missing required field `data`"),
        (b'{"data": {}}', "$: Object missing required field `facts`"),
        (line()[:-1] + b', "extra": 1}', "$: Object contains unknown field `extra`"),
        (line(data=[1]), "data: Expected `object`, got `array`"),
        (line(data={"a": ["b", "nul\0"]}), "data: has a NUL character, which cannot be stored"),
        (line(data={"nul\0": 1}), "data: has a NUL character, which cannot be stored"),
        (line(data={"a": [[]] * 2 + [eval("[" * 40 + "]" * 40)]}), "data: nested deeper than 32"),
        (line()[:-1] + b"}}", "$: JSON is malformed"),
        (b"[" * 60_000, "$: "),
        (line(data={"a": "b"}).replace(b'"b"', b"[" * 30_000 + b"]" * 30_000), "$: nested deeper than 32"),
        (line().replace(b"weapon", b"we\xffpon"), "$: "),
        (line(data={"a": "b"}).replace(b'"b"', b"NaN"), "$: JSON is malformed"),
        (line(data={"a": "b"}).replace(b'"b"', b'"\\ud800"'), "$: "),
        (line(data={"a": "b"}).replace(b'"b"', b"1e999"), "data[...]: Number out of range"),
        (b"\xef\xbb\xbf" + line(), "$: JSON is malformed"),
        (line(data={"a": "x" * ENTRY_BYTES_MAX}), f"$: longer than {ENTRY_BYTES_MAX} bytes"),
        (b"null", "$: Expected `object`, got `null`"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(ruleset: Ruleset, bad: bytes, told: str) -> None:
    found = errors(ruleset, line("axe"), b"", bad)
    assert len(found) == 1 and found[0].startswith(f"line 3: {told}"), found


def test_all_problems_of_a_line_and_of_all_lines_are_told(ruleset: Ruleset) -> None:
    found = errors(ruleset, line("a", kind="x", tags=["y"]), line("a"), b"nonsense", line("b", slots=["z"]))
    assert [text.split(": ")[:2] for text in found] == [
        ["line 1", "facts.kind"],
        ["line 1", "facts.tags"],
        ["line 2", "facts.template_id"],
        ["line 3", "$"],
        ["line 4", "facts.slots"],
    ]
    assert "a is on line 1 already" in found[2]


def test_twenty_problems_are_enough(ruleset: Ruleset) -> None:
    read = 0

    def lines() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"nonsense"

    with pytest.raises(CatalogError) as refused:
        parse_catalog(lines(), ruleset)
    assert len(refused.value.errors) == 20 and read <= 21


def test_the_hash_is_over_what_is_said_not_over_how(ruleset: Ruleset) -> None:
    one, two = line("a", {"x": 1, "y": {"p": 1, "q": 2}}, weight=0), line("b")
    other = b'{"data":{"y":{"q":2,"p":1},"x":1},"facts":{"kind":"weapon","template_id":"a"}}'
    templates = parse_catalog([one, two], ruleset)
    assert content_hash(templates) == content_hash(parse_catalog([two, other], ruleset))
    changed = msgspec.structs.replace(templates[0], data={"x": 2})
    assert content_hash([changed, templates[1]]) != content_hash(templates)
