"""What an audit finds: violations, notes, and how much it has looked at."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

PLACES, OWNERSHIP, TOTALS, LEDGER, JOURNAL, REPLAY, OPERATIONS, QUEUE, RECOUNT = 1, 2, 3, 4, 5, 6, 8, 10, 11
LEFTOVERS = 0

# By number: what holds, and what is counted as looked at.
TITLES: dict[int, tuple[str, str]] = {
    PLACES: ("every item has one owner and a place of its own", "items"),
    OWNERSHIP: ("no item is usable in two places", "items in sessions"),
    TOTALS: ("of each template there is what came less what went", "units"),
    LEDGER: ("the ledger has no gap, and Redis is not ahead of PostgreSQL", "ledger entries"),
    JOURNAL: ("a session's journal is what PostgreSQL does not have yet", "sessions"),
    REPLAY: ("items and actors are what ledger and journal come to", "characters"),
    OPERATIONS: ("an operation id is done once as long as it is remembered", "operations"),
    QUEUE: ("a session that needs attention is in its due queue", "sessions"),
    RECOUNT: ("running totals are what a recount gives", "sessions"),
    LEFTOVERS: ("nothing is left of what is gone", "keys"),
}
NOT_AT_REST = (
    "Not to be seen at rest, and held by tests: 7 what was acknowledged is there, 9 a refused call changes"
    " nothing, 12 Python and Lua judge alike."
)
# The note on a session whose totals were made by other rules than the audit's.
OTHER_RULESET = "other ruleset"
# Findings beyond so many of one kind are only counted.
KEPT = 1000


class Violation(Struct, frozen=True, order=True):
    """Something that does not hold; ``char_id`` is "" where it is no single character's."""

    invariant: int
    char_id: str
    text: str

    def __str__(self) -> str:
        """The whole of it in a line."""
        return f"{self.char_id}: {self.text}" if self.char_id else self.text


class Note(Struct, frozen=True):
    """Something that an operator should know of, and that breaks nothing."""

    kind: str
    char_id: str
    text: str

    def __str__(self) -> str:
        """The whole of it in a line."""
        return f"{self.char_id}: {self.text}" if self.char_id else self.text


class Report:
    """What an audit has found, by invariant and by kind; ``looked_at`` and the sums count all there was."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.looked_at: Counter[int] = Counter()
        self.sums: Counter[str] = Counter()
        self.violated: Counter[int] = Counter()
        self.noted: Counter[str] = Counter()
        self.violations: list[Violation] = []
        self.notes: list[Note] = []
        self.seconds = 0.0

    @property
    def clean(self) -> bool:
        """Whether nothing was violated."""
        return not self.violated

    def add(self, violations: Iterable[Violation]) -> None:
        """Count them, and keep the first ones of each invariant."""
        for violation in violations:
            self.violated[violation.invariant] += 1
            if self.violated[violation.invariant] <= KEPT:
                self.violations.append(violation)

    def note(self, notes: Iterable[Note]) -> None:
        """Count them, and keep the first ones of each kind."""
        for note in notes:
            self.noted[note.kind] += 1
            if self.noted[note.kind] <= KEPT:
                self.notes.append(note)
