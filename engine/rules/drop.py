"""drop: destroy an item."""

from engine.commands import DropRequest
from engine.refusals import RefusalCode, Refusals
from engine.rules import guards
from engine.rules.draft import Draft
from engine.rules.guards import refuse


def drop(draft: Draft, command: DropRequest) -> Refusals:
    """Destroy the whole stack, or ``quantity`` of it."""
    item = draft.item(command.item_id)
    if item is None:
        yield refuse(RefusalCode.ITEM_NOT_FOUND, item_id=command.item_id)
        return
    facts = draft.facts_of(item)
    yield from guards.available(draft, item)
    yield from guards.not_locked(item)
    yield from guards.state_allows(draft, "drop", facts)
    yield from guards.source_unlocked(draft, item)
    quantity = item.quantity if command.quantity is None else command.quantity
    if not facts.destroyable:
        draft.owe(refuse(RefusalCode.NOT_DESTROYABLE, item_id=item.item_id))
    if quantity > item.quantity:
        yield refuse(
            RefusalCode.INSUFFICIENT_ITEMS, item_id=item.item_id, quantity=quantity, has=item.quantity
        )
        return
    draft.take(item, quantity)
