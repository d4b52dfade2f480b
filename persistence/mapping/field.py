"""Fields of a foreign entry, and how they become whole numbers, words and data.

An entry is decoded with ``Decimal`` for every number that has a fraction or an exponent, so a
weight of 0.1 pounds is a tenth and not the float beside it.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct

# Far beyond any bound of facts; keeps 1e999999999 from being written out.
_MAGNITUDE_MAX = 30
_SEPARATORS = {"id": re.compile(r"[^a-z0-9_.:/-]+"), "name": re.compile(r"[^a-z0-9_]+")}
_LEADING = {"id": re.compile(r"^[^a-z0-9]+"), "name": re.compile(r"^[^a-z]+")}

FieldPath = Annotated[str, Meta(min_length=1)]


class FieldError(ValueError):
    """A field that is missing or cannot be taken as it is asked for."""


class Field(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a value comes from; see docs/catalog-mapping.md, "Fields".

    ``scale``, ``per`` and ``round`` make a whole number: value × scale ÷ the field ``per``.
    ``default`` is taken as it is when the entry lacks the field.
    """

    from_: FieldPath = msgspec.field(name="from")
    default: Any = UNSET
    scale: Decimal | None = None
    per: FieldPath | None = None
    round: Literal["up", "down", "nearest"] | None = None
    spell: Literal["id", "name"] | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be meant; ``ValueError``."""
        if self.scale is not None and not (_is_bounded(self.scale) and self.scale > 0):
            raise ValueError("scale must be above zero")
        if self.spell is not None and self._converts:
            raise ValueError("spell is for words, and scale, per and round are for numbers")

    @property
    def _converts(self) -> bool:
        return self.scale is not None or self.per is not None or self.round is not None

    def fact(self, entry: Mapping[str, Any]) -> object:
        """The value for a fact: numbers are whole; raises ``FieldError``, also when it is missing."""
        value = look_up(entry, self.from_)
        if value is None:
            if self.default is UNSET:
                raise FieldError(f"the source has no {self.from_}")
            return self.default
        if self.spell is not None:
            return spelled(value, self.spell)
        if self._converts or isinstance(value, Decimal):
            return self._whole(entry, value)
        return value

    def datum(self, entry: Mapping[str, Any]) -> object:
        """The value for data, ``UNSET`` when it is missing without a default; raises ``FieldError``."""
        value = look_up(entry, self.from_)
        if value is None:
            return plain(self.default)
        if self.spell is not None:
            return spelled(value, self.spell)
        return self._whole(entry, value) if self._converts else plain(value)

    def _whole(self, entry: Mapping[str, Any], value: object) -> int:
        number = _number(self.from_, value)
        if self.scale is not None:
            number *= Fraction(self.scale)
        if self.per is not None and (many := look_up(entry, self.per)) is not None:
            divisor = _number(self.per, many)
            if divisor <= 0:
                raise FieldError(f"{self.per} is {many}, and must be above zero")
            number /= divisor
        match self.round:
            case "up":
                return math.ceil(number)
            case "down":
                return math.floor(number)
            case "nearest":
                return math.floor(number + Fraction(1, 2))
        if number.denominator != 1:
            raise FieldError(f"{self.from_} makes {float(number):g}, which is no whole number")
        return number.numerator


def look_up(entry: Mapping[str, Any], path: str) -> object:
    """What stands at a path of names with dots between, None for nothing and for null.

    Through a list it goes for each member: ``properties.index`` is the list of all their indexes.
    """
    value: object = entry
    for name in path.split("."):
        if isinstance(value, list):
            value = [member[name] for member in value if isinstance(member, dict) and name in member]
        elif isinstance(value, dict):
            value = value.get(name)
        else:
            return None
    return value


def spelled(value: object, spelling: Literal["id", "name"]) -> object:
    """Text in the letters that template ids or names may have, a list member by member."""
    if isinstance(value, list):
        return [spelled(member, spelling) for member in value]
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise FieldError("expected text, a whole number, or a list of them")
    letters = unicodedata.normalize("NFKD", str(value)).encode("ascii", "ignore").decode().lower()
    text = _SEPARATORS[spelling].sub("_", letters.replace("'", ""))
    return _LEADING[spelling].sub("", text).rstrip("_")


def plain(value: object) -> object:
    """A value as JSON can say it: a ``Decimal`` is the nearest float; raises ``FieldError`` beyond floats."""
    if isinstance(value, Decimal):
        if not math.isfinite(number := float(value)):
            raise FieldError("a number is out of range")
        return number
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return value


def _number(path: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise FieldError(f"{path} is no number")
    if not _is_bounded(number := Decimal(value)):
        raise FieldError(f"{path} is out of range")
    return Fraction(number)


def _is_bounded(number: Decimal) -> bool:
    return number.is_finite() and (number == 0 or abs(number.adjusted()) <= _MAGNITUDE_MAX)
