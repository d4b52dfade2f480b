"""Pages of containers: filtered, sorted, and continued by a cursor."""

from bisect import bisect_left
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from engine.state import InventorySessionDTO, Item
from gateway.handlers.page_cursor import Listing, decode_cursor, encode_cursor
from gateway.handlers.views import ExpandedItem, expanded
from gateway.handlers.with_catalog import tag_with_catalog, with_current_facts
from gateway.http import requests
from gateway.http.page_sorts import SORT_DEFAULT, SORTS, PageSorts, Position
from gateway.http.problems import invalid
from gateway.http.responses import encode, not_modified, tagged_reply
from persistence.orchestrator import InventoryOrchestrator


class ContainerPage(Struct, frozen=True):
    """A page of a container. ``total``: how many items match the filters now, on all pages."""

    items: list[ExpandedItem]
    cursor: str | None
    total: int


class ContainerPages:
    """Handlers of ``/v1/characters/{char_id}/inventory/<container>``, one for each container."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Read sessions and the catalog through ``orchestrator``; words are those of its ruleset."""
        self._orchestrator = orchestrator
        self._catalog = orchestrator.items
        self._sorts = PageSorts(orchestrator.ruleset, orchestrator.items)
        self._kinds = frozenset(orchestrator.ruleset.source.items.kinds)
        self._tags = frozenset(orchestrator.ruleset.source.items.tags)

    def of(self, container: str) -> Handler:
        """The handler of one container of the ruleset.

        ``?section=&category=&sort=&limit=&cursor=``: a kind, a tag, one of ``SORTS`` with or
        without ``-``, 1 to 500, and where the page before ended; 400 names the parameter. The
        reply is a ``ContainerPage`` with the tag ``<tag>+<catalog version>``, or 304.
        """

        async def page(request: web.Request) -> web.Response:
            query = requests.plain(request, "section", "category", "sort", "limit", "cursor")
            limit = requests.limit(query)
            listing = self._listing(requests.char_id(request), container, query)
            after = decode_cursor(query["cursor"], listing) if "cursor" in query else None
            live = await self._orchestrator.read_session(listing.char_id)
            tag = tag_with_catalog(live, self._catalog)
            if (same := not_modified(request, tag)) is not None:
                return same
            return tagged_reply(encode(self._page(live.session, listing, after, limit)), tag)

        return page

    def _listing(self, char_id: str, container: str, query: Mapping[str, str]) -> Listing:
        sort = query.get("sort", SORT_DEFAULT)
        if sort.removeprefix("-") not in SORTS:
            raise invalid("sort", f"expected one of {', '.join(SORTS)}, or - and one of them")
        return Listing(
            char_id,
            container,
            sort,
            _word(query, "section", self._kinds, "kinds"),
            _word(query, "category", self._tags, "tags"),
        )

    def _page(
        self, session: InventorySessionDTO, listing: Listing, after: Position | None, limit: int
    ) -> ContainerPage:
        descending = listing.sort.startswith("-")
        found = self._sorted(session, listing, descending)
        start = 0
        if after is not None:
            start = bisect_left(found, True, key=lambda entry: entry[0].is_after(after, descending))
        shown = found[start : start + limit]
        more = len(found) > start + limit
        return ContainerPage(
            expanded(self._catalog, (item for _, item in shown)),
            encode_cursor(listing, shown[-1][0]) if more else None,
            len(found),
        )

    def _sorted(
        self, session: InventorySessionDTO, listing: Listing, descending: bool
    ) -> list[tuple[Position, Item]]:
        facts = with_current_facts(session, self._catalog).facts
        sort = listing.sort.removeprefix("-")
        found = []
        for item in session.items.values():
            if item.place.container != listing.container:
                continue
            known = facts[item.template_id]
            if listing.section not in (None, known.kind):
                continue
            if listing.category is not None and listing.category not in known.tags:
                continue
            found.append((self._sorts.position(sort, item, known), item))
        # Sorting is stable, and stays so in reverse: equal keys keep the order of the first pass.
        found.sort(key=lambda entry: entry[0].tie)
        found.sort(key=lambda entry: entry[0].key, reverse=descending)
        return found


def _word(query: Mapping[str, str], name: str, known: frozenset[str], words: str) -> str | None:
    word = query.get(name)
    if word is not None and word not in known:
        raise invalid(name, f"expected one of the ruleset's {words}")
    return word
