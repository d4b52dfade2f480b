"""equip: wear an item."""

from engine.commands import EquipRequest
from engine.refusals import Refusal, RefusalCode
from engine.rules import wear
from engine.rules.draft import Draft
from engine.rules.guards import refuse


def equip(draft: Draft, command: EquipRequest) -> Refusal | None:
    """Wear in the slot named, or in the one that suits best."""
    item = draft.item(command.item_id)
    if item is None:
        return refuse(RefusalCode.ITEM_NOT_FOUND, item_id=command.item_id)
    if command.slot is not None and command.slot not in draft.ruleset.slots:
        return refuse(RefusalCode.UNKNOWN_SLOT, slot=command.slot)
    return wear.put_on(draft, item, command.slot)
