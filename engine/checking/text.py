"""A ruleset's text: read, and explained by line and key where it cannot be used."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.checking import hints as hints_of
from engine.checking import meaning
from engine.checking.fault import Fault
from engine.checking.shape import Shape, read_shape
from engine.checking.toml_lines import KeyPath, TomlLines
from engine.ruleset_file import RulesetFile

# tomllib says where in words only.
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TWICE = re.compile(r"Cannot declare \((.*)\) twice")
_WORD = re.compile(r"[\w-]+")
# What its messages mean to somebody who has never read the format's definition.
_PLAINER = {
    "Cannot overwrite a value": "this key or table stands a second time",
    "Invalid value": "expected a number, true, false, a text in quotation marks, or a list in [ ]",
    "Invalid statement": "expected a key, or a table in [ ]",
    "Unclosed array": "a list goes on here without a comma, or was never closed with ]",
    "Unclosed inline table": "a table goes on here without a comma, or was never closed with }",
    "Expected newline or end of document after a statement": "expected nothing more on this line",
    "Unterminated string": "a text was never closed with quotation marks",
    'Expected "\'"': "a text was never closed with '",
    "Illegal character '\\n'": "a text does not end on its line; expected a quotation mark",
}
# Tables of which there may be several.
_REPEATED: Final = ("slots", "containers", "limit_groups", "state_rules")


@dataclass(frozen=True)
class RulesetText:
    """What was read from a file: ``source``, or all that is wrong with it in ``errors``.

    Errors read ``FILE:LINE: key: what is wrong``, hints ``FILE:LINE: key: hint: …``, both by line;
    TOML that cannot be parsed has ``FILE:LINE:COLUMN: …``, a file that cannot be read ``FILE: …``.
    """

    name: str
    errors: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    source: RulesetFile | None = None


def read_file(path: Path) -> RulesetText:
    """Read and check the file at ``path``."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return RulesetText(str(path), [f"{path}: cannot be read: {error.strerror}"])
    try:
        # Some editors of Windows begin every file with a mark that TOML has no place for.
        return read_text(content.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return RulesetText(str(path), [f"{path}:{line}: is not UTF-8 text; save the file in that encoding"])


def read_text(text: str, name: str) -> RulesetText:
    """Check a ruleset's text; ``name`` is what its lines are told to be of."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return RulesetText(name, [f"{name}:{_plain(str(error), text)}"])
    except RecursionError:
        return RulesetText(name, [f"{name}: lists or tables are nested too deep"])
    except ValueError as error:
        # Dates that there are not, and numbers of thousands of digits.
        return RulesetText(name, [f"{name}: {error}"])
    shape = read_shape(raw)
    wrong = _all_faults(shape)
    if wrong:
        return RulesetText(name, errors=_explained(name, text, shape, wrong))
    return RulesetText(
        name,
        hints=_explained(name, text, shape, hints_of.hints(shape.source), "hint: "),
        source=shape.source,
    )


def _all_faults(shape: Shape) -> list[Fault]:
    """Those of shape, and those of meaning that do not follow from them."""
    bent = {fault.where for fault in shape.faults}

    def sound(path: KeyPath) -> bool:
        return not any(path[:length] in bent for length in range(1, len(path) + 1))

    meanings = meaning.faults(shape.source)
    return shape.faults + [
        fault for fault in meanings if all(sound(path) for path in (fault.where, *fault.needs))
    ]


def _explained(name: str, text: str, shape: Shape, wrong: Iterable[Fault], mark: str = "") -> list[str]:
    lines = TomlLines(text)

    def line(path: KeyPath) -> int:
        return lines.line(shape.in_file(path))

    told = []
    for fault in wrong:
        at = line(fault.where)
        first = f", first in line {line(fault.first)}" if fault.first is not None else ""
        told.append(
            (at, f"{name}:{at}: {fault.key(shape.source) or 'the file'}: {mark}{fault.message}{first}")
        )
    return [words for _, words in sorted(told, key=lambda entry: entry[0])]


def _plain(message: str, text: str) -> str:
    """``LINE:COLUMN: what is wrong`` for an error of ``tomllib``."""
    place = _PLACE.search(message)
    message = _PLACE.sub("", message)
    if place is None or place[1] is None:
        lines = text.rstrip().split("\n")
        at = f"{len(lines)}:{len(lines[-1]) + 1}"
    else:
        at = f"{place[1]}:{place[2]}"
    if twice := _TWICE.fullmatch(message):
        key = ".".join(re.findall(_WORD, twice[1]))
        message = f"[{key}] stands a second time"
        if key in _REPEATED:
            message += f"; expected a table for each, [[{key}]] with two brackets"
    return f"{at}: {_PLAINER.get(message, message)}"
