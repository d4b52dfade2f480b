"""Catalogs in words, for operators at a terminal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from gateway.command_line.counting import counted
from persistence.items.catalog_diff import CatalogDiff
from persistence.items.catalog_versions import CatalogVersion

# Of templates that an earlier release has stored, perhaps.
_NOTHING_TO_SHOW: Final = "spelled otherwise before, or in a way that cannot be read any more"


def diff_lines(diff: CatalogDiff) -> Iterator[str]:
    """What would change, line by line; of long lists the first, and how many more there are."""
    counts = diff.counts
    if diff.version == diff.base:
        yield f"It says what the catalog says, which stays at version {diff.base}."
        return
    yield (
        f"Against version {diff.base}: {counts.added} added, {counts.removed} removed,"
        f" {counts.changed} changed; {counted(counts.templates, 'template')} then."
    )
    for name in diff.added:
        yield f"+ {name}"
    yield from _more(counts.added - len(diff.added), "added")
    for name in diff.removed:
        yield f"- {name}"
    yield from _more(counts.removed - len(diff.removed), "removed")
    for one in diff.changed:
        facts = "; ".join(f"{fact} {_json(old)} → {_json(new)}" for fact, (old, new) in one.facts.items())
        what = ", ".join(filter(None, [facts, "data" if one.data else ""]))
        yield f"~ {one.template_id}: {what or _NOTHING_TO_SHOW}"
    yield from _more(counts.changed - len(diff.changed), "changed")
    for tighter in diff.tightened:
        held = _held(tighter.characters, tighter.items)
        yield f"! {tighter.template_id}: {', '.join(tighter.facts)} may not fit what there is: {held}"
    yield from _more(counts.tightened - len(diff.tightened), "that may not fit")
    for name, usage in diff.in_use.items():
        yield f"! {name}: would be gone, and there is still {_held(usage.characters, usage.items)}"
    yield from _more(counts.in_use - len(diff.in_use), "in use that would be gone")
    if not diff.accepted:
        yield "It would not be taken: there are items of templates that it lacks."


def version_lines(versions: Sequence[CatalogVersion]) -> Iterator[str]:
    """A line for each version."""
    if not versions:
        yield "There has been no catalog yet."
    for one in versions:
        at = datetime.fromtimestamp(one.imported_at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        changes = "" if one.added is None else f", +{one.added} -{one.removed} ~{one.changed}"
        restorable = "" if one.restorable else ", not kept"
        yield (
            f"{one.version}  {at}  {one.by or 'unknown'}: {counted(one.count, 'template')}{changes},"
            f" {one.content[:12]}, ruleset {one.ruleset}{restorable}"
        )


def _more(left: int, what: str) -> Iterator[str]:
    if left > 0:
        yield f"… and {left} more {what}"


def _held(characters: int, items: int) -> str:
    if not items:
        return "nobody has any"
    return f"{counted(items, 'item')} of {counted(characters, 'character')}"


def _json(value: Any) -> str:  # noqa: ANN401 - whatever a fact may be
    return msgspec.json.encode(value).decode()
