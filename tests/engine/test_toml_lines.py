"""Lines of keys, against texts whose writer knows them, and paths against ``tomllib``."""

import json
import re
import tomllib
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checking.toml_lines import KeyPath, TomlLines, quoted, written

SCALARS = [
    "1", "-1_000.5e3", "inf", "0xff", "true", "1979-05-27 07:32:00", "07:32:00", "1979-05-27T07:32:00Z",
    '""', "''", '"# ] } , ="', "'# ] } , =' ", '"\\""', '"\\\\"', "'\\'", '"é[[a]]"',
    '"""a"""', '""""a""""', '"""""a"""""', '""""""', '"""\n[[a]] # "b"\n\\""" = \\\\\n"""', '"""\\\n  x"""',
    "'''a'''", "''''a''''", "''''''", "'''\n[a]\nb = 1 # '' \\\n'''",
]  # fmt: skip
KEYS = st.one_of(
    st.from_regex(r"[a-zA-Z0-9_-]{1,3}", fullmatch=True),
    st.text(st.sampled_from("a.#]['\"=\n\t\\ é,{}"), max_size=4),
)


class Header(dict[str, Any]):
    """A table that has a header of its own."""


class Headers(list[Header]):
    """A list of tables, each with its double brackets."""


inline = st.recursive(
    st.sampled_from(SCALARS),
    lambda value: st.lists(value, max_size=3) | st.dictionaries(KEYS, value, max_size=3),
    max_leaves=6,
)
tables = st.recursive(
    st.dictionaries(KEYS, inline, max_size=3).map(Header),
    lambda table: st.dictionaries(
        KEYS, inline | table | st.lists(table, min_size=1, max_size=3).map(Headers), max_size=4
    ).map(Header),
    max_leaves=5,
)


class Writer:
    """Writes a document in one of the many ways to write it, and keeps the lines."""

    def __init__(self, document: Header, random: Random) -> None:
        self.text = ""
        self.lines: dict[KeyPath, int] = {(): 1}
        self.random = random
        self.blanks()
        self.body(document, (), [])

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def some(self, *choices: str) -> None:
        self.text += self.random.choice(choices)

    def blanks(self) -> None:
        self.some("", "", "\n", "\n\n", "# ]] \"\"\" ''' = [a]\n", " \t", "\n # é\n")

    def key(self, key: str) -> None:
        if re.fullmatch(r"[A-Za-z0-9_-]+", key) and self.random.random() < 0.8:
            self.text += key
        elif not set(key) & {"'", "\n"} and self.random.random() < 0.5:
            self.text += f"'{key}'"
        else:
            self.text += json.dumps(key, ensure_ascii=self.random.random() < 0.5)

    def keys(self, keys: list[str]) -> None:
        for number, key in enumerate(keys):
            self.some(*(["", " "] if number == 0 else [".", " . "]))
            self.key(key)
        self.some("", " ")

    def body(self, table: dict[str, Any], path: KeyPath, header: list[str]) -> None:
        above = {name: value for name, value in table.items() if not isinstance(value, Header | Headers)}
        for name, value in above.items():
            self.pair(value, path, [name])
            self.some("", " # comment")
            self.text += "\n"
            self.blanks()
            self.text += "\n"
        for name, value in table.items():
            if isinstance(value, Header):
                self.table(value, (*path, name), [*header, name])
            elif isinstance(value, Headers):
                for number, each in enumerate(value):
                    self.head("[[", "]]", (*path, name), [*header, name])
                    self.lines[(*path, name, number)] = self.line - 1
                    self.body(each, (*path, name, number), [*header, name])

    def table(self, table: Header, path: KeyPath, header: list[str]) -> None:
        made_by_children = table and all(isinstance(value, Header | Headers) for value in table.values())
        if not made_by_children or self.random.random() < 0.5:
            self.head("[", "]", path, header)
        self.body(table, path, header)

    def head(self, opening: str, closing: str, path: KeyPath, header: list[str]) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self.line)
        self.text += opening
        self.keys(header)
        self.text += closing
        self.some("\n", " # [a]\n")

    def pair(self, value: Any, path: KeyPath, dotted: list[str]) -> None:
        if isinstance(value, dict) and value and self.random.random() < 0.5:
            self.lines[(*path, *dotted)] = self.line
            for number, (name, inner) in enumerate(value.items()):
                if number:
                    self.text += "\n"
                self.pair(inner, path, [*dotted, name])
            return
        self.lines[(*path, *dotted)] = self.line
        self.keys(dotted)
        self.some("=", " = ")
        self.value(value, (*path, *dotted))

    def value(self, value: Any, path: KeyPath) -> None:
        if isinstance(value, str):
            self.text += value
        elif isinstance(value, list):
            self.text += "["
            for number, each in enumerate(value):
                self.blanks()
                self.lines[(*path, number)] = self.line
                self.value(each, (*path, number))
                self.blanks()
                self.text += "," if number + 1 < len(value) else self.random.choice(["", ",", ",\n# ]\n"])
            self.blanks()
            self.text += "]"
        else:
            self.text += "{"
            for number, (name, inner) in enumerate(value.items()):
                self.some(*([", ", ","] if number else ["", " "]))
                self.lines[(*path, name)] = self.line
                self.keys([name])
                self.text += "="
                self.value(inner, (*path, name))
            self.text += "}"


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(inner, (*path, key))


@given(tables, st.randoms(use_true_random=False))
def test_lines_are_the_writers(document: Header, random: Random) -> None:
    written = Writer(document, random)
    found = TomlLines(written.text).found
    assert set(found) == set(paths(tomllib.loads(written.text)))
    assert found == written.lines


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("[a.b]\n[a]\n", ("a",), 2),
        ("[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]\nc = 1", ("a", 1, "b", 0, "c"), 6),
        ("[[a]]\n[[a]]\n[a.b]\nc = 1", ("a", 1, "b", "c"), 4),
        ("a = [\n1,\n# 2,\n3]", ("a", 1), 4),
        ("a = [\n1,\n3]", ("a", 7), 1),
        ("\n[a]\nb = 1", ("a", "c", "d"), 2),
        ("\n\nb = 1", ("c",), 1),
        ("[a]\nb.c = 1\nb.d = 2", ("a", "b"), 2),
        ("[a]\nb.c = 1\nb.d = 2", ("a", "b", "d"), 3),
        ("\"a\\u0062\" = 1\n'c.d' = 2", ("c.d",), 2),
        ('"a\\u0062" = 1', ("ab",), 1),
    ],
)
def test_lines(text: str, path: KeyPath, line: int) -> None:
    tomllib.loads(text)
    assert TomlLines(text).line(path) == line


def test_paths_are_written() -> None:
    assert written(("slots", 3, "displaces", 0)) == "slots[3].displaces[0]"
    assert written(("a b", 'c"\n', 0, "")) == '"a b"."c\\"\\n"[0].""'
    assert written(()) == ""


def test_texts_are_quoted_on_one_printable_line() -> None:
    assert quoted("Größe") == '"Größe"'
    assert quoted("\x1b[2J\u202e") == '"\\u001b[2J\\u202e"'
    assert quoted("x" * 100) == f'"{"x" * 60}…"'
