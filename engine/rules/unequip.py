"""unequip: take off a worn item."""

from engine.commands import UnequipRequest
from engine.refusals import Refusal, RefusalCode
from engine.rules import guards, wear
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.rules.move import move_item
from engine.ruleset import EQUIPMENT


def unequip(draft: Draft, command: UnequipRequest) -> Refusal | None:
    """To the place named, by the rules of a move, or where auto-placement finds room."""
    item = draft.item(command.item_id)
    if item is None or item.place.container != EQUIPMENT:
        return refuse(RefusalCode.ITEM_NOT_FOUND, item_id=command.item_id)
    if command.to is not None:
        return move_item(draft, item, command.to, None)
    if refusal := guards.source_unlocked(draft, item):
        return refusal
    draft.lift(item)
    return wear.put_away(draft, item, draft.facts_of(item))
