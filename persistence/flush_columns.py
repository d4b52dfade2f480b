"""What a batch of flush work comes to, as columns for the statements that write it.

A statement takes whole columns by ``unnest``, so their number stays the same whatever the size
of a batch, and PostgreSQL plans each once.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from engine.outcome import Changes
from engine.state import Actor, Item
from persistence.errors import FlushRejected
from persistence.records import FlushWork

Columns = tuple[list[object], ...]


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
    return next((e.changes.actor for e in reversed(work.entries) if e.changes.actor is not None), None)


def check(batch: Sequence[FlushWork]) -> None:
    """Raise for work that must not reach PostgreSQL.

    ``ValueError``: a character stands twice in the batch, which is the caller's mistake.
    ``FlushRejected``: entries that do not follow each other, which would leave a gap in the journal.
    """
    if len({work.char_id for work in batch}) != len(batch):
        raise ValueError("a character stands twice in the batch")
    for work in batch:
        for seq, entry in enumerate(work.entries, work.base_seq + 1):
            if entry.seq != seq:
                raise FlushRejected(f"character {work.char_id}: entry {entry.seq} where {seq} belongs")


def head_columns(batch: Sequence[FlushWork]) -> Columns:
    """Columns of ``flush_heads``."""
    return (
        [work.char_id for work in batch],
        [work.epoch for work in batch],
        [work.base_seq for work in batch],
        [work.last_seq for work in batch],
        [last_actor(work) for work in batch],
        [work.incarnation for work in batch],
    )


def journal_columns(batch: Sequence[FlushWork]) -> Columns:
    """Columns of ``flush_journal``."""
    entries = [(work.char_id, entry) for work in batch for entry in work.entries]
    return (
        [char_id for char_id, _ in entries],
        [entry.seq for _, entry in entries],
        [entry.at for _, entry in entries],
        [entry.by for _, entry in entries],
        [entry.request_id for _, entry in entries],
        [entry.op_id for _, entry in entries],
        [entry.commands for _, entry in entries],
        [entry.changes for _, entry in entries],
    )


def item_columns(batch: Sequence[FlushWork]) -> tuple[Columns, Columns]:
    """Columns of ``flush_removed`` and of ``flush_items``."""
    removed: Columns = ([], [], [])
    items: list[Item] = []
    owners: list[object] = []
    for work in batch:
        final = coalesced(entry.changes for entry in work.entries)
        items += final.items
        owners += [work.char_id] * len(final.items)
        removed[0].extend(final.removed)
        removed[1].extend([work.char_id] * len(final.removed))
        removed[2].extend(final.removed.values())
    return removed, (
        [item.item_id for item in items],
        owners,
        [item.template_id for item in items],
        [item.quantity for item in items],
        [item.place.container for item in items],
        [str(item.place.slot) for item in items],
        [item.bound for item in items],
        [item.locked for item in items],
        [item.held for item in items],
    )
