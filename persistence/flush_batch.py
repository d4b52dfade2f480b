"""The flush of many characters in one transaction: docs/protocol.md, "FLUSH"."""

from collections.abc import Sequence

from persistence import flush_columns
from persistence.database import Connection, Database
from persistence.errors import FlushRejected
from persistence.named_sql import query
from persistence.operations import ring_columns
from persistence.records import FlushResult, FlushWork


async def flush(database: Database, batch: Sequence[FlushWork]) -> dict[str, FlushResult]:
    """Write a batch, all of it or nothing; at most seven statements however large it is.

    Returns a result for every work, by its ``char_id``. Raises ``FlushRejected`` when PostgreSQL
    refuses a row: nothing was written, and the batch should be tried again one by one, to find
    whose it is. ``Unavailable``: nothing was written. ``OutcomeUnknown``: read the heads and see.
    """
    flush_columns.check(batch)
    if not batch:
        return {}
    async with database.transaction(FlushRejected) as connection:
        # The locks are held to the end, so what is read here stays true: nobody raises an epoch
        # or moves a seq between the guard and the rows that depend on it.
        heads = {
            row["n"] - 1: row
            for row in await connection.fetch(query("lock_heads"), [work.char_id for work in batch])
        }
        locked = [n for n in range(len(batch)) if n in heads]
        columns = flush_columns.head_columns([batch[n] for n in locked])
        rows = await connection.fetch(query("flush_heads"), *columns)
        flushed = {locked[row["n"] - 1] for row in rows}
        others = [work.char_id for n, work in enumerate(batch) if n not in heads]
        busy = {row["char_id"] for row in await connection.fetch(query("existing"), others)} if others else ()
        await write([work for n, work in enumerate(batch) if n in flushed], connection)
    results = {}
    for n, work in enumerate(batch):
        if n in flushed:
            results[work.char_id] = FlushResult("flushed", work.epoch, work.last_seq)
        elif n in heads:
            results[work.char_id] = FlushResult("passed_over", heads[n]["epoch"], heads[n]["seq"])
        else:
            results[work.char_id] = FlushResult("busy" if work.char_id.lower() in busy else "absent")
    return results


async def write(batch: Sequence[FlushWork], connection: Connection) -> None:
    """Append the journal rows and bring the items of ``batch`` to their final values."""
    if not any(work.entries for work in batch):
        return
    await connection.execute(query("flush_journal"), *flush_columns.journal_columns(batch))
    operations = ring_columns(batch)
    if operations[0]:
        await connection.execute(query("flush_operations"), *operations)
    removed, items = flush_columns.item_columns(batch)
    # Removed items first: the place of one may be where another goes.
    if removed[0]:
        went = await connection.fetchval(query("flush_removed"), *removed)
        _expect("removed", went, sum(map(bool, removed[2])))
    if items[0]:
        tag = await connection.execute(query("flush_items"), *items)
        _expect("written", int(tag.rpartition(" ")[2]), len(items[0]))


def _expect(what: str, rows: int, sent: int) -> None:
    """Raise ``FlushRejected`` where an owner's guard kept rows back: session and PostgreSQL disagree."""
    if rows != sent:
        raise FlushRejected(f"{sent} items were to be {what}, {rows} were: others are not this owner's")
