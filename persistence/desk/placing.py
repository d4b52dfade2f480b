"""Items in containers and slots that the ruleset does not have (any more), and where they can go."""

from collections.abc import Iterable, Mapping

import msgspec

from engine.ruleset import Ruleset
from engine.state import Item, Place
from persistence.desk.errors import DeskRefusal


def misplaced(ruleset: Ruleset, items: Iterable[Item]) -> list[Item]:
    """Those that keep a character from being loaded."""
    return [item for item in items if not ruleset.has_place(item.place, item.template_id)]


def placed(ruleset: Ruleset, items: Mapping[str, Item]) -> dict[str, Item]:
    """All of the items, those that are misplaced in the ruleset's overflow container.

    They take its lowest free slots, whole, in the order of their ids. Raises ``DeskRefusal`` where
    the ruleset names no such container.
    """
    lost = sorted(misplaced(ruleset, items.values()), key=lambda item: item.item_id)
    overflow = ruleset.source.placement.overflow
    if lost and overflow is None:
        raise DeskRefusal(
            "the ruleset has no overflow container, and no place for "
            + ", ".join(f"{item.template_id} {item.item_id} ({_spelled(item.place)})" for item in lost)
        )
    found = dict(items)
    slot = 0
    for item in lost:
        assert overflow is not None
        taken = {other.place.slot for other in found.values() if other.place.container == overflow}
        while slot in taken:
            slot += 1
        found[item.item_id] = msgspec.structs.replace(item, place=Place(overflow, slot))
    return found


def _spelled(place: Place) -> str:
    return f"{place.container}:{place.slot}"
