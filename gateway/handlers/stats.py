"""Stats of items, as the catalog's data has them, and their sums."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web
from msgspec import Struct

from engine.ruleset import EQUIPMENT
from engine.state import Item
from gateway.handlers.with_catalog import tag_with_catalog
from gateway.http import requests
from gateway.http.responses import encode, not_modified, tagged_reply
from persistence.items.item_gateway import ItemGateway
from persistence.orchestrator import InventoryOrchestrator

# Beyond it a reader whose numbers are doubles would not get what was sent, and sums could overflow.
STAT_MAX: Final = 10**15

Stats = Mapping[str, int | float]


class StatsView(Struct, frozen=True):
    """Sums by name, names in bytewise order."""

    stats: Stats


class StatsGateway:
    """Handler of ``/v1/characters/{char_id}/inventory/stats``."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Read sessions and the catalog through ``orchestrator``."""
        self._orchestrator = orchestrator

    async def worn(self, request: web.Request) -> web.Response:
        """``GET …/inventory/stats``: a ``StatsView`` of all that is worn; tag with the catalog's version."""
        requests.plain(request)
        live = await self._orchestrator.read_session(requests.char_id(request))
        catalog = self._orchestrator.items
        tag = tag_with_catalog(live, catalog)
        if (same := not_modified(request, tag)) is not None:
            return same
        worn = (item for item in live.session.items.values() if item.place.container == EQUIPMENT)
        return tagged_reply(encode(StatsView(summed(stats_of(catalog, item) for item in worn))), tag)


def stats_of(catalog: ItemGateway, item: Item) -> Stats:
    """The numbers in ``data.stats`` of the item's template, those of one whatever its quantity.

    Everything else there is ignored: other types, true and false, numbers beyond ±``STAT_MAX``,
    the whole of it when it is no object. Empty for a template that the catalog does not have.
    """
    template = catalog.template(item.template_id)
    stats = None if template is None else template.data.get("stats")
    if not isinstance(stats, dict):
        return {}
    return {
        name: value
        for name, value in stats.items()
        if type(value) in (int, float) and -STAT_MAX <= value <= STAT_MAX
    }


def summed(parts: Iterable[Stats]) -> Stats:
    """Sums by name, in bytewise order of the names; of integers an integer."""
    values: defaultdict[str, list[int | float]] = defaultdict(list)
    for part in parts:
        for name, value in part.items():
            values[name].append(value)
    return {name: _sum(values[name]) for name in sorted(values)}


def difference(own: Stats, others: Iterable[Stats]) -> Stats:
    """``own`` minus the sum of ``others``; of every name that is in any of them."""
    return summed([own, *({name: -value for name, value in other.items()} for other in others)])


def _sum(values: list[int | float]) -> int | float:
    if all(isinstance(value, int) for value in values):
        return sum(values)
    # The same whatever the order, which the ids of the items would decide.
    return math.fsum(values)
