"""What is told of a bad ruleset: by line, key and words, all at once, and nothing besides."""

import copy
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checking.meaning import faults
from engine.checking.shape import read_shape
from engine.checking.text import read_file, read_text
from engine.ruleset import Ruleset, RulesetError, load_ruleset, parse_ruleset
from engine.ruleset_file import RulesetFile

HERE = Path(__file__).parent
GOOD = (HERE / "good.toml").read_text("utf-8")
SHIPPED = sorted((HERE.parents[1] / "engine/rulesets").glob("*.toml"))


def changed(changes: list[str]) -> str:
    """The good ruleset with lines replaced; several changes of one line follow each other."""
    lines: dict[int, list[str]] = {}
    for change in changes:
        number, _, line = change.partition(" ")
        lines.setdefault(int(number), []).append(line)
    old = GOOD.splitlines()
    return "\n".join("\n".join(lines.get(number, [line])) for number, line in enumerate(old, 1)) + "\n"


def blocks() -> list[Any]:
    """The blocks of ruleset_faults.txt: changes, and what is told of them."""
    text = (HERE / "ruleset_faults.txt").read_text("utf-8")
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        told = [line.removeprefix("> ") for line in lines if line.startswith(">")]
        if lines:
            changes = lines[: -len(told)]
            found.append(pytest.param(changes, told, id=changes[0]))
    return found


@pytest.mark.parametrize(("changes", "expected"), blocks())
def test_faults(changes: list[str], expected: list[str]) -> None:
    errors = read_text(changed(changes), "f").errors
    assert [line[: len(start) + 2] for line, start in zip(errors, expected, strict=True)] == [
        f"f:{start}" for start in expected
    ]


def test_the_good_one_is_good() -> None:
    read = read_text(GOOD, "f")
    assert (read.errors, read.hints) == ([], [])
    assert read.source is not None and faults(read.source) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_rulesets_are_good(path: Path) -> None:
    read = read_file(path)
    assert read.errors == []
    assert read.source is not None and load_ruleset(path).hash == Ruleset(read.source).hash


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["23"], ["24: slots.both.requires_for: hint: does nothing without requires"]),
        (
            ["39 max_equipped = 3"],
            ["39: limit_groups.relic.max_equipped: hint: is never reached: there are 2"],
        ),
        (
            ["39 max_equipped = 2", "39 max_carried = 1"],
            ["39: limit_groups.relic.max_equipped: hint: is never reached: what is worn"],
        ),
        (["42"], ["40: state_rules.dead: hint: does nothing: it forbids nothing, and no slot"]),
        (
            ["42 forbids = []", "43", "44"],
            ["40: state_rules.dead: hint: does nothing: it forbids nothing, and exempts nothing"],
        ),
        (["42", "19 locked_while = ['dead']"], []),
        (
            ["36 locked_while = ['dead']", "36 open_while = ['stunned', 'dead']"],
            ['37: containers.post.open_while: hint: "dead" does not open it'],
        ),
        (
            ["31 kinds = ['armor']"],
            ['7: items.kinds: hint: no container of placement.auto takes "weapon": they must be told'],
        ),
        (
            ["31 kinds = ['armor']", "36 kinds = ['armor']"],
            ['7: items.kinds: hint: no container takes "weapon": items of that kind can be granted nowhere'],
        ),
    ],
)
def test_hints(changes: list[str], expected: list[str]) -> None:
    """They are no faults."""
    read = read_text(changed(changes), "f")
    assert (read.errors, len(read.hints)) == ([], len(expected))
    for line, start in zip(read.hints, expected, strict=True):
        assert line.startswith(f"f:{start}")


def test_lists_have_an_end() -> None:
    classes = [f"c_{number}" for number in range(65)]
    text = changed([f"3 classes = {classes}", f"23 requires = {{classes = {classes}}}"])
    assert read_text(text, "f").errors == [
        "f:23: slots.both.requires.classes: has 65 entries; there may be 64 at most"
    ]


