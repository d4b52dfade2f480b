"""drop: destroy an item."""

from engine.commands import DropRequest
from engine.refusals import Refusal, RefusalCode
from engine.rules import guards
from engine.rules.draft import Draft
from engine.rules.guards import refuse


def drop(draft: Draft, command: DropRequest) -> Refusal | None:
    """Destroy the whole stack, or ``quantity`` of it."""
    item = draft.item(command.item_id)
    if item is None:
        return refuse(RefusalCode.ITEM_NOT_FOUND, item_id=command.item_id)
    if refusal := guards.source_unlocked(draft, item):
        return refusal
    quantity = item.quantity if command.quantity is None else command.quantity
    if quantity > item.quantity:
        return refuse(
            RefusalCode.INSUFFICIENT_ITEMS, item_id=item.item_id, quantity=quantity, has=item.quantity
        )
    destroyable = draft.facts_of(item).destroyable
    draft.take(item, quantity)
    # Room comes before ownership in the order of refusals, and is judged by what would be left.
    if refusal := guards.room(draft):
        return refusal
    if not destroyable:
        return refuse(RefusalCode.NOT_DESTROYABLE, item_id=item.item_id)
    return None
