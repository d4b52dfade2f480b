"""What became of every row, told and counted, so that at the end all that was read is accounted for."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from engine.refusals import Param, RefusalCode
from persistence.moving_in.characters import Described
from persistence.moving_in.findings import Finding, Outcome, Tally
from persistence.moving_in.gathering import Beyond, Gathered
from persistence.moving_in.judge import ITEMS_MAX, TOO_LARGE
from persistence.moving_in.rows import Fault, Row
from persistence.moving_in.verdicts import Judged, Known

INVALID_ROW: Final = "INVALID_ROW"
EXISTS: Final = "CHARACTER_EXISTS"
OTHERWISE: Final = "IMPORTED_OTHERWISE"
ERASED: Final = "CHARACTER_ERASED"


class Sorted(NamedTuple):
    """A character's rows, but for those that only tell of their owner.

    ``known`` can be judged; of the rest the template is ``unknown``, or another item is ``taken`` for theirs.
    """

    known: list[Known]
    unknown: list[tuple[int, Row]]
    taken: list[tuple[int, Row]]


class Counting:
    """Tells ``report`` of what has to be told, and counts in ``tally``; ``done``: rows so far."""

    def __init__(
        self, rows: int, read: Tally, known_id: Callable[[str], str], report: Callable[[Finding], None]
    ) -> None:
        """``read`` has what was read; ``known_id``: the template's id, "" for an unknown one."""
        self.tally = Tally()
        self.tally.rows = rows
        self.tally.left_aside = read.left_aside
        for template_id, units in read.units.items():
            self.tally.of(template_id).read = units.read
        self.done = 0
        self._known_id = known_id
        self._report = report

    def faulty(self, number: int, fault: Fault) -> None:
        """A row that cannot be judged."""
        params = {"field": fault.field} if fault.field else {}
        params["problem"] = fault.problem
        self._tell(Finding(number, fault.owner, "", fault.template, "rejected", INVALID_ROW, params, 0))
        self._count("rejected")

    def beyond(self, found: Beyond) -> None:
        """A row that is too much for its character."""
        if found.is_new:
            self._reject(found.number, found.row, found.char_id, TOO_LARGE, {"items_max": ITEMS_MAX})
            self._count("rejected")
        else:
            self._pass_by(found.number, found.row, found.char_id)

    def erased(self, found: Gathered) -> None:
        """A character that was erased, and is not made again."""
        for number, row in found.rows:
            self._reject(number, row, found.char_id, ERASED, {})
        self._count("rejected", len(found.rows))

    def existing(self, found: Gathered) -> None:
        """A character that is there, and was not made of these rows."""
        self.tally.existing += 1
        for number, row in found.rows:
            self._pass_by(number, row, found.char_id)

    def otherwise(self, found: Gathered) -> None:
        """A character that was made of these rows when other units of them came in than would now."""
        self.tally.existing += 1
        for number, row in found.rows:
            self._pass_by(number, row, found.char_id, OTHERWISE)

    def judged(
        self, found: Gathered, who: Described, rows: Sorted, judged: Judged, *, repeated: bool
    ) -> None:
        """A character that is made; ``repeated``: it was, of these rows, and all is told again."""
        tally = self.tally
        if repeated:
            tally.repeated += 1
        else:
            tally.characters += 1
            tally.items += len(judged.items)
            tally.split += judged.split
        self._tell_remarks(found, who)
        for number, row in rows.unknown:
            name = RefusalCode.UNKNOWN_TEMPLATE
            self._reject(number, row, found.char_id, name, {"template_id": row.template})
        for number, row in rows.taken:
            name = RefusalCode.ALREADY_EXISTS
            self._reject(number, row, found.char_id, name, {"item_id": row.item_id})
        for finding in judged.findings:
            self._tell(finding)
            if finding.outcome == "rejected":
                tally.of(self._known_id(finding.template)).rejected += finding.units
        for template_id, quantity in judged.held.items():
            units = tally.of(template_id)
            if repeated:
                units.existing += quantity
            else:
                units.stored += quantity
        overflowed = len(judged.overflowed - judged.rejected.keys())
        self._count("rejected", len(rows.unknown) + len(rows.taken) + len(judged.rejected))
        self._count("overflowed", overflowed)
        self._count("repeated" if repeated else "placed", len(rows.known) - len(judged.rejected) - overflowed)
        self._count("owner only", len(found.rows) - sum(len(part) for part in rows))

    def _tell_remarks(self, found: Gathered, who: Described) -> None:
        rows = dict(found.rows) if who.remarks else {}
        for remark in who.remarks:
            owner = rows[remark.number].owner
            self._tell(
                Finding(remark.number, owner, found.char_id, "", "noted", remark.code, remark.params, 0)
            )

    def _reject(self, number: int, row: Row, char_id: str, code: str, params: Mapping[str, Param]) -> None:
        self.tally.of(self._known_id(row.template)).rejected += row.quantity
        self._tell(_finding(number, row, char_id, "rejected", code, params))

    def _pass_by(self, number: int, row: Row, char_id: str, code: str = EXISTS) -> None:
        self.tally.of(self._known_id(row.template)).existing += row.quantity
        self._tell(_finding(number, row, char_id, "skipped", code, {}))
        self._count("existing" if code == EXISTS else "otherwise")

    def _tell(self, finding: Finding) -> None:
        self.tally.note(finding)
        self._report(finding)

    def _count(self, became: str, rows: int = 1) -> None:
        self.done += rows
        if rows:
            self.tally.became[became] += rows


def _finding(
    number: int, row: Row, char_id: str, outcome: Outcome, code: str, params: Mapping[str, Param]
) -> Finding:
    return Finding(number, row.owner, char_id, row.template, outcome, str(code), params, row.quantity)
