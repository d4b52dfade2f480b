"""What an import has come to, in words for a terminal, and what is told of single rows, as JSON."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from gateway.command_line.counting import counted
from persistence.moving_in.findings import Finding, Tally

_encode = msgspec.json.Encoder().encode

NAMED_MAX: Final = 20

# What became of rows, in the order in which it is told.
_BECAME: Final = {
    "placed": "placed as said, or where the rules chose",
    "overflowed": "with something in the overflow container, which had no place elsewhere",
    "rejected": "left out, or brought in with a part of the units",
    "existing": "passed by, being of characters that are there already",
    "otherwise": "passed by, being of characters that an earlier import has made otherwise of them",
    "repeated": "brought in before",
    "owner only": "telling of an owner only",
}


def report_line(finding: Finding) -> bytes:
    """A line of the report, with its end."""
    return _encode(finding) + b"\n"


def summary(tally: Tally, *, written: bool, report: str | None) -> Iterator[str]:
    """What became of all rows; ``written``: it was done, and not only looked at."""
    were = "were" if written else "would be"
    yield (
        f"{counted(tally.rows, 'row')}: {counted(tally.characters, 'character')}"
        f" with {counted(tally.items, 'item')} {were} brought in ({tally.seconds:.1f} s)."
    )
    if tally.left_aside:
        yield f"Columns that were left aside: {_listed(tally.left_aside)}."
    for became, words in _BECAME.items():
        if rows := tally.became[became]:
            yield _line(rows, words)
    if tally.split:
        yield _line(tally.split, "made into several stacks, being more than one may hold")
    if tally.found:
        yield "What rules and table say of rows:"
        for (outcome, code), rows in sorted(tally.found.items(), key=lambda one: (-one[1], one[0])):
            units = tally.found_units[outcome, code]
            yield f"  {rows:>12,} × {code}: {outcome}" + (f", {counted(units, 'unit')}" if units else "")
        yield f"Row by row: {report}" if report else "Row by row: --report FILE"
    yield from _reconciled(tally)


def _line(rows: int, words: str) -> str:
    return f"  {rows:>12,} {'row' if rows == 1 else 'rows'} {words}"


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(map(repr, names[:NAMED_MAX]))
    return f"{listed} and {len(names) - NAMED_MAX:,} more" if len(names) > NAMED_MAX else listed


def _reconciled(tally: Tally) -> Iterator[str]:
    if wrong := tally.differences():
        yield "THIS DOES NOT ADD UP, which is a fault of the program:"
        yield from (f"  {one}" for one in wrong)
        return
    parts = [f"{tally.sum('stored'):,} in inventories"]
    if tally.overflowed_units:
        parts[0] += f" (of these {tally.overflowed_units:,} in the overflow container)"
    parts += [f"{units:,} {word}" for word in ("rejected", "existing") if (units := tally.sum(word))]
    read = counted(tally.sum("read"), "unit")
    yield f"Reconciled: {read} read = {' + '.join(parts)}, each template by itself."
