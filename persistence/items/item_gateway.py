"""The item catalog, in memory: what an item's template says, without asking anybody."""

import asyncio
import logging
from bisect import bisect_right
from contextlib import suppress

from msgspec import Struct

from engine.facts import Facts
from persistence.errors import Unavailable
from persistence.items.catalog import Template
from persistence.items.follower import CatalogFollower
from persistence.items.source import CatalogChanges, CatalogSource, Edition

_log = logging.getLogger(__name__)


class _Cache(Struct, frozen=True):
    """One version of the catalog; never altered, so readers hold all of it or all of another.

    ``known``: by id, the templates of ``ids`` and those that have vanished and may be held still.
    """

    edition: Edition = Edition()
    known: dict[str, Template] = {}
    ids: list[str] = []
    ids_by_kind: dict[str, list[str]] = {}
    left_out: frozenset[str] = frozenset()


class ItemGateway:
    """Templates by id, from the newest catalog, at most ``poll_s`` seconds behind it.

    A changed catalog is noticed by asking for the newest version's number every ``poll_s``. That
    is one read of an index a second, and is needed anyway to find what was missed while the
    connection was down; a LISTEN would save it a second of delay and cost every process a
    connection of its own. Who cannot wait calls ``refresh``.

    While PostgreSQL is away, the templates that are here go on being served. ``feed`` is what keeps
    the catalog there as an item service has it, None where nothing does.
    """

    def __init__(self, source: CatalogSource, *, poll_s: float = 1.0) -> None:
        """Nothing is read before ``start`` or ``refresh``."""
        self._source = source
        self.feed: CatalogFollower | None = None
        self._poll_s = poll_s
        self._cache = _Cache()
        self._reading = asyncio.Lock()
        self._poller: asyncio.Task[None] | None = None

    @property
    def version(self) -> int:
        """Version of the catalog that is served now, 0 when there is none yet."""
        return self._cache.edition.version

    @property
    def edition(self) -> Edition:
        """Which catalog is served now."""
        return self._cache.edition

    @property
    def count(self) -> int:
        """How many templates the catalog that is served now has."""
        return len(self._cache.ids)

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
            if await self._source.version() == self.version:
                return False
            changes = await self._source.changes(self._cache.edition)
            cache = await self._changed(changes)
            if len(cache.ids) + len(cache.left_out) != changes.edition.count and not changes.whole:
                _log.warning("catalog %d does not add up: it is read whole", cache.edition.version)
                cache = await self._changed(await self._source.changes(Edition()))
            self._cache = cache
            _log.info("item catalog %d: %d templates", self.version, self.count)
            return True

    def facts(self, template_id: str) -> Facts | None:
        """The facts of a template, None for one that nobody knows; as ``template``."""
        template = self._cache.known.get(template_id)
        return None if template is None else template.facts

    def template(self, template_id: str) -> Template | None:
        """Facts and data of a template, None for one that nobody knows.

        One that has vanished from the catalog is known for some time, as a retired one.
        """
        return self._cache.known.get(template_id)

    def templates(
        self, kind: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[Template]:
        """Those of the catalog in bytewise order of their ids, those after ``after``; at most ``limit``."""
        cache = self._cache
        ids = cache.ids if kind is None else cache.ids_by_kind.get(kind, [])
        start = 0 if after is None else bisect_right(ids, after)
        return [cache.known[template_id] for template_id in ids[start : start + limit]]

    async def _changed(self, changes: CatalogChanges) -> _Cache:
        version = changes.edition.version
        for template_id, problem in changes.left_out.items():
            _log.warning("template %s is kept out of catalog %d: %s", template_id, version, problem)
        # In a thread, because calls that are being played should not wait for so many.
        return await asyncio.to_thread(_merged, _Cache() if changes.whole else self._cache, changes)

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


def _merged(cache: _Cache, changes: CatalogChanges) -> _Cache:
    """The catalog with what has changed; what has not is shared with the one before."""
    known = dict(cache.known)
    touched = {one.facts.template_id for one in (*changes.templates, *changes.gone)}
    touched |= {*changes.forgotten, *changes.left_out}
    for template_id in touched:
        known.pop(template_id, None)
    known |= {one.facts.template_id: one for one in (*changes.templates, *changes.gone)}
    # Two runs that are in order each are put together in no time.
    ordered = [template_id for template_id in cache.ids if template_id not in touched]
    ordered += sorted(one.facts.template_id for one in changes.templates)
    ordered.sort()
    by_kind: dict[str, list[str]] = {}
    for template_id in ordered:
        by_kind.setdefault(known[template_id].facts.kind, []).append(template_id)
    left_out = (cache.left_out - touched) | changes.left_out.keys()
    return _Cache(changes.edition, known, ordered, by_kind, frozenset(left_out))
