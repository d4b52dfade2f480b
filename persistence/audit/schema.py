"""What PostgreSQL's schema itself has to hold, since nothing of it can be seen in rows."""

from typing import Final

from persistence.audit import findings
from persistence.audit.findings import Violation
from persistence.postgres.database import Connection
from persistence.postgres.named_sql import query

# Table, columns, and what a row of it is.
_KEYS: Final = (
    (findings.PLACES, "items", ["item_id"], "that an item is one row"),
    (findings.PLACES, "items", ["container", "owner", "slot"], "that a place holds one item"),
    (findings.LEDGER, "characters", ["char_id"], "that a character is one row"),
    (findings.OPERATIONS, "operations", ["char_id", "slot"], "that an operation has a place of its own"),
)


async def faults(connection: Connection) -> list[Violation]:
    """Constraints, triggers and partitions that are not there, or not in force."""
    found = [
        Violation(number, "", f"no constraint of {table} says {what} ({', '.join(columns)})")
        for number, table, columns, what in _KEYS
        if not await connection.fetchval(query("audit_is_unique"), table, columns)
    ]
    found += [
        Violation(findings.LEDGER, "", f"no trigger keeps the rows of {row['relname']} as they are")
        for row in await connection.fetch(query("audit_open_partitions"))
    ]
    partitions = await connection.fetchrow(query("audit_partitions"))
    assert partitions is not None
    if not partitions["this_week"]:
        found.append(Violation(findings.RECOUNT, "", "the ledger has no partition for this week"))
    if not partitions["other"]:
        found.append(Violation(findings.RECOUNT, "", "the ledger has no partition for what fits no week"))
    return found
