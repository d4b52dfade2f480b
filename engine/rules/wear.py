"""Wearing: which slot, what gives way, and where that goes. Used by equip, move and swap."""

from engine.facts import Facts
from engine.refusals import Refusal, RefusalCode
from engine.rules import guards, placement
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.ruleset import EQUIPMENT
from engine.state import Item, Place


def put_on(draft: Draft, item: Item, slot: str | None) -> Refusal | None:
    """Wear an item in ``slot``, or where it fits best; what gives way is stowed, all or nothing."""
    facts = draft.facts_of(item)
    allowed = draft.ruleset.allowed_slots(facts)
    target = slot if slot is not None else choose_slot(draft, item, allowed)
    if target is not None and (refusal := slots_unlocked(draft, item, target)):
        return refusal
    if refusal := wearable(draft, item, facts, target):
        return refusal
    assert target is not None
    if item.place == Place(EQUIPMENT, target):
        return None
    if refusal := placement.stack_fits(draft, item, facts, Place(EQUIPMENT, target)):
        return refusal
    displaced = worn_in_the_way(draft, item, target)
    origin = item.place
    draft.lift(item)
    for other in displaced:
        draft.lift(other)
    draft.put(item, EQUIPMENT, target, item.quantity)
    for other in displaced:
        if refusal := stow(draft, other, origin):
            return refusal
    return None


def choose_slot(draft: Draft, item: Item, allowed: tuple[str, ...]) -> str | None:
    """Where it is worn already, else the first slot where nothing has to give way, else the first."""
    if item.place.container == EQUIPMENT and item.place.slot in allowed:
        return str(item.place.slot)
    for slot in allowed:
        if not worn_in_the_way(draft, item, slot):
            return slot
    return allowed[0] if allowed else None


def slots_unlocked(draft: Draft, item: Item, target: str) -> Refusal | None:
    """No slot that the change takes from or puts to is locked by the actor's states."""
    if refusal := guards.source_unlocked(draft, item):
        return refusal
    if refusal := guards.slot_unlocked(draft, target):
        return refusal
    for other in worn_in_the_way(draft, item, target):
        if refusal := guards.source_unlocked(draft, other):
            return refusal
    return None


def wearable(draft: Draft, item: Item, facts: Facts, target: str | None) -> Refusal | None:
    """The item can be worn at all, in this slot, and by this actor."""
    allowed = draft.ruleset.allowed_slots(facts)
    if not allowed:
        return refuse(RefusalCode.NOT_WEARABLE, item_id=item.item_id)
    if target not in allowed:
        return refuse(RefusalCode.WRONG_SLOT, item_id=item.item_id, slot=target)
    return guards.requirements(draft, item, facts)


def worn_in_the_way(draft: Draft, item: Item, target: str) -> list[Item]:
    """What is worn in ``target`` and in the slots that it displaces, the item itself left out."""
    worn = (draft.at(EQUIPMENT, slot) for slot in (target, *draft.ruleset.conflicts[target]))
    return [other for other in worn if other is not None and other.item_id != item.item_id]


def stow(draft: Draft, item: Item, origin: Place) -> Refusal | None:
    """Put what gave way to the place that was left, else where auto-placement finds room."""
    facts = draft.facts_of(item)
    if placement.may_stand(draft, item, facts, origin):
        draft.put(item, origin.container, origin.slot, item.quantity)
        return None
    return put_away(draft, item, facts)


def put_away(draft: Draft, item: Item, facts: Facts) -> Refusal | None:
    """Put an item from the hand where auto-placement finds room for all of it."""
    containers = placement.auto_containers(draft, facts)
    if not containers:
        return refuse(RefusalCode.CONTAINER_REJECTS_ITEM, item_id=item.item_id)
    left = placement.pour(draft, containers, facts, item.bound, item.quantity, keep=item)
    if left > 0:
        return placement.unplaced(draft, left, item.quantity, containers[0], item_id=item.item_id)
    return None
