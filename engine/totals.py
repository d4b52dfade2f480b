"""Totals of a session, recounted from its items: room by container and weight."""

from collections.abc import Iterable

from engine.outcome import Capacity, CarriedWeight, Room
from engine.rules.draft import Draft
from engine.ruleset import EQUIPMENT


def capacity_of(draft: Draft, containers: Iterable[str]) -> Capacity:
    """Room in some containers, in the ruleset's order with the doll first, and weight carried."""
    wanted = set(containers)
    rooms = {
        name: Room(draft.used(name), len(draft.ruleset.slots) if name == EQUIPMENT else draft.total(name))
        for name in (EQUIPMENT, *draft.ruleset.containers)
        if name in wanted
    }
    return Capacity(rooms, CarriedWeight(draft.weight(), draft.carry_limit()))
