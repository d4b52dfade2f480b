"""The orders that a page of a container may be in, as keys that can be compared and kept."""

from typing import Final

from msgspec import Struct

from engine.facts import Facts
from engine.ruleset import Ruleset
from engine.state import Item
from persistence.items.item_gateway import ItemGateway

SORTS: Final = ("slot", "kind", "name", "quantity", "weight")
SORT_DEFAULT: Final = "slot"
# A cursor carries the name, and has to fit into a URL.
NAME_LENGTH_MAX: Final = 64

# One form for all sorts, so that keys can be compared wherever they come from; what a sort does
# not use is 0 or "".
SortKey = tuple[int, int, str, int]
# Slot as index and as text, one of which is 0 or "", and item id.
Tie = tuple[int, str, str]


class Position(Struct, frozen=True, array_like=True):
    """Where an item stands in a sort: ``key`` may be reversed, ``tie`` never is."""

    key: SortKey
    tie: Tie

    def is_after(self, other: "Position", descending: bool) -> bool:
        """Whether it comes later than another one of the same sort."""
        if self.key == other.key:
            return self.tie > other.tie
        return (self.key < other.key) if descending else (self.key > other.key)


class PageSorts:
    """Positions of items, by the ruleset's order of kinds and the catalog's names."""

    def __init__(self, ruleset: Ruleset, catalog: ItemGateway) -> None:
        """Kinds of ``ruleset``; one it does not know, of a template that is gone, comes last."""
        self._kinds = {kind: index for index, kind in enumerate(ruleset.source.items.kinds)}
        self._catalog = catalog

    def position(self, sort: str, item: Item, facts: Facts) -> Position:
        """Where the item stands by ``sort``, one of ``SORTS``; ``facts`` are its template's."""
        slot = item.place.slot
        number, text = (slot, "") if isinstance(slot, int) else (0, slot)
        return Position(self._key(sort, item, facts, number, text), (number, text, item.item_id))

    def _key(self, sort: str, item: Item, facts: Facts, number: int, text: str) -> SortKey:
        match sort:
            case "slot":
                return (number, 0, text, 0)
            case "kind":
                kind = self._kinds.get(facts.kind, len(self._kinds))
                return (kind, facts.sort_rank, item.template_id, -item.quantity)
            case "name":
                return (0, 0, self._name(item.template_id), 0)
            case "quantity":
                return (item.quantity, 0, "", 0)
            case "weight":
                return (item.quantity * facts.weight, 0, "", 0)
        raise AssertionError(sort)

    def _name(self, template_id: str) -> str:
        template = self._catalog.template(template_id)
        name = None if template is None else template.data.get("name")
        return name[:NAME_LENGTH_MAX].casefold() if isinstance(name, str) else template_id
