"""What wearing an item would come to, asked without doing it."""

from msgspec import Struct, structs

from engine.rules.draft import Draft
from engine.rules.wear import choose_slot, worn_in_the_way
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import InventorySessionDTO, Item


class WearPreview(Struct, frozen=True):
    """The slot of the doll that it is about, None for what cannot be worn; and what would give way."""

    slot: str | None
    gives_way: tuple[Item, ...] = ()


def preview_wear(ruleset: Ruleset, session: InventorySessionDTO, item: Item) -> WearPreview:
    """The slot that ``equip`` without a slot would choose for an item of the session, by its facts.

    Whether the actor may wear it, and whether there is room for what gives way, is not asked.
    For an item that is worn it is the slot it is in, where nothing gives way to it.
    """
    if item.place.container == EQUIPMENT:
        return WearPreview(str(item.place.slot))
    # A draft recounts its totals from all that is in it, and here only what is worn matters.
    worn = {item_id: other for item_id, other in session.items.items() if other.place.container == EQUIPMENT}
    draft = Draft(ruleset, structs.replace(session, items=worn), {}, "0" * 24)
    slot = choose_slot(draft, item, draft.facts_of(item))
    return WearPreview(slot) if slot is None else WearPreview(slot, tuple(worn_in_the_way(draft, item, slot)))
