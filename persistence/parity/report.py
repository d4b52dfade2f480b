"""What a run tells at its end: how much it played, what came of it, and the difference if there is one."""

from collections import Counter
from dataclasses import dataclass, field

from engine.outcome import Applied, Outcome
from engine.refusals import RefusalCode
from persistence.parity.case import Case, Difference


@dataclass
class Finding:
    """A difference: where it was seen, how it was shrunk, and the vector that shows it."""

    game: int
    call: int
    case: Case
    difference: Difference
    tries: int
    vector: str


@dataclass
class Report:
    """Counts of one run; ``steps`` are commands judged, ``calls`` the calls they came in."""

    label: str
    seed: int
    steps: int = 0
    calls: int = 0
    games: int = 0
    hashes: int = 0
    rate: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    applied: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    finding: Finding | None = None

    def add(self, outcome: Outcome | None, ops: list[str]) -> None:
        """Count a call by what it came to in Python; ``ops`` are its commands'."""
        self.calls += 1
        if isinstance(outcome, Applied):
            self.steps += len(ops)
            self.codes["applied"] += 1
            self.applied.update(ops)
        elif outcome is not None:
            # What stands behind a refused command was not judged.
            self.steps += outcome.op_index + 1
            self.codes[outcome.code.value] += 1
            self.refused[ops[outcome.op_index]] += 1

    @property
    def share_applied(self) -> float:
        """The share of calls that were applied."""
        return self.codes["applied"] / max(1, self.calls)

    def never(self) -> list[str]:
        """Codes that no call came to."""
        return [code.value for code in RefusalCode if not self.codes[code.value]]

    def lines(self) -> list[str]:
        """The report as an operator reads it."""
        told = [
            f"{self.label}, seed {self.seed}: {self.steps:,} commands in {self.calls:,} calls "
            f"of {self.games:,} games, {self.hashes:,} whole sessions compared, {self.rate:,.0f} commands/s",
            *_columns(self.codes, self.calls, ["applied", *(code.value for code in RefusalCode)]),
            "  by command (calls applied with it, calls refused by it): "
            + ", ".join(
                f"{op} {self.applied[op]:,}/{self.refused[op]:,}"
                for op in sorted(self.applied | self.refused)
            ),
        ]
        if never := self.never():
            told.append(f"  never: {', '.join(never)}")
        return [*told, *(self._difference() if self.finding else ["  no difference"])]

    def _difference(self) -> list[str]:
        assert self.finding is not None
        found = self.finding
        commands = sum(len(call.commands) for call in found.case.calls)
        return [
            f"  DIFFERENCE in game {found.game}, call {found.call}, shrunk by {found.tries} tries to "
            f"calls: {len(found.case.calls)}, commands: {commands}",
            "",
            str(found.difference),
            "",
            found.vector,
        ]


def _columns(codes: Counter[str], calls: int, order: list[str]) -> list[str]:
    """Three codes a line, with their counts and shares."""
    cells = [
        f"{code:<24}{codes[code]:>9,}{codes[code] / max(1, calls):>7.1%}" for code in order if codes[code]
    ]
    return ["  " + "   ".join(cells[at : at + 3]) for at in range(0, len(cells), 3)]
