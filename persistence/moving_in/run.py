"""An import from beginning to end: rows are read once, and judged as often as somebody looks first."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from engine.facts import Facts
from engine.ruleset import Ruleset
from persistence.items.item_gateway import ItemGateway
from persistence.items.postgres_catalog import PostgresCatalog
from persistence.moving_in.characters import described
from persistence.moving_in.columns import Source
from persistence.moving_in.counting import Counting, Sorted
from persistence.moving_in.errors import ImportRefused
from persistence.moving_in.existing import refuse_existing
from persistence.moving_in.findings import Finding, Tally
from persistence.moving_in.gathering import Beyond, Gathered, Gathering
from persistence.moving_in.homes import Homes
from persistence.moving_in.ids import NAMESPACE
from persistence.moving_in.judge import Judge
from persistence.moving_in.rows import Fault
from persistence.moving_in.verdicts import Known
from persistence.moving_in.writing import CHARACTERS_AT_ONCE, ITEMS_AT_ONCE, NewCharacter, Writer
from persistence.postgres.database import Connection, Database
from persistence.postgres.store import InventoryStore
from persistence.sessions.id_prefixes import IdPrefixes

# To sort what a table of many millions of rows has takes a while.
STATEMENT_S: Final = 6 * 3600.0
# Characters that are judged in one go.
TURN: Final = 4
# One to be written while another one is sent.
WRITES_AT_ONCE: Final = 2
# One connection has the rows.
_CONNECTIONS: Final = WRITES_AT_ONCE + 1

# Rows that are done, and how many there are; None as long as nobody knows.
Tell = Callable[[int, int | None], None]
Report = Callable[[Finding], None]
Found = Gathered | Beyond | tuple[int, Fault]


class Options(Struct, frozen=True):
    """What is asked for.

    ``overflow``: the container for what finds no place; "" for the ruleset's own, None for none.
    ``existing``: what about characters that are there already. ``by``: who, for the ledger.
    """

    namespace: UUID = NAMESPACE
    templates: Mapping[str, str] = {}
    overflow: str | None = ""
    existing: Literal["fail", "skip"] = "fail"
    by: str = "import"


@asynccontextmanager
async def moving_in(url: str, ruleset: Ruleset, options: Options) -> AsyncIterator["MovingIn"]:
    """An import into the database at ``url``, which is migrated, and has a catalog.

    Raises ``ImportRefused`` for what cannot be asked for, ``Unavailable``.
    """
    async with AsyncExitStack() as stack:
        database = await Database.connect(url, pool_size=_CONNECTIONS, statement_timeout_s=STATEMENT_S)
        stack.push_async_callback(database.close)
        items = ItemGateway(PostgresCatalog(InventoryStore(database, ruleset)))
        await items.refresh()
        if items.version == 0:
            raise ImportRefused("there is no item catalog: `haversack catalog import` comes first")
        connection = await stack.enter_async_context(database.connection())
        run = MovingIn(database, connection, ruleset, items, options)
        await run.begin()
        yield run


class MovingIn:
    """Made by ``moving_in``: ``read`` once, then ``run``, which may only look."""

    def __init__(
        self,
        database: Database,
        connection: Connection,
        ruleset: Ruleset,
        items: ItemGateway,
        options: Options,
    ) -> None:
        """``connection`` is the one that has the rows."""
        self._ruleset = ruleset
        self._items = items
        self._options = options
        self._overflow = _overflow(ruleset, options.overflow)
        self._gathering = Gathering(connection, options.namespace)
        self._writer = Writer(database, options.by, items.version)
        self._prefixes = IdPrefixes()
        self._homes = Homes(ruleset)
        # By their names in the table, of which there are no more than templates and pairs of the map.
        self._known: dict[str, Facts] = {}
        self._read = Tally()
        self.rows = 0

    async def begin(self) -> None:
        """Make room for the rows."""
        await self._gathering.begin()

    async def read(self, source: Source, tell: Tell) -> None:
        """Read the whole table; raises ``ImportRefused`` where that cannot be done: nothing was written."""

        def take(rows: int, units: Mapping[str, int]) -> None:
            self.rows += rows
            for template, quantity in units.items():
                self._read.of(self._known_id(template)).read += quantity
            tell(self.rows, None)

        async with aclosing(source.pages()) as pages:
            await self._gathering.fill(pages, take)
        self._read.left_aside = source.left_aside

    async def run(self, report: Report, tell: Tell, *, write: bool) -> Tally:
        """Judge all rows, and with ``write`` write what comes of them.

        ``report`` is told of every row that is not where it was meant to be. Raises ``ImportRefused``
        before all else where characters are there that should not be. Later it raises that,
        ``Unavailable`` and ``OutcomeUnknown``: characters that are written by then stay, whole, and the
        next import passes them by.
        """
        began = time.monotonic()
        counting = Counting(self.rows, self._read, self._known_id, report)
        async with self._gathering.snapshot(), AsyncExitStack() as stack:
            if self._options.existing == "fail":
                await refuse_existing(self._gathering, write=write)
            characters = await stack.enter_async_context(aclosing(self._gathering.characters()))
            if write:
                try:
                    async with asyncio.TaskGroup() as group:
                        await self._write(characters, counting, group, tell)
                except ExceptionGroup as errors:
                    # What else was under way is all there or not at all, and the next import will see.
                    raise errors.exceptions[0] from None
            else:
                async for found in characters:
                    self._judged(found, counting, write=False)
                    tell(counting.done, self.rows)
        counting.tally.seconds = time.monotonic() - began
        return counting.tally

    async def _write(
        self, characters: AsyncIterator[Found], counting: Counting, group: asyncio.TaskGroup, tell: Tell
    ) -> None:
        """Judge, and write batch by batch: PostgreSQL writes some while the next one is judged."""
        free = asyncio.Semaphore(WRITES_AT_ONCE)
        batch: list[NewCharacter] = []
        items = turns = 0
        async for found in characters:
            turns += 1
            if turns % TURN == 0:
                # What is being written needs its turn to be sent, and its reply to be read.
                await asyncio.sleep(0)
            new = self._judged(found, counting, write=True)
            if new is None:
                continue
            batch.append(new)
            items += len(new.items)
            if items >= ITEMS_AT_ONCE or len(batch) >= CHARACTERS_AT_ONCE:
                await free.acquire()
                group.create_task(self._write_batch(batch, free))
                batch, items = [], 0
                tell(counting.done, self.rows)
        if batch:
            await free.acquire()
            group.create_task(self._write_batch(batch, free))

    async def _write_batch(self, batch: list[NewCharacter], free: asyncio.Semaphore) -> None:
        try:
            await self._writer.write(batch)
        finally:
            free.release()

    def _judged(self, found: Found, counting: Counting, *, write: bool) -> NewCharacter | None:
        """A character to write; None where there is none, or it is not to be made, or needs not be."""
        if isinstance(found, tuple):
            counting.faulty(*found)
            return None
        if isinstance(found, Beyond):
            counting.beyond(found)
            return None
        if found.erased:
            counting.erased(found)
            return None
        repeated = found.existing and found.is_of_these_rows()
        if found.existing and not repeated:
            counting.existing(found)
            return None
        who = described(self._ruleset, found.rows)
        rows = self._sorted(found)
        judge = Judge(self._homes, self._overflow, found.char_id, who.actor, self._prefixes.fresh())
        judged = judge.judge(rows.known)
        if repeated and not found.came_to(judged.digest()):
            counting.otherwise(found)
            return None
        counting.judged(found, who, rows, judged, repeated=repeated)
        if repeated:
            return None
        # What tells an import that is repeated of what this one did: of which rows, and what of them came in.
        digest = f"{found.rows_digest()}:{judged.digest()}" if write else ""
        return NewCharacter(
            found.char_id, who.name, who.actor, judged.items, judged.given, len(found.rows), digest
        )

    def _sorted(self, found: Gathered) -> Sorted:
        rows = Sorted([], [], [])
        for number, row in found.rows:
            if not row.template:
                continue
            facts = self._known.get(row.template) or self._facts(row.template)
            if facts is None:
                rows.unknown.append((number, row))
            elif number in found.taken:
                rows.taken.append((number, row))
            else:
                rows.known.append(Known(number, row, facts))
        return rows

    def _facts(self, template: str) -> Facts | None:
        """The facts of a template by its name in the table; None where no new item may be of it."""
        known = self._known.get(template)
        if known is None:
            facts = self._items.facts(self._options.templates.get(template, template))
            if facts is None or facts.retired:
                return None
            known = self._known[template] = facts
        return known

    def _known_id(self, template: str) -> str:
        """The id of a template of the catalog by its name in the table, "" for all others."""
        facts = self._facts(template)
        return "" if facts is None else facts.template_id


def _overflow(ruleset: Ruleset, name: str | None) -> str | None:
    if name == "":
        return ruleset.source.placement.overflow
    if name is not None and name not in ruleset.containers:
        raise ImportRefused(f"the ruleset has no container {name!r}; it has {', '.join(ruleset.containers)}")
    return name
