"""An audit from beginning to end: characters batch by batch, then keys and queues."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack

from msgspec import Struct, structs

from engine.ruleset import Ruleset
from persistence.audit import between, findings, schema, within
from persistence.audit.findings import OTHER_RULESET, Note, Report, Violation
from persistence.audit.leftovers import Leftovers
from persistence.audit.live import Live, Sessions, live_of
from persistence.audit.ownership import Ownership
from persistence.audit.settling import PAUSES_S, Seen, Settling
from persistence.audit.stored import Reader, Stored, snapshot
from persistence.keys import Keys
from persistence.link.redis_link import RedisLink
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query
from persistence.postgres.store_rows import Slots
from persistence.service import ServiceSettings

# A batch is read from one snapshot; statements may wait for a busy server.
_STATEMENT_S, _REPLY_S = 120.0, 30.0
_NOBODY = "00000000-0000-0000-0000-000000000000"
Progress = Callable[[int, int], None]


class Options(Struct, frozen=True):
    """How an audit reads. ``sample``: so many characters at random, and no walk over keys; None for all.

    A batch is at most ``characters``, and ends before its sessions have more than ``fields``; rows
    of PostgreSQL come in pages of ``rows``. Together they bound the memory.
    """

    sample: int | None = None
    characters: int = 500
    fields: int = 100_000
    rows: int = 2_000


async def audit(
    settings: ServiceSettings,
    ruleset: Ruleset,
    options: Options = Options(),  # noqa: B008 - frozen
    progress: Progress | None = None,
) -> Report:
    """Check all invariants over the servers of ``settings``; play may go on. Nothing is written.

    ``progress`` is told how many characters are done, of how many. Raises ``Unavailable`` when a
    server cannot be reached, ``PersistenceError`` for a number of shards that does not fit.
    """
    async with AsyncExitStack() as stack:
        link = RedisLink(settings.redis_url, timeout_s=_REPLY_S)
        stack.push_async_callback(link.close)
        database = await Database.connect(
            settings.database_url, pool_size=1, statement_timeout_s=_STATEMENT_S
        )
        stack.push_async_callback(database.close)
        sessions = Sessions(link, Keys(settings.key_prefix, settings.shards))
        await sessions.check_shards()
        run = _Audit(sessions, database, ruleset, options)
        began = time.monotonic()
        await run.all(progress or (lambda _done, _total: None))
        run.report.seconds = time.monotonic() - began
        return run.report


class _Audit:
    def __init__(self, sessions: Sessions, database: Database, ruleset: Ruleset, options: Options) -> None:
        self.report = Report()
        self._sessions = sessions
        self._database = database
        self._ruleset = ruleset
        self._options = options
        self._reader = Reader(Slots(ruleset), options.rows)
        self._ownership = Ownership(sessions)

    async def all(self, progress: Progress) -> None:
        async with self._database.connection() as connection:
            self.report.add(await schema.faults(connection))
            total = await connection.fetchval(query("audit_count"))
        if self._options.sample is not None:
            total = min(total, self._options.sample)
        done = 0
        async for page in self._pages():
            weights = dict(zip(page, await self._sessions.weights(page), strict=True))
            for batch in self._cut(weights):
                await self._batch(batch, [char_id for char_id in batch if weights[char_id]])
                done += len(batch)
                progress(done, max(done, total))
        self.report.add(await self._ownership.end())
        if self._options.sample is None:
            await Leftovers(self._sessions, self._database, self.report).look()
        await self._list()

    async def _pages(self) -> AsyncIterator[list[str]]:
        """Ids of characters in their order; those that are created meanwhile may be among them or not."""
        size = self._options.characters
        if self._options.sample is not None:
            async with self._database.connection() as connection:
                rows = await connection.fetch(query("audit_sample"), self._options.sample)
            for first in range(0, len(rows), size):
                yield [row["char_id"] for row in rows[first : first + size]]
            return
        last = _NOBODY
        while True:
            async with self._database.connection() as connection:
                rows = await connection.fetch(query("audit_page"), last, size)
            if not rows:
                return
            yield [row["char_id"] for row in rows]
            last = rows[-1]["char_id"]

    def _cut(self, weights: Mapping[str, int]) -> Iterator[list[str]]:
        batch: list[str] = []
        weight = 0
        for char_id, own in weights.items():
            if batch and weight + own > self._options.fields:
                yield batch
                batch, weight = [], 0
            batch.append(char_id)
            weight += own
        if batch:
            yield batch

    async def _batch(self, char_ids: Sequence[str], live: Sequence[str]) -> None:
        settling = Settling(await self._look(char_ids, live, first=True))
        for pause_s in PAUSES_S:
            if not settling.char_ids:
                return
            self.report.sums["read again"] += len(settling.char_ids)
            await asyncio.sleep(pause_s)
            self._tell(settling.again(await self._look(settling.char_ids, settling.char_ids)))
        self._tell(settling.end())

    async def _look(
        self, char_ids: Sequence[str], live_ids: Sequence[str], *, first: bool = False
    ) -> list[Seen]:
        """One reading of each of these that is there; what is certain by itself is told at the first one.

        ``live_ids``: those who may have a session. One that begins later is not looked at.
        """
        node_gen = await self._sessions.node_gen()
        # Sessions before PostgreSQL: what was flushed meanwhile shows as PostgreSQL being ahead.
        kept = await self._sessions.read(live_ids)
        found: list[Seen] = []
        owned: dict[str, list[Violation]] = {}
        async with snapshot(self._database) as connection:
            async for stored in self._reader.characters(connection, char_ids, kept):
                try:
                    live = live_of(kept[stored.char_id]) if stored.char_id in kept else None
                    if first:
                        self._count(stored, live)
                        self._tell(self._certain(live))
                    found.append(self._seen(stored, live, node_gen))
                except (ValueError, ArithmeticError, MemoryError) as error:
                    # What cannot even be looked at is one character's; the others are looked at all the same.
                    text = f"its session is so damaged that it cannot be checked: {error}"
                    self.report.add([Violation(findings.RECOUNT, stored.char_id, text)])
            for violation in await self._ownership.ask(connection):
                owned.setdefault(violation.char_id, []).append(violation)
        return [
            structs.replace(seen, suspicions=[*seen.suspicions, *owned.get(seen.char_id, ())])
            for seen in found
        ]

    def _certain(self, live: Live | Violation | None) -> Iterator[Violation | Note]:
        """What is wrong within a session; of a quarantined one, which nobody plays, it is only noted."""
        if isinstance(live, Violation):
            yield live
        elif live is not None:
            wrong = within.violations(self._ruleset, live)
            if live.is_quarantined:
                yield from (Note("quarantined", violation.char_id, violation.text) for violation in wrong)
                return
            yield from wrong
            if live.session.ruleset != self._ruleset.hash:
                text = f"its session is under ruleset {live.session.ruleset}: its totals were not recounted"
                yield Note(OTHER_RULESET, live.kept.char_id, text)

    def _seen(self, stored: Stored, live: Live | Violation | None, node_gen: str) -> Seen:
        if not isinstance(live, Live) or live.is_quarantined:
            return Seen(stored.char_id, stored.found)
        self._ownership.take(stored, live)
        return Seen(
            stored.char_id,
            [*stored.found, *between.suspicions(stored, live)],
            between.is_overtaken(stored, live),
            live.stands,
            stored.seq,
            live.is_playable_on(node_gen),
        )

    def _count(self, stored: Stored, live: Live | Violation | None) -> None:
        looked_at, ledger = self.report.looked_at, stored.ledger
        self.report.sums.update(characters=1, items=len(stored.items), entries=ledger.entries)
        looked_at[findings.PLACES] += len(stored.items)
        looked_at[findings.TOTALS] += stored.units
        looked_at[findings.LEDGER] += ledger.entries
        looked_at[findings.REPLAY] += 1
        looked_at[findings.OPERATIONS] += ledger.operations
        if live is None:
            return
        self.report.sums["sessions"] += 1
        for number in (findings.JOURNAL, findings.QUEUE, findings.RECOUNT):
            looked_at[number] += 1
        if isinstance(live, Live):
            looked_at[findings.OWNERSHIP] += len(live.session.items)

    async def _list(self) -> None:
        """Note who is quarantined, and what had to give way."""
        async with self._database.connection() as connection:
            for row in await connection.fetch(query("desk_quarantined")):
                self.report.note([Note("quarantined", row["char_id"], row["quarantined"])])
            for row in await connection.fetch(query("audit_incidents")):
                text = f"{row['incidents']} incidents are kept, the last of {row['last']}"
                self.report.note([Note("incident", row["char_id"], text)])

    def _tell(self, told: Iterable[Violation | Note]) -> None:
        for one in told:
            if isinstance(one, Violation):
                self.report.add([one])
            else:
                self.report.note([one])
