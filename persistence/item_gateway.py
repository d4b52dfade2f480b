"""The item catalog, in memory: what an item's template says, without asking PostgreSQL."""

import asyncio
import logging
from bisect import bisect_right
from contextlib import suppress

from msgspec import Struct

from engine.facts import Facts
from persistence import catalog_store
from persistence.catalog import Template
from persistence.errors import Unavailable
from persistence.store import InventoryStore

_log = logging.getLogger(__name__)


class _Cache(Struct, frozen=True):
    """One version of the catalog; never altered, so readers hold all of it or all of another."""

    version: int = 0
    templates: dict[str, Template] = {}
    ids: list[str] = []
    ids_by_kind: dict[str, list[str]] = {}


class ItemGateway:
    """Templates by id, from the newest catalog, at most ``poll_s`` seconds behind it.

    A changed catalog is noticed by asking for the newest version's number every ``poll_s``. That
    is one read of an index a second, and is needed anyway to find what was missed while the
    connection was down; a LISTEN would save it a second of delay and cost every process a
    connection of its own. Who cannot wait calls ``refresh``.

    While PostgreSQL is away, the templates that are here go on being served.
    """

    def __init__(self, store: InventoryStore, *, poll_s: float = 1.0) -> None:
        """Nothing is read before ``start`` or ``refresh``."""
        self._store = store
        self._poll_s = poll_s
        self._cache = _Cache()
        self._reading = asyncio.Lock()
        self._poller: asyncio.Task[None] | None = None

    @property
    def version(self) -> int:
        """Version of the catalog that is served now, 0 when there is none yet."""
        return self._cache.version

    async def start(self) -> None:
        """Read the catalog and begin to watch it; raises ``Unavailable``."""
        await self.refresh()
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll(), name="catalog poll")

    async def close(self) -> None:
        """Stop watching. What is in memory stays readable."""
        if self._poller is not None:
            self._poller.cancel()
            with suppress(asyncio.CancelledError):
                await self._poller
            self._poller = None

    async def refresh(self) -> bool:
        """Look for a newer catalog now; True when there was one. Raises ``Unavailable``."""
        # One read at a time, or a slow one could put an older catalog over a newer.
        async with self._reading:
            if await catalog_store.catalog_version(self._store.database) == self._cache.version:
                return False
            stored = await catalog_store.read_catalog(self._store.database)
            self._cache = await self._cached(stored)
            _log.info("item catalog %d: %d templates", stored.version, len(self._cache.templates))
            return True

    def facts(self, template_id: str) -> Facts | None:
        """The facts of a template, None for one that is not in the catalog."""
        template = self._cache.templates.get(template_id)
        return None if template is None else template.facts

    def template(self, template_id: str) -> Template | None:
        """Facts and data of a template, None for one that is not in the catalog."""
        return self._cache.templates.get(template_id)

    def templates(
        self, kind: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[Template]:
        """Templates in bytewise order of their ids, those after ``after``; at most ``limit``."""
        cache = self._cache
        ids = cache.ids if kind is None else cache.ids_by_kind.get(kind, [])
        start = 0 if after is None else bisect_right(ids, after)
        return [cache.templates[template_id] for template_id in ids[start : start + limit]]

    async def _cached(self, stored: catalog_store.StoredCatalog) -> _Cache:
        templates: dict[str, Template] = {}
        by_kind: dict[str, list[str]] = {}
        for template_id, problem in stored.unreadable.items():
            _log.warning("template %s is kept out of catalog %d: %s", template_id, stored.version, problem)
        async for template in catalog_store.unhurried(stored.templates):
            facts = template.facts
            if unknown := self._store.ruleset.facts_errors(facts):
                _log.warning(
                    "template %s is kept out of catalog %d: the ruleset does not know %s",
                    facts.template_id,
                    stored.version,
                    "; ".join(unknown),
                )
                continue
            templates[facts.template_id] = template
            by_kind.setdefault(facts.kind, []).append(facts.template_id)
        return _Cache(stored.version, templates, list(templates), by_kind)

    async def _poll(self) -> None:
        away = False
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self.refresh()
            except Unavailable as error:
                if not away:
                    _log.warning(
                        "the item catalog cannot be looked at, version %d is served: %s", self.version, error
                    )
                away = True
            except Exception:
                # Whatever it was, a poll that ends would leave a stale catalog for ever.
                _log.exception("looking for a newer item catalog failed")
            else:
                away = False
