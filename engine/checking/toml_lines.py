"""Where the keys of a TOML text stand: what ``tomllib`` does not tell.

A ``KeyPath`` leads to a value as one would index it: ``("slots", 3, "displaces", 0)``, which is
written ``slots[3].displaces[0]``.
"""

import json
import re
import tomllib
from typing import Final

KeyPath = tuple[str | int, ...]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
# Of three quotes that end a string, up to two more before them are its own.
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})|"(?:[^"\\]|\\.)*"' r"|'''.*?'''(?:'{0,2})|'[^']*'", re.DOTALL
)
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR: Final = re.compile(r"[^,\]}#\n]+")
_SHOWN_MAX: Final = 60


def quoted(text: str) -> str:
    """A text between quotation marks, as TOML has it: on one line, printable, and not endless."""
    shown = text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
    return json.dumps(shown, ensure_ascii=not shown.isprintable())


def written(path: KeyPath) -> str:
    """A path as it is read: ``slots[3].name``; keys that cannot stand bare are quoted."""
    parts = (
        f"[{key}]" if isinstance(key, int) else "." + (key if _BARE.fullmatch(key) else quoted(key))
        for key in path
    )
    return "".join(parts).removeprefix(".")


class TomlLines:
    """The line, counted from 1, of every key, table and list element of a text.

    A value's line is its key's; a table's, its header's; where no header names it, that of the
    first key or header that makes it. ``found`` has all of them.
    """

    def __init__(self, text: str) -> None:
        """Scan ``text``, which ``tomllib`` must have read without an error; nothing is checked again."""
        self._text = text
        self._at = 0
        self._counted_to, self._line = 0, 1
        # How many tables each list of tables has so far.
        self._tables: dict[KeyPath, int] = {}
        self.found: dict[KeyPath, int] = {(): 1}
        inside: KeyPath = ()
        self._skip_blank()
        while self._at < len(text):
            if text.startswith("[", self._at):
                inside = self._header()
            else:
                self._pair(inside)
            self._skip_blank()

    def line(self, path: KeyPath) -> int:
        """The line of what the path leads to, or of the nearest that is there around it."""
        while path not in self.found:
            path = path[:-1]
        return self.found[path]

    def _header(self) -> KeyPath:
        """``[a.b]`` or ``[[a.b]]``: the path of the table that follows."""
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        line = self._here()
        self._at += brackets
        *above, last = self._key()
        self._at += brackets
        path: KeyPath = ()
        for name in above:
            path = (*path, name)
            self.found.setdefault(path, line)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        path = (*path, last)
        if brackets == 1:
            self.found[path] = line
            return path
        self.found.setdefault(path, line)
        number = self._tables.get(path, 0)
        self._tables[path] = number + 1
        self.found[(*path, number)] = line
        return (*path, number)

    def _pair(self, inside: KeyPath) -> None:
        line = self._here()
        *above, last = self._key()
        for name in above:
            inside = (*inside, name)
            self.found.setdefault(inside, line)
        self.found[(*inside, last)] = line
        self._at += 1  # the =
        self._skip_blank()
        self._value((*inside, last))

    def _key(self) -> list[str]:
        """A key with its dots, and the blanks around it."""
        names = []
        while True:
            self._skip_blank()
            if bare := _BARE.match(self._text, self._at):
                names.append(bare[0])
                self._at = bare.end()
            else:
                names.append(tomllib.loads(f"key = {self._string()}")["key"])
            self._skip_blank()
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._at]
        if opening == "[":
            self._at += 1
            number = 0
            while not self._closed("]"):
                self.found[(*path, number)] = self._here()
                self._value((*path, number))
                number += 1
        elif opening == "{":
            self._at += 1
            while not self._closed("}"):
                self._pair(path)
        elif opening in "\"'":
            self._string()
        else:
            self._at = self._match(_SCALAR).end()

    def _closed(self, bracket: str) -> bool:
        """Whether a list or an inline table ends here; steps over the bracket, or over a comma."""
        self._skip_blank()
        if self._text.startswith(",", self._at):
            self._at += 1
            self._skip_blank()
        if not self._text.startswith(bracket, self._at):
            return False
        self._at += 1
        return True

    def _string(self) -> str:
        found = self._match(_STRING)
        self._at = found.end()
        return found[0]

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        assert found is not None, "a text that tomllib did not read"
        return found

    def _skip_blank(self) -> None:
        self._at = self._match(_BLANK).end()

    def _here(self) -> int:
        """The line of the current position; counted on from the last one, or a long text costs its square."""
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line