def test_nothing_is_let_through_that_msgspec_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if this reading of the types should forget a bound."""
    monkeypatch.setattr("engine.checking.shape._Reader._fault", lambda *_: None)
    read = read_text(changed(["10 base = -1"]), "f")
    assert read.source is None
    assert read.errors == ["f:1: the file: Expected `int` >= 0 - at `$.carry.base`"]


def test_faults_have_the_path_by_number() -> None:
    source = msgspec.convert(tomllib.loads(changed(['22 displaces = ["hand", "hnd"]'])), RulesetFile)
    assert [fault.path for fault in faults(source)] == ["slots[1].displaces[1]"]


def test_the_docs_show_what_is_told() -> None:
    """Of the shipped ruleset with a few slips."""
    text = next(path for path in SHIPPED if path.stem == "haversack").read_text("utf-8")
    for right, wrong in (
        ('attribute = "strength"', 'atribute = "strenght"'),
        ('auto = ["wallet", "bag"]', 'auto = ["bag", "overflow"]'),
        ('displaces = ["main_hand", "off_hand"]', 'displaces = ["hand"]'),
        ("capacity = 20\n", "capacity = 20_000\n"),
    ):
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    rules = (HERE.parents[1] / "docs/rules.md").read_text("utf-8")
    told = "\n".join(read_text(text, "game.toml").errors)
    assert f"```\n{told}\n```" in rules


def test_errors_of_rulesets_made_otherwise_name_the_key() -> None:
    """And all are there, beside the first that is the message."""
    source = msgspec.convert(
        tomllib.loads(changed(['22 displaces = ["hnd"]', '31 kinds = ["hat"]'])), RulesetFile
    )
    with pytest.raises(RulesetError, match=r'^slots\.both\.displaces: "hnd" is not declared') as caught:
        Ruleset(source)
    assert len(caught.value.errors) == 2


def test_errors_of_texts_and_files_have_their_lines(tmp_path: Path) -> None:
    with pytest.raises(RulesetError, match=r"^ruleset:1: name: expected"):
        parse_ruleset(changed(["1 name = 1"]))
    path = tmp_path / "bad.toml"
    path.write_text(changed(["1 name = 1"]), "utf-8")
    with pytest.raises(RulesetError, match=f"^{path}:1: name: expected"):
        load_ruleset(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"# \xe4\n", ":1: is not UTF-8 text; save the file in that encoding"),
        (b"a = 1\nb = '\xff'\n", ":2: is not UTF-8 text"),
        (b"a = " + b"[" * 5000, ": lists or tables are nested too deep"),
        (b"a = " + b"9" * 5000, ": Exceeds the limit"),
        (b"a = '\\'\n'b", ":2:3: a text was never closed with '"),
        (b"", ":1: "),
    ],
)
def test_files_that_are_no_rulesets(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "r.toml"
    path.write_bytes(content)
    read = read_file(path)
    assert read.source is None and read.errors[0].startswith(f"{path}{told}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert read_file(tmp_path / "none").errors == [
        f"{tmp_path}/none: cannot be read: No such file or directory"
    ]
    assert read_file(tmp_path).errors == [f"{tmp_path}: cannot be read: Is a directory"]


def test_files_as_windows_writes_them(tmp_path: Path) -> None:
    """With a mark at the beginning and two characters at the end of each line."""
    path = tmp_path / "r.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_ruleset(path).hash == parse_ruleset(GOOD).hash
    path.write_bytes(changed(['19 locked_while = ["slain"]']).replace("\n", "\r\n").encode())
    assert read_file(path).errors[0].startswith(f"{path}:19: ")


VALUES = st.sampled_from(
    [0, 1, -1, 10**6, 10**13, 10**30, 1.0, True, "hand", "Hand", "", [], ["hand"], [1], {}, {"a": 1}, "slots"]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Everything in a document that can be replaced: what it is in, and its key there."""
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in keys:
        found += [(value, key), *places(inner)]
    return found


@given(st.lists(st.tuples(VALUES, st.booleans()), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_shapes_are_refused_where_msgspec_refuses_them(
    changes: list[tuple[Any, bool]], random: Random
) -> None:
    """Whatever is put in place of a value, or under a new key; and reading on never fails."""
    raw = copy.deepcopy(tomllib.loads(GOOD))
    for value, new in changes:
        inside, key = random.choice(places(raw))
        if new and isinstance(inside, dict):
            key = random.choice(["nmae", "kind", "tags", "weighs", "x y"])
        inside[key] = copy.deepcopy(value)
    try:
        msgspec.convert(raw, RulesetFile)
        fits = True
    except msgspec.ValidationError:
        fits = False
    shape = read_shape(raw)
    assert (not shape.faults) == fits
    faults(shape.source)
