"""Weeks of the ledger that are old enough are dropped whole, after baselines have taken their place.

Source of the rule: docs/protocol.md, "RETENTION". Any process may be cut off at any moment: baselines
without a dropped week do no harm, and a week goes only in the transaction that has seen, under a
lock that keeps entries out of it, that no baseline is lacking.
"""

import uuid

from msgspec import Struct

from persistence.errors import PersistenceError
from persistence.ledger.alone import Work, alone
from persistence.ledger.baselines import FIRST, Progress, Tell, delete_superseded, read_chunk, write_baselines
from persistence.ledger.errors import WeekKept
from persistence.ledger.weeks import LOCK_TIMEOUT_MS, Week, limit_waiting, old_weeks
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query

# A late entry may come into a week while its baselines are written; after that many times, another day.
ATTEMPTS = 3
# Only entries that are weeks old would wait behind this lock, and vacuuming gives way to it after a second.
WEEK_LOCK_TIMEOUT_MS = 10_000


class Trimmed(Struct, frozen=True):
    """What a trim came to.

    ``dropped``: weeks, oldest first. ``baselines``: how many were written for them; ``superseded``: how
    many older ones were deleted. ``kept``: why the next week stays; empty when none was left.
    ``busy``: another process is trimming, nothing was done.
    """

    dropped: tuple[Week, ...] = ()
    baselines: int = 0
    superseded: int = 0
    kept: str = ""
    busy: bool = False


class Plan(Struct, frozen=True):
    """A week that a trim would drop: its entries, their characters, the baselines that are lacking."""

    week: Week
    entries: int
    characters: int
    baselines: int


async def trim(database: Database, keep_days: int, tell: Tell | None = None) -> Trimmed:
    """Drop the weeks that ended ``keep_days`` days ago or earlier; 1 is the least (``ValueError``).

    The first week that cannot be dropped ends it, and the next trim tries again. ``tell`` hears
    of the progress after every few characters. Raises ``Unavailable`` when nothing can be begun.
    """
    _check(keep_days)
    dropped: list[Week] = []
    baselines, superseded, kept = 0, 0, ""
    async with alone(database, Work.TRIM) as mine:
        if not mine:
            return Trimmed(busy=True)
        async with database.connection() as connection:
            weeks = await old_weeks(connection, keep_days)
        try:
            for week in weeks:
                kept = str(week)
                baselines += await _give_up(database, week, tell or _silent)
                dropped.append(week)
            kept = "older baselines"
            if dropped:
                superseded = await delete_superseded(database)
            kept = ""
        except PersistenceError as error:
            kept = f"{kept}: {error}"
    return Trimmed(tuple(dropped), baselines, superseded, kept)


async def plan(database: Database, keep_days: int, tell: Tell | None = None) -> list[Plan]:
    """What ``trim`` would do now, week by week; writes nothing. Raises ``Unavailable``, ``ValueError``."""
    _check(keep_days)
    async with database.connection() as connection:
        weeks = await old_weeks(connection, keep_days)
    plans = []
    for week in weeks:
        async with database.connection() as connection:
            entries: int = await connection.fetchval(query("week_entries"), week.begins, week.ends)
        characters = baselines = 0
        first: uuid.UUID | None = FIRST
        while first is not None:
            async with database.connection() as connection:
                chunk = await read_chunk(connection, week, first)
            characters += chunk.characters
            baselines += len(chunk.needed)
            first = chunk.following
            (tell or _silent)(Progress(week, characters, baselines))
        plans.append(Plan(week, entries, characters, baselines))
    return plans


async def _give_up(database: Database, week: Week, tell: Tell) -> int:
    """Write a week's baselines and drop it; answers how many it took. Raises ``WeekKept``."""
    baselines = 0
    for _ in range(ATTEMPTS):
        baselines += await write_baselines(database, week, tell)
        if await _drop(database, week):
            return baselines
    raise WeekKept("entries are still being added to it")


async def _drop(database: Database, week: Week) -> bool:
    """Drop a week; False if a baseline is lacking, for an entry that came after they were written."""
    async with database.transaction(WeekKept) as connection:
        await limit_waiting(connection, WEEK_LOCK_TIMEOUT_MS)
        # Until the transaction ends, nothing can be added to the week; all other weeks go on.
        await connection.execute(f"LOCK TABLE {week.partition} IN SHARE MODE")
        if week not in await old_weeks(connection, 0):
            raise WeekKept("it is no partition of the ledger any more")
        if await connection.fetchval(query("week_undelivered"), week.begins, week.ends):
            raise WeekKept("the outbox has not delivered all of it (`haversack outbox status`)")
        first: uuid.UUID | None = FIRST
        while first is not None:
            chunk = await read_chunk(connection, week, first)
            if chunk.needed:
                return False
            first = chunk.following
        # This needs the whole ledger for itself, for a moment: every flush waits as long as it waits.
        await limit_waiting(connection, LOCK_TIMEOUT_MS)
        await connection.execute(f"DROP TABLE {week.partition}")
    return True


def _check(keep_days: int) -> None:
    if keep_days < 1:
        raise ValueError("the ledger is kept for one day at the least")


def _silent(_: Progress) -> None:
    return None
