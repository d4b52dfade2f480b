"""What is told of single rows, and what all of them come to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from engine.refusals import Param

# What became of the units that a finding is about, or that it is a note on a row that came in all the same.
Outcome = Literal["overflowed", "rejected", "skipped", "noted"]


class Finding(Struct, frozen=True):
    """What a rule says of a row, or of ``units`` of it: a line of the report.

    ``code`` and ``params`` are those of the rules' refusals, or one of docs/moving-in.md, "The report".
    ``char_id`` is "" where the row has no owner that could be understood.
    """

    row: int
    owner: str
    char_id: str
    template: str
    outcome: Outcome
    code: str
    params: Mapping[str, Param]
    units: int


class Units(Struct):
    """Units of one template: as rows have them, and what became of them."""

    read: int = 0
    stored: int = 0
    rejected: int = 0
    existing: int = 0


class Tally:
    """Counts rows, units and characters; ``units`` is by template, "" for those of unknown ones."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.rows = 0
        # Columns of the table that nothing was taken from.
        self.left_aside: Sequence[str] = ()
        self.became: Counter[str] = Counter()
        self.found: Counter[tuple[str, str]] = Counter()
        self.found_units: Counter[tuple[str, str]] = Counter()
        self.units: dict[str, Units] = {}
        self.characters = 0
        self.existing = 0
        self.repeated = 0
        self.items = 0
        self.split = 0
        self.overflowed_units = 0
        self.seconds = 0.0

    def of(self, template_id: str) -> Units:
        """The units of a template."""
        found = self.units.get(template_id)
        if found is None:
            found = self.units[template_id] = Units()
        return found

    def note(self, finding: Finding) -> None:
        """One more line of the report."""
        key = finding.outcome, finding.code
        self.found[key] += 1
        self.found_units[key] += finding.units
        if finding.outcome == "overflowed":
            self.overflowed_units += finding.units

    def sum(self, field: str) -> int:
        """Units of all templates: ``read``, ``stored``, ``rejected`` or ``existing``."""
        return sum(getattr(units, field) for units in self.units.values())

    def differences(self) -> list[str]:
        """What does not add up, a sentence each: a fault of this program, if there is anything."""
        wrong = []
        counted = self.became.total()
        if counted != self.rows:
            wrong.append(f"{self.rows} rows were read, and something became of {counted}")
        for template_id, units in sorted(self.units.items()):
            there = units.stored + units.rejected + units.existing
            if there != units.read:
                wrong.append(
                    f"{units.read} of {template_id or 'unknown templates'} were read, and {there} told of"
                )
        return wrong
