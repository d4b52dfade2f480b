"""Keeps the catalog in PostgreSQL as a studio's item service has it."""

import asyncio
import hashlib
import logging
import random
from typing import Final, Protocol

from msgspec import Struct

from persistence.errors import CatalogError, FeedError, OutcomeUnknown, TemplateInUse, Unavailable
from persistence.items.catalog_store import replace_catalog
from persistence.items.catalog_versions import catalog_versions
from persistence.items.item_service import Fetched, words_of
from persistence.ledger.alone import Work, alone
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore

_log = logging.getLogger(__name__)

BY: Final = "item-service"
# While the service is away or sends what cannot be taken, it is asked less and less often, but for those
# whom their operator asks seldom anyway.
BACKOFF_MAX_S: Final = 300.0
_LOOK_S: Final = 1.0


class Service(Protocol):
    """What is followed."""

    async def fetch(self, known: str) -> Fetched | None:
        """The catalog there, None where it is that of the tag ``known``; see ``ItemService``."""


class FeedState(Struct, frozen=True):
    """How following stands, for all processes together; times in Unix milliseconds, ages in seconds.

    ``succeeded_at``: when the service last answered with what was taken, or with nothing new; null
    before. ``failures``: how often in a row it did not, since ``failing_since``; ``problem``: why.
    """

    succeeded_at: int | None
    age_s: float | None
    failures: int
    failing_since: int | None
    problem: str


class CatalogFollower:
    """Asks an item service every ``poll_s`` seconds, and imports what is new there.

    Every process may have one: an advisory lock lets one ask at a time, and when to ask again stands in
    PostgreSQL, so that more processes ask no more often. Whatever goes wrong, the catalog that is there
    goes on being served, and the state says what and since when.

    Counted by this process since its start: ``imports`` that made a version, ``checks`` of the
    service, ``failed_checks`` of them that came to nothing.
    """

    def __init__(self, store: InventoryStore, service: Service, url: str, *, poll_s: float) -> None:
        """``url`` tells this service from others that may have been followed before."""
        self._store = store
        self._service = service
        self._source = hashlib.sha256(url.encode()).hexdigest()
        self._poll_s = poll_s
        self._loop: asyncio.Task[None] | None = None
        self.imports = 0
        self.checks = 0
        self.failed_checks = 0

    def start(self) -> None:
        """Begin to follow; needs a running event loop."""
        if self._loop is None:
            self._loop = asyncio.create_task(self._run(), name="catalog follower")

    async def stop(self) -> None:
        """End, in the midst of an import if need be: it is taken whole or not at all."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
            self._loop = None

    async def state(self) -> FeedState:
        """How following stands; raises ``Unavailable``."""
        async with self._store.database.connection() as connection:
            row = await connection.fetchrow(query("feed_state"), self._source)
        if row is None:
            return FeedState(None, None, 0, None, "")
        return FeedState(**{name: row[name] for name in FeedState.__struct_fields__})

    async def look(self) -> float:
        """Ask the service if it is time to, and nobody else does; how many seconds to wait then.

        Raises ``Unavailable``.
        """
        database = self._store.database
        async with alone(database, Work.FOLLOW_CATALOG) as mine:
            if not mine:
                return min(_LOOK_S, self._poll_s)
            async with database.single() as connection:
                await connection.execute(query("feed"), self._source)
            async with database.connection() as connection:
                row = await connection.fetchrow(query("feed_state"), self._source)
            assert row is not None
            if not row["due"]:
                return float(row["due_in_s"])
            return await self._check(row["tag"], row["failures"], row["problem"])

    async def _check(self, tag: str, failures: int, problem: str) -> float:
        self.checks += 1
        try:
            tag = await self._import(tag)
        except (CatalogError, FeedError, TemplateInUse, Unavailable) as error:
            # Where PostgreSQL is away, that cannot be noted, either. Where it is there and has not taken the
            # catalog all the same, it is no help to send for all of it again and again.
            return await self._failed(words_of(error), failures, problem)
        if failures:
            _log.info("the item service gives a catalog again, after %d failures", failures)
        await self._note(query("feed_succeeded"), tag, self._poll_s)
        return self._poll_s

    async def _import(self, tag: str) -> str:
        """Take what is new; the tag of what is known then."""
        fetched = await self._service.fetch(tag)
        if fetched is None:
            return tag
        newest = await catalog_versions(self._store.database, limit=1)
        if newest and newest[0].content == fetched.content.hash:
            # Checked against another ruleset, perhaps: two side by side would make versions in turn.
            return fetched.tag
        diff = await replace_catalog(self._store, fetched.content, by=BY)
        if diff.version != diff.base:
            self.imports += 1
            _log.info("catalog %d comes from the item service", diff.version)
        return fetched.tag

    async def _failed(self, words: str, failures: int, before: str) -> float:
        self.failed_checks += 1
        if words != before:
            _log.warning("the item service's catalog is not taken, the one that is there stays: %s", words)
        pause_s = min(self._poll_s * 2.0 ** min(failures, 20), max(self._poll_s, BACKOFF_MAX_S))
        await self._note(query("feed_failed"), words, pause_s)
        return pause_s

    async def _note(self, statement: str, text: str, pause_s: float) -> None:
        async with self._store.database.single() as connection:
            await connection.execute(statement, self._source, text, pause_s)

    async def _run(self) -> None:
        while True:
            try:
                pause_s = await self.look()
            except (Unavailable, OutcomeUnknown) as error:
                # Whoever needs PostgreSQL now says so louder; what became of an import, the next look finds.
                _log.debug("the item service is not asked now: %s", error)
                pause_s = self._poll_s
            except Exception:
                _log.exception("following the item service failed")
                pause_s = self._poll_s
            # So that processes started together do not go on together.
            await asyncio.sleep(max(0.05, pause_s) * random.uniform(1.0, 1.1))  # noqa: S311
