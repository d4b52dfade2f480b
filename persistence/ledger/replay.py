"""What a run of ledger entries comes to: items, actor, and what came and went of each template."""

from collections.abc import Iterable, Mapping
from typing import Self

from msgspec import Struct

from engine.outcome import Changes
from engine.state import Actor, Item


class ReplayError(ValueError):
    """Entries that do not follow from what they are applied to; the message says which and why."""


class Turnover(Struct, frozen=True, array_like=True):
    """Units of a template that a character got and lost since it was created."""

    came: int = 0
    went: int = 0


class Inventory(Struct, frozen=True):
    """A character's inventory right after ``seq``; ``actor`` is None as long as no entry has set one.

    For every template, what came less what went is what is there (docs/protocol.md, "Invariants").
    """

    seq: int = 0
    items: Mapping[str, Item] = {}
    actor: Actor | None = None
    totals: Mapping[str, Turnover] = {}

    def after(self, entries: Iterable[tuple[int, Changes]]) -> Self:
        """The inventory after a run of entries, each a seq and its changes, in order.

        Raises ``ReplayError`` where an entry does not follow the one before, or removes what is not there.
        """
        seq, actor = self.seq, self.actor
        items, totals = dict(self.items), dict(self.totals)
        for number, changes in entries:
            if number != seq + 1:
                raise ReplayError(f"entry {number} where {seq + 1} belongs")
            seq = number
            moved: dict[str, int] = {}
            for item_id in changes.removed:
                gone = items.pop(item_id, None)
                if gone is None:
                    raise ReplayError(f"entry {number} removes item {item_id}, which is not there")
                moved[gone.template_id] = moved.get(gone.template_id, 0) - gone.quantity
            for item in changes.changed:
                before = items.get(item.item_id)
                if before is not None:
                    moved[before.template_id] = moved.get(before.template_id, 0) - before.quantity
                moved[item.template_id] = moved.get(item.template_id, 0) + item.quantity
                items[item.item_id] = item
            for template_id, units in moved.items():
                total = totals.get(template_id, Turnover())
                totals[template_id] = Turnover(total.came + max(units, 0), total.went + max(-units, 0))
            actor = changes.actor or actor
        return type(self)(seq, items, actor, totals)


def difference(before: Mapping[str, Item], after: Mapping[str, Item]) -> Changes:
    """The changes that lead from one set of items to another."""
    return Changes(
        changed=tuple(item for item_id, item in after.items() if before.get(item_id) != item),
        removed=tuple(item_id for item_id in before if item_id not in after),
    )
