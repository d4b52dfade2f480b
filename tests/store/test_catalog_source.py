"""Files of a catalog: lines or an array, one or several, and never more of them in memory than is needed."""

import json
from pathlib import Path

import pytest

from engine.facts import Facts
from engine.ruleset import Ruleset
from persistence.errors import CatalogError
from persistence.items import catalog_source
from persistence.items.catalog import Template, parse_entries
from persistence.items.catalog_source import ENTRY_BYTES_MAX, read_entries
from persistence.mapping.mapping import read_mapping

OWN = '{"facts": {"template_id": "axe", "kind": "weapon"}, "data": {}}'


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are told as they were given, so the tests give short ones."""
    monkeypatch.chdir(tmp_path)


def places(*paths: Path, mapped: bool = False) -> list[tuple[str, bytes, bool]]:
    return [(place, bytes(raw), foreign) for place, raw, foreign in read_entries(paths, mapped=mapped)]


def test_lines() -> None:
    file = write(Path("a"), '\n{"a": 1}\r\n\n{"b": [')
    assert places(file) == [
        ("line 1", b"\n", False),
        ("line 2", b'{"a": 1}\r\n', False),
        ("line 3", b"\n", False),
        ("line 4", b'{"b": [', False),
    ]
    assert places(write(Path("b"), "")) == []


def test_an_array() -> None:
    file = write(Path("a"), ' \n[ {"a": 1} ,\n [2], 3]\n')
    assert places(file) == [
        ("entry 1", b'{"a": 1}', False),
        ("entry 2", b"[2]", False),
        ("entry 3", b"3", False),
    ]
    assert places(write(Path("b"), "[]")) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1, 2", "bad.json: Input data was truncated"),
        ("[1, x]", "bad.json: JSON is malformed"),
        ("[1] 2", "bad.json: JSON is malformed"),
        ("[" * 100_000, "bad.json: "),
    ],
)
def test_what_is_no_array(text: str, told: str) -> None:
    with pytest.raises(CatalogError) as refused:
        places(write(Path("bad.json"), text))
    assert refused.value.errors[0].startswith(told)


def test_an_array_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_source, "ARRAY_BYTES_MAX", 10)
    assert len(places(write(Path("fits"), "[1, 2, 3 ]"))) == 3
    with pytest.raises(CatalogError, match=r"^large: an array longer than 10 bytes: use JSON Lines$"):
        places(write(Path("large"), "[1, 2, 33 ]"))


def test_a_long_line_is_one_line_and_is_not_held(ruleset: Ruleset) -> None:
    long = b"x" * (ENTRY_BYTES_MAX + 1)
    text = b"\n".join([long, long * 40, b"x" * ENTRY_BYTES_MAX, OWN.encode(), long[:-1] + b"\n" + long])
    found = places(write(Path("a"), text))
    assert [place for place, _, _ in found] == [f"line {number}" for number in range(1, 7)]
    assert max(len(raw) for _, raw, _ in found) == ENTRY_BYTES_MAX + 1
    with pytest.raises(CatalogError) as refused:
        parse_entries(read_entries([Path("a")], mapped=False), ruleset)
    assert refused.value.errors == [
        f"line {number}: $: longer than {ENTRY_BYTES_MAX} bytes" for number in (1, 2, 3, 5, 6)
    ]


def test_only_files_of_another_form_are_mapped() -> None:
    own = write(Path("own.jsonl"), f"\n{OWN}\n{{}}\n")
    foreign = write(Path("foreign.json"), f'[{{"name": "axe"}}, {OWN}]')
    broken = write(Path("broken.jsonl"), "{\n")
    found = [(place, kind) for place, _, kind in places(own, foreign, broken, mapped=True)]
    assert found == [
        ("own.jsonl: line 1", False),
        ("own.jsonl: line 2", False),
        ("own.jsonl: line 3", False),
        ("foreign.json: entry 1", True),
        ("foreign.json: entry 2", True),
        ("broken.jsonl: line 1", True),
    ]
    assert not any(kind for _, _, kind in places(own, foreign, broken, mapped=False))


def test_several_files_are_one_catalog(ruleset: Ruleset) -> None:
    own = write(Path("own.jsonl"), OWN)
    foreign = write(Path("foreign.json"), json.dumps([{"id": "bow", "kind": "weapon"}]))
    mapping = read_mapping(None, ["template_id=id", "kind=kind"])
    assert parse_entries(read_entries([foreign, own], mapped=True), ruleset, mapping) == [
        Template(Facts("bow", "weapon"), {}),
        Template(Facts("axe", "weapon"), {}),
    ]
    with pytest.raises(CatalogError) as refused:
        parse_entries(read_entries([own, foreign, own], mapped=True), ruleset, mapping)
    assert refused.value.errors == [
        "own.jsonl: line 1: facts.template_id: axe is on own.jsonl: line 1 already"
    ]
