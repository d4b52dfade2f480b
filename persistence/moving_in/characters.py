"""Who a character is, by what its rows say: name, level, class and attributes."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from engine.bounds import LEVEL_MAX, AttributeValue, Name
from engine.refusals import Param
from engine.ruleset import Ruleset
from engine.state import Actor
from persistence.moving_in.rows import Row, Who

_FIELDS: Final = ("name", "level", "class", "attributes")
INVALID: Final = "INVALID_CHARACTER"
CONFLICTING: Final = "CONFLICTING_CHARACTER"

_attributes = msgspec.json.Decoder(dict[Name, AttributeValue]).decode
_unprintable = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]").search
# The number of a row and what it says; None where no row says anything.
Said = tuple[int, str] | None
_NOBODY: Final[Who] = (None, None, None, None)


class Remark(Struct, frozen=True):
    """What of a character was left out, and the row that said it; ``params`` name the field."""

    number: int
    code: str
    params: Mapping[str, Param]


class Described(Struct, frozen=True):
    """A character as it is going to be."""

    name: str
    actor: Actor
    remarks: tuple[Remark, ...]


def described(ruleset: Ruleset, rows: Iterable[tuple[int, Row]]) -> Described:
    """The character of some rows, in their order.

    Of each field the first row counts that says something; a later one that says something else is
    remarked, once a field. What the ruleset does not know is left as it is for every new character.
    """
    said: list[Said] = [None] * len(_FIELDS)
    remarks: list[Remark] = []
    conflicting: set[int] = set()
    before: Who = _NOBODY
    for number, row in rows:
        # Mostly they all say the same.
        if row.who is None or row.who == before:
            continue
        before = row.who
        for n, text in enumerate(row.who):
            if not text:
                continue
            first = said[n]
            if first is None:
                said[n] = number, text
            elif first[1] != text and n not in conflicting:
                conflicting.add(n)
                params: dict[str, Param] = {"field": _FIELDS[n], "first_row": first[0]}
                remarks.append(Remark(number, CONFLICTING, params))
    reading = _Reading(ruleset, remarks)
    actor = Actor(
        level=reading.level(said[1]),
        class_=reading.class_(said[2]),
        attributes=reading.attributes(said[3]),
    )
    return Described(reading.name(said[0]), actor, tuple(remarks))


class _Reading:
    """Reads what rows say; what cannot be used is remarked."""

    def __init__(self, ruleset: Ruleset, remarks: list[Remark]) -> None:
        self._ruleset = ruleset
        self._remarks = remarks

    def name(self, said: Said) -> str:
        if said is None:
            return ""
        text = said[1].strip()
        longest = self._ruleset.source.limits.name_length
        if len(text) <= longest and not _unprintable(text):
            return text
        self._left_out(said, "name", f"expected at most {longest} characters that can be shown")
        return ""

    def level(self, said: Said) -> int:
        text = "1" if said is None else said[1].strip()
        if text.isascii() and text.isdigit() and len(text) <= 7 and int(text) <= LEVEL_MAX:
            return int(text)
        self._left_out(said, "level", f"expected a whole number from 0 to {LEVEL_MAX}")
        return 1

    def class_(self, said: Said) -> str:
        text = "" if said is None else said[1].strip()
        if not text or text in self._ruleset.source.actor.classes:
            return text
        self._left_out(said, "class", "the ruleset has no such class")
        return ""

    def attributes(self, said: Said) -> dict[str, int]:
        if said is None:
            return {}
        try:
            found = _attributes(said[1])
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
            self._left_out(said, "attributes", f"expected an object of whole numbers: {error}"[:200])
            return {}
        unknown = [name for name in found if name not in self._ruleset.source.actor.attributes]
        if unknown:
            self._left_out(said, "attributes", f"the ruleset has no attribute {unknown[0]}")
        return {name: value for name, value in found.items() if name not in unknown}

    def _left_out(self, said: Said, field: str, problem: str) -> None:
        assert said is not None
        self._remarks.append(Remark(said[0], INVALID, {"field": field, "problem": problem}))
