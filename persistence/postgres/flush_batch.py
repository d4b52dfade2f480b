"""The flush of many characters in one statement: docs/protocol.md, "FLUSH"."""

from collections.abc import Mapping, Sequence

from persistence.errors import FlushRejected
from persistence.postgres import flush_columns
from persistence.postgres.database import Connection, Database, Row
from persistence.postgres.named_sql import query
from persistence.records import FlushResult, FlushWork

# The works that do not fit are left out, and the others sent again: how often, before what is left is
# taken for busy. Each time somebody else must have been quicker with one of them.
TRIES = 4


async def flush(database: Database, batch: Sequence[FlushWork]) -> dict[str, FlushResult]:
    """Write a batch: of the works that fit, all or nothing; one statement where all fit.

    Returns a result for every work, by its ``char_id``. Raises ``FlushRejected`` when PostgreSQL
    refuses a row: nothing was written, and the batch should be tried again in parts, to find
    whose it is. ``Unavailable``: nothing was written. ``OutcomeUnknown``: read the heads and see.
    """
    flush_columns.check(batch)
    results: dict[str, FlushResult] = {}
    todo = list(batch)
    for _ in range(TRIES):
        if not todo:
            return results
        arguments = flush_columns.arguments(todo)
        async with database.single(FlushRejected) as connection:
            misfits = await _misfits(connection, todo, arguments)
        if not misfits:
            flushed = {work.char_id: FlushResult("flushed", work.epoch, work.last_seq) for work in todo}
            return flushed | results
        results |= misfits
        todo = [work for work in todo if work.char_id not in misfits]
    return results | {work.char_id: FlushResult("busy") for work in todo}


async def write(work: FlushWork, connection: Connection) -> None:
    """Write one character's work in a transaction that has its head locked, and has seen that it fits.

    Raises what the transaction makes of a row that PostgreSQL refuses.
    """
    flush_columns.check([work])
    misfits = await _misfits(connection, [work], flush_columns.arguments([work]))
    assert not misfits, "the head is locked, and was compared"


async def _misfits(
    connection: Connection, batch: Sequence[FlushWork], arguments: Sequence[flush_columns.Argument]
) -> Mapping[str, FlushResult]:
    """Send the batch; results of the works that do not fit, and because of which nothing was written."""
    rows = await connection.fetch(query("flush"), *arguments)
    return {batch[row["n"] - 1].char_id: _misfit(row) for row in rows}


def _misfit(row: Row) -> FlushResult:
    if row["epoch"] is not None:
        return FlushResult("passed_over", row["epoch"], row["seq"])
    return FlushResult("busy" if row["known"] else "absent")
