"""unequip: take off a worn item."""

from engine.commands import UnequipRequest
from engine.refusals import RefusalCode, Refusals
from engine.rules import guards, wear
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.rules.move import move_item
from engine.ruleset import EQUIPMENT


def unequip(draft: Draft, command: UnequipRequest) -> Refusals:
    """To the place named, by the rules of a move, or where auto-placement finds room."""
    item = draft.item(command.item_id)
    if item is None or item.place.container != EQUIPMENT:
        yield refuse(RefusalCode.ITEM_NOT_FOUND, item_id=command.item_id)
        return
    if command.to is not None:
        yield from move_item(draft, item, command.to, None)
        return
    yield from guards.available(draft, item)
    facts = draft.facts_of(item)
    yield from guards.state_allows(draft, "unequip", facts)
    yield from guards.source_unlocked(draft, item)
    draft.lift(item)
    yield from wear.put_away(draft, item, facts)
