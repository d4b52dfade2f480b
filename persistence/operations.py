"""Operation ids: what was done under them is remembered, so that a repeat is answered and not done again.

A session has a ring of the most recent ones (``lua/functions/call.lua``), and PostgreSQL the same
ring, written by the flush that has their entries. A load brings it back. So an id is known for as
many operations of its character as the ring has places, and for a day, whatever happens to
sessions and servers meanwhile.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from persistence.records import FlushWork, Operation

# PostgreSQL's are forgotten after this time; those of a session that goes on only by later ones.
OPERATIONS_KEPT_S: Final = 24 * 3600


def ring_parts(operations: Sequence[Operation]) -> list[str | int]:
    """Fields and values in turn of a session's ring; ``operations`` in the order in which they were done."""
    parts: list[str | int] = []
    for done in operations:
        parts += (
            f"ring:{done.slot}",
            done.op_id,
            f"op:{done.op_id}",
            f"{done.payload_hash}:{done.seq} {done.reply}",
        )
    if operations:
        # Only what is left of the count by the ring's size is used: the next slot follows the newest.
        parts += ("count", operations[-1].slot)
    return parts


def ring_rows(batch: Iterable[FlushWork]) -> list[tuple[str, int, str, int, str, str, int]]:
    """Rows of ``operations``: of each slot the last operation that took it."""
    last: dict[tuple[str, int], tuple[str, int, str, int, str, str, int]] = {}
    for work in batch:
        for entry in work.entries:
            if (done := entry.done) is not None:
                reply = bytes(done.reply).decode()
                row = (work.char_id, done.slot, entry.op_id, entry.seq, done.payload_hash, reply, entry.at)
                last[work.char_id, done.slot] = row
    return list(last.values())
