"""Conditions of a mapping's rules: what a field of a foreign entry must be."""

from collections.abc import Callable
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Words = str | Annotated[tuple[str, ...], Meta(min_length=1)]
Condition = Callable[[object], bool]


class FieldTests(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Tests of one field, all of which must hold; see docs/catalog-mapping.md, "Conditions".

    A field that is missing or null passes none but ``exists = false``, a field of another type
    than the test is about does not pass it.
    """

    exists: bool | None = None
    glob: Words | None = None
    has: Words | None = None
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse a table with nothing in it; ``ValueError``."""
        if all(getattr(self, name) is None for name in self.__struct_fields__):
            raise ValueError("expected one test at least")

    def hold(self, value: object) -> bool:
        """Whether ``value``, None where the field is missing, passes all."""
        if value is None:
            return self == FieldTests(exists=False)
        return (
            self.exists is not False
            and (self.glob is None or _matches(value, self.glob))
            and (self.has is None or _contains(value, self.has))
            and (self._bounds_nothing() or self._in_bounds(value))
        )

    def _bounds_nothing(self) -> bool:
        return self.at_least is self.at_most is self.above is self.below is None

    def _in_bounds(self, number: object) -> bool:
        if isinstance(number, bool) or not isinstance(number, int | Decimal):
            return False
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )


def read_condition(raw: object) -> Condition:
    """A condition as a mapping has it: a value to equal, a list of such, or a table of tests.

    Raises ``msgspec.ValidationError``.
    """
    if isinstance(raw, dict):
        return msgspec.convert(raw, FieldTests).hold
    wanted = raw if isinstance(raw, list) else [raw]
    if not wanted or not all(isinstance(one, str | bool | int | Decimal) for one in wanted):
        raise msgspec.ValidationError("Expected text, numbers, true or false, or a table of tests")
    return lambda value: any(_equal(value, one) for one in wanted)


def _equal(value: object, wanted: object) -> bool:
    # True is not 1 in JSON; 1 and 1.0 are the same number.
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _matches(value: object, patterns: Words) -> bool:
    return isinstance(value, str) and any(fnmatchcase(value, pattern) for pattern in _tuple(patterns))


def _contains(value: object, words: Words) -> bool:
    return isinstance(value, list) and any(word in value for word in _tuple(words))


def _tuple(words: Words) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else words
