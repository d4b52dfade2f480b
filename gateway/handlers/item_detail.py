"""One item, and beside it what is worn where it would go."""

import re
from typing import Any

from aiohttp import web
from msgspec import Struct

from engine.bounds import ITEM_ID_PATTERN, normal_item_id
from engine.preview_wear import preview_wear
from engine.state import InventorySessionDTO, Item
from gateway.handlers.items import every_fact
from gateway.handlers.stats import Stats, difference, stats_of
from gateway.handlers.views import ExpandedItem, expanded
from gateway.handlers.with_catalog import tag_with_catalog, with_current_facts
from gateway.http import requests
from gateway.http.problems import Problem, invalid
from gateway.http.responses import encode, not_modified, tagged_reply
from persistence.orchestrator import InventoryOrchestrator

_ITEM_REF = re.compile(ITEM_ID_PATTERN)


class ItemDetail(Struct, frozen=True):
    """An item compared with what is worn.

    ``facts``: every fact of its template, empty ones as empty or null. ``slot``: where ``equip``
    without a slot would put it, or where it is worn; null for what cannot be worn. ``worn``: what
    would give way to it there. ``stats``: its stats minus theirs, null for what cannot be worn.
    """

    item: ExpandedItem
    facts: dict[str, Any]
    slot: str | None
    worn: list[ExpandedItem]
    stats: Stats | None


class ItemDetails:
    """Handler of ``/v1/characters/{char_id}/inventory/items/{item_id}``."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Read sessions and the catalog through ``orchestrator``."""
        self._orchestrator = orchestrator
        self._catalog = orchestrator.items

    async def read(self, request: web.Request) -> web.Response:
        """``GET …/inventory/items/{item_id}``: an ``ItemDetail``; its tag has the catalog's version.

        400 for what is no item id, however spelled; ``ITEM_NOT_FOUND``.
        """
        requests.plain(request)
        item_id = _item_id(request.match_info["item_id"])
        live = await self._orchestrator.read_session(requests.char_id(request))
        item = live.session.items.get(item_id)
        if item is None:
            raise Problem("ITEM_NOT_FOUND", params={"item_id": item_id})
        tag = tag_with_catalog(live, self._catalog)
        if (same := not_modified(request, tag)) is not None:
            return same
        return tagged_reply(encode(self._detail(live.session, item)), tag)

    def _detail(self, session: InventorySessionDTO, item: Item) -> ItemDetail:
        catalog = self._catalog
        session = with_current_facts(session, catalog)
        preview = preview_wear(self._orchestrator.ruleset, session, item)
        (shown,) = expanded(catalog, [item])
        stats = None
        if preview.slot is not None:
            worn = (stats_of(catalog, other) for other in preview.gives_way)
            stats = difference(stats_of(catalog, item), worn)
        return ItemDetail(
            item=shown,
            facts=every_fact(session.facts[item.template_id]),
            slot=preview.slot,
            worn=expanded(catalog, preview.gives_way),
            stats=stats,
        )


def _item_id(text: str) -> str:
    # A reference to an earlier command of a batch is an item id as well, but not here.
    if text.startswith("@") or not _ITEM_REF.search(text):
        raise invalid("item_id", "expected an item id")
    return normal_item_id(text)
