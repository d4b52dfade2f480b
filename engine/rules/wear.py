"""Wearing: which slot, what gives way, and where that goes. Used by equip, move and swap."""

from engine.facts import Facts
from engine.refusals import Refusal, RefusalCode, Refusals
from engine.rules import guards, limits, placement
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.rules.placement import Lot
from engine.ruleset import EQUIPMENT
from engine.state import Item, Place, SlotKey


def put_on(draft: Draft, item: Item, slot: SlotKey | None, quantity: int | None) -> Refusals:
    """Wear an item in ``slot``, or where it fits best; what gives way is stowed, all or nothing.

    ``quantity``, where given, must be the whole stack.
    """
    facts = draft.facts_of(item)
    target = slot if slot is not None else choose_slot(draft, item, facts)
    displaced = worn_in_the_way(draft, item, target)
    yield from guards.available(draft, item, *displaced)
    if quantity is not None and quantity != item.quantity:
        yield refuse(RefusalCode.INVALID_QUANTITY, item_id=item.item_id, quantity=quantity)
    if slot is not None and slot not in draft.ruleset.slots:
        yield refuse(RefusalCode.UNKNOWN_SLOT, container=EQUIPMENT, slot=slot)
        yield from states_allow(draft, item, facts, None, displaced)
        return
    yield from states_allow(draft, item, facts, target, displaced)
    if refusal := misfit(draft, item, facts, target):
        yield refusal
        yield from guards.requirements(draft, item, facts.requires, None)
        return
    assert isinstance(target, str)
    yield from worthy(draft, item, facts, target)
    if item.place == Place(EQUIPMENT, target):
        return
    yield from limits.may_wear(draft, item, facts, displaced)
    if refusal := placement.stack_fits(draft, item, facts, Place(EQUIPMENT, target)):
        yield refusal
    origin = item.place
    draft.lift(item)
    for other in displaced:
        draft.lift(other)
    draft.put(item, EQUIPMENT, target, item.quantity)
    for other in displaced:
        yield from stow(draft, other, origin)


def choose_slot(draft: Draft, item: Item, facts: Facts) -> str | None:
    """Where it is worn already, else the first slot where nothing has to give way, else the first.

    Slots that the actor may not use yet are passed over while there is another.
    """
    allowed = draft.ruleset.allowed_slots(facts)
    if item.place.container == EQUIPMENT and item.place.slot in allowed:
        return str(item.place.slot)
    open_to = [slot for slot in allowed if not any(slot_open(draft, item, facts, slot))] or allowed
    for slot in open_to:
        if not worn_in_the_way(draft, item, slot):
            return slot
    return open_to[0] if open_to else None


def slot_open(draft: Draft, item: Item, facts: Facts, slot: str) -> Refusals:
    """The actor has what the slot itself asks of who wears such an item there."""
    entry = draft.ruleset.slots[slot]
    if not entry.requires_for or facts.kind in entry.requires_for:
        yield from guards.requirements(draft, item, entry.requires, slot)


def states_allow(
    draft: Draft, item: Item, facts: Facts, target: SlotKey | None, displaced: list[Item]
) -> Refusals:
    """The actor's states allow the change, and lock no slot that it takes from or puts to."""
    yield from guards.state_allows(draft, "equip", facts)
    for other in displaced:
        yield from guards.state_allows(draft, "unequip", draft.facts_of(other))
    yield from guards.source_unlocked(draft, item)
    if isinstance(target, str) and Place(EQUIPMENT, target) != item.place:
        yield from guards.slot_unlocked(draft, target, facts)
    for other in displaced:
        yield from guards.source_unlocked(draft, other)


def misfit(draft: Draft, item: Item, facts: Facts, target: SlotKey | None) -> Refusal | None:
    """Why the item cannot be worn there, whoever wears it."""
    allowed = draft.ruleset.allowed_slots(facts)
    if not allowed:
        return refuse(RefusalCode.NOT_WEARABLE, item_id=item.item_id)
    if target not in allowed:
        return refuse(RefusalCode.WRONG_SLOT, item_id=item.item_id, slot=target)
    return None


def worthy(draft: Draft, item: Item, facts: Facts, target: str) -> Refusals:
    """The actor has what the item asks for, and what the slot does."""
    yield from guards.requirements(draft, item, facts.requires, None)
    yield from slot_open(draft, item, facts, target)


def worn_in_the_way(draft: Draft, item: Item, target: SlotKey | None) -> list[Item]:
    """What is worn in ``target`` and in the slots that it displaces, the item itself left out."""
    if not isinstance(target, str) or target not in draft.ruleset.slots:
        return []
    worn = (draft.at(EQUIPMENT, slot) for slot in (target, *draft.ruleset.conflicts[target]))
    return [other for other in worn if other is not None and other.item_id != item.item_id]


def stow(draft: Draft, item: Item, origin: Place) -> Refusals:
    """Put what gave way to the place that was left, else where auto-placement finds room."""
    facts = draft.facts_of(item)
    if placement.may_stand(draft, item, facts, origin) and not any(barred(draft, item, facts, origin)):
        draft.put(item, origin.container, origin.slot, item.quantity)
    else:
        yield from put_away(draft, item, facts)


def barred(draft: Draft, item: Item, facts: Facts, place: Place) -> Refusals:
    """What keeps a slot of the doll from what gave way: a state that locks it, what the slot asks for."""
    if place.container == EQUIPMENT:
        yield from guards.slot_unlocked(draft, str(place.slot), facts)
        yield from slot_open(draft, item, facts, str(place.slot))


def put_away(draft: Draft, item: Item, facts: Facts) -> Refusals:
    """Put an item from the hand where auto-placement finds room for all of it."""
    taking = placement.auto_containers(draft, facts, item.bound)
    if not taking:
        yield refuse(RefusalCode.CONTAINER_REJECTS_ITEM, item_id=item.item_id)
        return
    containers = [container for container in taking if not any(guards.container_open(draft, container))]
    if not containers:
        yield from guards.container_open(draft, taking[0])
        return
    lot = Lot(facts, item.bound, locked=item.locked, keep=item)
    left = placement.pour(draft, containers, lot, item.quantity)
    if left > 0:
        yield placement.unplaced(draft, containers, facts, left, item.quantity, item_id=item.item_id)
