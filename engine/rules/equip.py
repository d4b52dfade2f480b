"""equip: wear an item."""

from engine.commands import EquipRequest
from engine.refusals import RefusalCode, Refusals
from engine.rules import wear
from engine.rules.draft import Draft
from engine.rules.guards import refuse


def equip(draft: Draft, command: EquipRequest) -> Refusals:
    """Wear in the slot named, or in the one that suits best."""
    item = draft.item(command.item_id)
    if item is None:
        yield refuse(RefusalCode.ITEM_NOT_FOUND, item_id=command.item_id)
        return
    yield from wear.put_on(draft, item, command.slot, None)
