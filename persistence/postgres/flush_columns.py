"""What a batch of flush work comes to, as columns for the statement that writes it.

A statement takes whole columns, so one is enough whatever the size of a batch, and PostgreSQL plans
it once.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from engine.outcome import Changes
from engine.state import Actor, Item
from persistence.errors import FlushRejected
from persistence.operations import ring_rows
from persistence.postgres import array_text
from persistence.records import FlushWork

Argument = str | bytes | int
_encode = msgspec.json.Encoder().encode


class FinalItems(Struct, frozen=True):
    """Items after a run of entries, each once however often it was changed on the way.

    ``items``: those that are there. ``removed``: those that are not, with whether PostgreSQL
    must have had them: an entry took them away without another having brought them before.
    """

    items: list[Item]
    removed: dict[str, bool]


def coalesced(changes: Iterable[Changes]) -> FinalItems:
    """The final value of every item that a run of changes touched."""
    last: dict[str, Item | None] = {}
    stored: set[str] = set()
    for change in changes:
        for item in change.changed:
            last[item.item_id] = item
        for item_id in change.removed:
            if item_id not in last:
                stored.add(item_id)
            last[item_id] = None
    return FinalItems(
        [item for item in last.values() if item is not None],
        {item_id: item_id in stored for item_id, item in last.items() if item is None},
    )


def last_actor(work: FlushWork) -> Actor | None:
    """The actor after the work, None where no entry changed it."""
    for entry in reversed(work.entries):
        if entry.changes.actor is not None:
            return entry.changes.actor
    return None


def check(batch: Sequence[FlushWork]) -> None:
    """Raise for work that must not reach PostgreSQL.

    ``ValueError``: a character stands twice in the batch, which is the caller's mistake.
    ``FlushRejected``: entries that do not follow each other, which would leave a gap in the journal.
    """
    if len({work.char_id for work in batch}) != len(batch):
        raise ValueError("a character stands twice in the batch")
    for work in batch:
        seq = work.base_seq
        for entry in work.entries:
            seq += 1
            if entry.seq != seq:
                raise FlushRejected(f"character {work.char_id}: entry {entry.seq} where {seq} belongs")


class RemovedColumns(NamedTuple):
    """Items that go; ``stored``: whether PostgreSQL must have had it."""

    item_ids: list[str]
    owners: list[str]
    stored: list[bool]


class ItemColumns(NamedTuple):
    """Items as they are at last, slots as text."""

    item_ids: list[str]
    owners: list[str]
    template_ids: list[str]
    quantities: list[int]
    containers: list[str]
    slots: list[str]
    bound: list[bool]
    locked: list[bool]
    held: list[bool]


def item_columns(batch: Sequence[FlushWork]) -> tuple[RemovedColumns, ItemColumns]:
    """What becomes of the items of a batch."""
    removed = RemovedColumns([], [], [])
    items: list[Item] = []
    owners: list[str] = []
    for work in batch:
        entries = work.entries
        if len(entries) == 1 and not entries[0].changes.removed:
            # As most are; and in one change an item stands once.
            changed = entries[0].changes.changed
            items += changed
            owners += [work.char_id] * len(changed)
            continue
        final = coalesced(entry.changes for entry in entries)
        items += final.items
        owners += [work.char_id] * len(final.items)
        removed.item_ids.extend(final.removed)
        removed.owners.extend([work.char_id] * len(final.removed))
        removed.stored.extend(final.removed.values())
    places = [item.place for item in items]
    return removed, ItemColumns(
        [item.item_id for item in items],
        owners,
        [item.template_id for item in items],
        [item.quantity for item in items],
        [place.container for place in places],
        [str(place.slot) for place in places],
        [item.bound for item in items],
        [item.locked for item in items],
        [item.held for item in items],
    )


def arguments(batch: Sequence[FlushWork]) -> list[Argument]:
    """The arguments of ``flush``; raises ``FlushRejected`` for an entry that is no JSON text."""
    return [*_heads(batch), *_entries(batch), *_operations(batch), *_items(batch)]


def _heads(batch: Sequence[FlushWork]) -> list[Argument]:
    actors = [last_actor(work) for work in batch]
    texts = [None if actor is None else _text(actor).decode() for actor in actors]
    return [
        array_text.texts([work.char_id for work in batch]),
        array_text.numbers([work.epoch for work in batch]),
        array_text.numbers([work.base_seq for work in batch]),
        array_text.numbers([work.last_seq for work in batch]),
        array_text.numbers([work.incarnation for work in batch]),
        # What is missing at the end of a column is null.
        array_text.texts_or_null(texts) if any(texts) else "{}",
    ]


def _entries(batch: Sequence[FlushWork]) -> list[Argument]:
    owners: list[str] = []
    lines: list[bytes] = []
    for work in batch:
        lines += work.texts or map(_text, work.entries)
        owners += [work.char_id] * len(work.entries)
    joined = b"\n".join(lines)
    if joined.count(b"\n") != len(lines) - 1:
        # Between the tokens of JSON, where alone it may stand, a blank is as good.
        joined = b"\n".join([line.replace(b"\n", b" ") for line in lines])
    return [array_text.texts(owners), joined]


def _text(document: Struct) -> bytes:
    try:
        return _encode(document)
    except UnicodeEncodeError as error:
        raise FlushRejected(str(error)) from error


def _operations(batch: Sequence[FlushWork]) -> list[Argument]:
    rows = ring_rows(batch)
    if not rows:
        return ["{}"] * 7
    char_ids, slots, op_ids, seqs, hashes, replies, times = zip(*rows, strict=True)
    return [
        array_text.texts(char_ids),
        array_text.numbers(slots),
        array_text.texts(op_ids),
        array_text.numbers(seqs),
        array_text.texts(hashes),
        array_text.texts(replies),
        array_text.numbers(times),
    ]


def _items(batch: Sequence[FlushWork]) -> list[Argument]:
    removed, items = item_columns(batch)
    return [
        array_text.texts(removed.item_ids),
        array_text.texts(removed.owners),
        array_text.flags(removed.stored),
        sum(removed.stored),
        array_text.texts(items.item_ids),
        array_text.texts(items.owners),
        array_text.texts(items.template_ids),
        array_text.numbers(items.quantities),
        array_text.texts(items.containers),
        array_text.texts(items.slots),
        array_text.flags(items.bound),
        array_text.flags(items.locked),
        array_text.flags(items.held),
        len(items.item_ids),
    ]
