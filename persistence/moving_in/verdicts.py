"""What is judged, a row whose template is known, and what is said of all rows of one character."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from engine.facts import Facts
from engine.refusals import Param
from engine.state import Item
from persistence.moving_in.findings import Finding, Outcome
from persistence.moving_in.rows import Row

_encode = msgspec.json.Encoder().encode


class Known(Struct, frozen=True, gc=False):
    """A row whose template is known, and its number."""

    number: int
    row: Row
    facts: Facts

    @property
    def bound(self) -> bool:
        """Whether its items are bound from the beginning."""
        return self.row.bound or self.facts.bind == "pickup"


class Judged(Struct, frozen=True):
    """An inventory to begin with.

    ``findings``: what of the rows is told. ``rejected``: by row number, units that are not in it.
    ``overflowed``: rows of which units are where they were not meant to be. ``split``: how many rows became
    several stacks. ``given``: ids that are rows' own. ``held``: units of each template.
    """

    items: Mapping[str, Item]
    findings: Sequence[Finding]
    rejected: Mapping[int, int]
    overflowed: frozenset[int]
    split: int
    given: Sequence[str]
    held: Mapping[str, int]

    def digest(self) -> str:
        """A hash over what is held: which units of the rows came in, wherever they are."""
        text = _encode(sorted(self.held.items()))
        return hashlib.blake2b(text, digest_size=16).hexdigest()


class Verdicts:
    """Gathers what becomes of one character's rows.

    ``given``: by row number, the id of an item that is the row's own.
    """

    def __init__(self, char_id: str) -> None:
        """Nothing yet."""
        self.given: dict[int, str] = {}
        self._char_id = char_id
        self._findings: list[Finding] = []
        self._rejected: dict[int, int] = {}
        self._overflowed: set[int] = set()
        self._split: set[int] = set()

    def find(
        self, known: Known, outcome: Outcome, code: str, params: Mapping[str, Param], units: int
    ) -> None:
        """Tell what a rule says of ``units`` of a row."""
        number, row = known.number, known.row
        if outcome == "rejected":
            self._rejected[number] = self._rejected.get(number, 0) + units
        elif outcome == "overflowed":
            self._overflowed.add(number)
        self._findings.append(
            Finding(number, row.owner, self._char_id, row.template, outcome, str(code), params, units)
        )

    def split(self, known: Known) -> None:
        """The row has become several stacks."""
        self._split.add(known.number)

    def of(self, items: Mapping[str, Item]) -> Judged:
        """All of it, said of the inventory that the rows have become."""
        held: dict[str, int] = {}
        for item in items.values():
            held[item.template_id] = held.get(item.template_id, 0) + item.quantity
        return Judged(
            items,
            self._findings,
            self._rejected,
            frozenset(self._overflowed),
            len(self._split),
            list(self.given.values()),
            held,
        )
