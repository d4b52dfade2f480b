"""The session that a load makes of a character's rows, with the facts of the catalog."""

import logging

from engine.facts import UNKNOWN_KIND, Facts
from engine.ruleset import Ruleset
from engine.state import InventorySessionDTO
from persistence.errors import CharacterQuarantined
from persistence.items.item_gateway import ItemGateway
from persistence.records import Snapshot

_log = logging.getLogger(__name__)


def session_from(snapshot: Snapshot, ruleset: Ruleset, items: ItemGateway) -> InventorySessionDTO:
    """What PostgreSQL has, as the engine and the mirror take it.

    Raises ``CharacterQuarantined`` where an item is in a place that the ruleset does not have for it.
    """
    head = snapshot.head
    for item in snapshot.items:
        place = item.place
        if not ruleset.has_place(place, item.template_id):
            raise CharacterQuarantined(
                f"character {head.char_id}: item {item.item_id} is in {place.container} {place.slot},"
                " which the ruleset does not have"
            )
    templates = {item.template_id for item in snapshot.items}
    return InventorySessionDTO(
        head.char_id,
        head.seq,
        ruleset.hash,
        head.actor,
        {item.item_id: item for item in snapshot.items},
        {template_id: _facts(items, head.char_id, template_id) for template_id in templates},
    )


def _facts(items: ItemGateway, char_id: str, template_id: str) -> Facts:
    facts = items.facts(template_id)
    if facts is not None:
        return facts
    # Kept and shown, never dropped: of a kind that no filter names, it fits nowhere else.
    _log.warning("character %s: no template %s in the catalog", char_id, template_id)
    return Facts(template_id, UNKNOWN_KIND, destroyable=False, tradeable=False)
