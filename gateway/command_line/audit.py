"""``haversack audit``: every invariant over all that is stored and all live sessions, while play goes on."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import uvloop

from engine.shipped import read_ruleset
from gateway.command_line.counting import counted
from gateway.command_line.progress import ProgressBar
from gateway.command_line.saying import say
from gateway.configuration.settings import Settings
from gateway.serving.command_servers import add_data_dir, service_settings
from persistence.audit import (
    NOT_AT_REST,
    OTHER_RULESET,
    TITLES,
    Note,
    Options,
    Report,
    Violation,
    audit,
)

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

CLEAN, VIOLATED = 0, 1
_SUMS = ("characters", "items", "entries", "sessions", "read again")
# Units whose singular is more than a letter shorter.
_ONE = {"items in sessions": "item in sessions", "ledger entries": "ledger entry"}
# Of each invariant and each kind of note.
SHOWN = 20

_MEND = (
    "`haversack character history ID` tells what happened; `haversack character repair ID` lets PostgreSQL's"
    " state count, once the character is quarantined"
)
# What an operator can do about a violation; "" is for what is no single character's.
REMEDIES = {
    0: "it is in nobody's way; a key without a session can be deleted, once it is known how it came to be",
    1: _MEND,
    2: _MEND,
    3: "the ledger is wrong, or rows were changed beside it: find out by whom before anything is mended",
    4: "the ledger itself is wrong, or a backup was restored without `haversack recover`: see docs/backup.md",
    5: _MEND,
    6: _MEND,
    8: "look for both entries in the ledger: one of the two may have to be taken back",
    10: "any durable call on the character, or its save, flushes it",
    11: "evict the session: its totals are counted anew by the next load",
}


def add_audit_command(commands: "Subparsers") -> None:
    """Add ``audit``; its ``run`` answers the exit status: 1 where something is violated."""
    auditing = commands.add_parser("audit", help="check every invariant over the store and the live sessions")
    auditing.add_argument("--sample", type=_positive, metavar="N", help="only N characters, drawn at random")
    auditing.add_argument("--json", action="store_true", help="one JSON document instead of a report to read")
    add_data_dir(auditing)
    auditing.set_defaults(run=_audit)


def _audit(settings: Settings, arguments: argparse.Namespace) -> int:
    ruleset = read_ruleset(settings.ruleset)
    progress = ProgressBar(sys.stderr, "characters")
    with service_settings(settings) as service:
        try:
            report = uvloop.run(audit(service, ruleset, Options(sample=arguments.sample), progress.show))
        finally:
            progress.end()
    if arguments.json:
        json.dump(_document(report), sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    else:
        say(*_lines(report))
    return CLEAN if report.clean else VIOLATED


def _lines(report: Report) -> Iterator[str]:
    sums = report.sums
    yield (
        f"{counted(sums['characters'], 'character')}, {counted(sums['items'], 'item')},"
        f" {counted(sums['entries'], 'ledger entry')}, {counted(sums['sessions'], 'session')}"
        f" in {report.seconds:.1f} s"
    )
    for number, (title, unit) in TITLES.items():
        violated = report.violated[number]
        name = f"{number:>2}" if number else " –"
        verdict = f"{violated:,} VIOLATED" if violated else "ok"
        yield f"{name}  {title}: {verdict} ({_looked_at(report.looked_at[number], unit)})"
        yield from _found([one for one in report.violations if one.invariant == number], violated)
        if violated:
            yield f"      → {REMEDIES[number]}"
    yield NOT_AT_REST
    for kind, count in sorted(report.noted.items()):
        yield f"note: {kind} ({count:,})"
        yield from _found([one for one in report.notes if one.kind == kind], count)
    if not report.clean:
        yield f"{counted(report.violated.total(), 'violation')}."
    elif skipped := report.noted[OTHER_RULESET]:
        yield (
            f"No violation was found; not recounted under another ruleset: {counted(skipped, 'session')}"
            " (set HAVERSACK_RULESET as it is set for `serve`)."
        )
    else:
        yield "All invariants hold."


def _looked_at(number: int, unit: str) -> str:
    return f"{number:,} {_ONE.get(unit, unit.removesuffix('s')) if number == 1 else unit}"


def _found(found: list[Violation] | list[Note], count: int) -> Iterator[str]:
    for one in found[:SHOWN]:
        yield f"      {one}"
    if count > SHOWN:
        yield f"      and {count - SHOWN:,} more"


def _document(report: Report) -> dict[str, Any]:
    return {
        "clean": report.clean,
        "seconds": round(report.seconds, 3),
        "counts": {name: report.sums[name] for name in _SUMS},
        "invariants": [
            {
                "invariant": number,
                "title": title,
                "looked_at": report.looked_at[number],
                "unit": unit,
                "violations": report.violated[number],
            }
            for number, (title, unit) in TITLES.items()
        ],
        # The first thousand of each invariant, and of each kind.
        "violations": [
            {"invariant": one.invariant, "char_id": one.char_id, "text": one.text}
            for one in report.violations
        ],
        "notes": [{"kind": one.kind, "char_id": one.char_id, "text": one.text} for one in report.notes],
    }


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is needed")
    return number
