"""Baselines: what a character had when a run of its entries ended, so that the run can be dropped.

The rule that nothing needed is lost by: **every entry that is still there can be replayed to**. As
callers' clocks may disagree, a week may hold entries 1 to 10 and 15 of a character, and the next
one 11 to 14 and 16. So a baseline is written where each run of entries in a week ends, here at 10
and at 15: before what remains, there is always a baseline right where the dropped part ended.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from persistence.ledger.errors import HistoryDropped, LedgerGap, WeekKept
from persistence.ledger.reading import replayed
from persistence.ledger.replay import Inventory, ReplayError
from persistence.ledger.weeks import Week
from persistence.postgres.database import Connection, Database
from persistence.postgres.named_sql import query

# Characters looked at by one statement.
CHUNK = 100
# Items of baselines held in memory before they are written.
ITEMS_HELD = 20_000

FIRST = uuid.UUID(int=0)
_LAST = uuid.UUID(int=2**128 - 1)

_encode = msgspec.json.Encoder().encode


class Needed(Struct, frozen=True):
    """A baseline that has to be there before the entry it stands at may be dropped."""

    char_id: str
    seq: int
    at: datetime


class Chunk(Struct, frozen=True):
    """Some characters that have entries in a week, and which baselines they lack.

    ``following``: the id at which the next chunk begins, None after the last one.
    """

    characters: int
    needed: list[Needed]
    following: uuid.UUID | None


class Progress(Struct, frozen=True):
    """How far a week is: characters looked at, baselines written for them."""

    week: Week
    characters: int = 0
    baselines: int = 0


Tell = Callable[[Progress], None]


async def read_chunk(connection: Connection, week: Week, first: uuid.UUID, size: int = CHUNK) -> Chunk:
    """The characters of the week from the id ``first`` on, ``size`` of them, in the order of their ids."""
    rows = await connection.fetch(query("week_runs"), week.begins, week.ends, first, size)
    char_ids = {row["char_id"] for row in rows}
    needed = [Needed(str(row["char_id"]), row["seq"], row["at"]) for row in rows if not row["kept"]]
    following = None
    if len(char_ids) == size and (last := rows[-1]["char_id"]) != _LAST:
        following = uuid.UUID(int=last.int + 1)
    return Chunk(len(char_ids), needed, following)


async def write_baselines(database: Database, week: Week, tell: Tell) -> int:
    """Write the baselines that the week still needs; answers how many that were.

    What was written stays when this is cut off, and the next try passes it by. Raises
    ``WeekKept`` for a ledger that cannot be replayed, ``Unavailable``.
    """
    first: uuid.UUID | None = FIRST
    characters = baselines = 0
    while first is not None:
        async with database.connection() as connection:
            chunk = await read_chunk(connection, week, first)
            await _write(connection, chunk.needed)
        characters += chunk.characters
        baselines += len(chunk.needed)
        tell(Progress(week, characters, baselines))
        first = chunk.following
    return baselines


async def delete_superseded(database: Database) -> int:
    """Delete the baselines that no entry is replayed from any more; answers how many those were."""
    first, deleted = FIRST, 0
    while True:
        async with database.transaction() as connection:
            last = await connection.fetchval(query("baselines_chunk"), first, CHUNK * 10)
            if last is None:
                return deleted
            tag = await connection.execute(query("delete_superseded_baselines"), first, last)
        deleted += int(tag.rpartition(" ")[2])
        if last == _LAST:
            return deleted
        first = uuid.UUID(int=last.int + 1)


async def _write(connection: Connection, needed: list[Needed]) -> None:
    held: list[tuple[Needed, Inventory]] = []
    items = 0
    before: tuple[str, Inventory] | None = None
    for one in needed:
        # The runs of a character follow one another, so each begins with what the last came to.
        start = before[1] if before is not None and before[0] == one.char_id else None
        try:
            inventory = await replayed(connection, one.char_id, one.seq, start)
        except ReplayError as error:
            raise WeekKept(f"character {one.char_id}: {error}") from error
        except (LedgerGap, HistoryDropped) as error:
            raise WeekKept(str(error)) from error
        before = (one.char_id, inventory)
        held.append((one, inventory))
        items += len(inventory.items)
        if items >= ITEMS_HELD:
            await _insert(connection, held)
            held, items = [], 0
    await _insert(connection, held)


async def _insert(connection: Connection, held: list[tuple[Needed, Inventory]]) -> None:
    """One statement, so all or nothing; and it may be repeated, so a lost reply need not be told."""
    if held:
        await connection.execute(
            query("insert_baselines"),
            [one.char_id for one, _ in held],
            [one.seq for one, _ in held],
            [one.at for one, _ in held],
            [inventory.actor for _, inventory in held],
            # As text, or the driver would take a list in a column for a column of two dimensions.
            [Raw(_encode(list(inventory.items.values()))) for _, inventory in held],
            [inventory.totals for _, inventory in held],
        )
