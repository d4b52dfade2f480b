"""Rows of PostgreSQL as the rules take them, and changes as columns."""

from collections.abc import Callable, Iterable

import msgspec

from benchmarks.crud.draft import Totals, totals
from engine.facts import Facts
from engine.outcome import Changes
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import Actor, InventorySessionDTO, Item
from persistence.postgres.database import Row
from persistence.postgres.store_rows import Slots

FactsOf = Callable[[str], Facts | None]
_actor = msgspec.json.Decoder(Actor).decode


class Rows:
    """Reads rows by a ruleset and a catalog, every template of which must be there."""

    def __init__(self, ruleset: Ruleset, facts_of: FactsOf) -> None:
        """``facts_of`` is the item gateway's."""
        self._ruleset = ruleset
        self._slots = Slots(ruleset)
        self._facts_of = facts_of

    def session(self, char_id: str, head: Row, rows: Iterable[Row]) -> InventorySessionDTO:
        """A session with the items of ``rows``."""
        items: dict[str, Item] = {}
        facts: dict[str, Facts] = {}
        for row in rows:
            item = self._slots.item(row)
            items[item.item_id] = item
            facts[item.template_id] = self._facts(item.template_id)
        return InventorySessionDTO(
            char_id, head["seq"], self._ruleset.hash, _actor(head["actor"]), items, facts
        )

    def totals(self, rows: Iterable[Row]) -> Totals:
        """Totals out of the rows of ``items_for_move`` that have no id."""
        sums = [
            (row["container"], self._facts(row["template_id"]), row["items"], row["quantity"]) for row in rows
        ]
        return totals(self._ruleset, sums)

    def _facts(self, template_id: str) -> Facts:
        facts = self._facts_of(template_id)
        assert facts is not None, template_id
        return facts


def any_worn(rows: Iterable[Row]) -> bool:
    """Whether one of the items is worn."""
    return any(row["container"] == EQUIPMENT for row in rows)


def changes(before: InventorySessionDTO, after: dict[str, Item], touched: Iterable[str]) -> Changes:
    """What became of the touched items, in the shape of replies and journal."""
    return Changes(
        tuple(
            after[item_id]
            for item_id in touched
            if item_id in after and after[item_id] != before.items.get(item_id)
        ),
        tuple(item_id for item_id in touched if item_id in before.items and item_id not in after),
    )


def place_columns(items: Iterable[Item]) -> tuple[list[object], ...]:
    """Columns of ``write_move``."""
    rows = [
        (item.item_id, item.quantity, item.place.container, str(item.place.slot), item.bound)
        for item in items
    ]
    return tuple(map(list, zip(*rows, strict=True))) if rows else ([], [], [], [], [])


def item_columns(items: Iterable[Item]) -> tuple[list[object], ...]:
    """Columns of ``write_items``, of at least one item."""
    rows = [
        (
            item.item_id,
            item.template_id,
            item.quantity,
            item.place.container,
            str(item.place.slot),
            item.bound,
            item.locked,
            item.held,
        )
        for item in items
    ]
    return tuple(map(list, zip(*rows, strict=True)))
