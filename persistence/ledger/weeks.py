"""The weeks of the ledger: partitions of ``journal`` from Monday to Monday, in UTC."""

from datetime import datetime

from msgspec import Struct

from persistence.ledger.alone import Work
from persistence.ledger.errors import WeekRefused
from persistence.postgres.database import Connection, Database
from persistence.postgres.named_sql import query

# So long may making or dropping a partition keep flushes waiting behind it, while it waits for others
# itself. Less than PostgreSQL's deadlock_timeout (1 s): of two that wait for each other, this one gives way.
LOCK_TIMEOUT_MS = 500


class Week(Struct, frozen=True):
    """A partition: its name as SQL spells it, and its bounds, the upper one left out."""

    partition: str
    begins: datetime
    ends: datetime

    def __str__(self) -> str:
        """The week by its first day."""
        return f"the week of {self.begins.date().isoformat()}"


async def old_weeks(connection: Connection, keep_days: int) -> list[Week]:
    """The weeks that ended ``keep_days`` days ago or earlier, oldest first.

    By PostgreSQL's clock, so that one process whose clock is wrong drops nothing.
    """
    rows = await connection.fetch(query("journal_weeks"), keep_days)
    return [Week(row["partition"], row["begins"], row["ends"]) for row in rows if row["old"]]


async def add_week(database: Database, ahead: int) -> str:
    """Make sure that the partition of the week ``ahead`` weeks from now exists; answers its name.

    Raises ``WeekRefused`` where the default partition has entries of that week: those of that
    time go there too, and nothing is lost. ``Unavailable``: perhaps somebody held the ledger.
    """
    async with database.connection() as connection:
        begins: datetime = await connection.fetchval(query("week_begins"), ahead)

    def refused(reason: str) -> WeekRefused:
        return WeekRefused(f"no partition for the week of {begins.date().isoformat()}: {reason}")

    async with database.transaction(refused) as connection:
        await limit_waiting(connection, LOCK_TIMEOUT_MS)
        await connection.execute(query("lock_weeks"), Work.ADD_WEEKS)
        name: str = await connection.fetchval(query("add_week"), begins)
    return name


async def limit_waiting(connection: Connection, timeout_ms: int) -> None:
    """Until the transaction ends, a lock that is not to be had in ``timeout_ms`` is ``Unavailable``."""
    await connection.execute(f"SET LOCAL lock_timeout = {timeout_ms}")
