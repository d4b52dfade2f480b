"""Why a new item cannot be in the very place that its row names; by the engine's rules, in their order."""

from typing import Final

from engine.bounds import CAPACITY_MAX
from engine.facts import Facts
from engine.refusals import Param, Refusal, RefusalCode
from engine.rules import limits, placement, wear
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.ruleset import EQUIPMENT
from engine.state import Item, Place

# Before it has a place, an item is in the hand.
_HAND: Final = Place("", 0)


def in_the_hand(facts: Facts, quantity: int, bound: bool, item_id: str) -> Item:
    """A new item of which it is asked where it may be; ``item_id`` is "" as long as it has none."""
    return Item(item_id, facts.template_id, quantity, _HAND, bound)


def slot_to_wear(draft: Draft, item: Item, facts: Facts) -> str | None:
    """The first slot where it may be worn and is in nobody's way; else the first one at all."""
    allowed = draft.ruleset.allowed_slots(facts)
    return next(
        (slot for slot in allowed if why_not_worn(draft, item, facts, slot) is None),
        next(iter(allowed), None),
    )


def why_not_worn(draft: Draft, item: Item, facts: Facts, slot: str | None) -> Refusal | None:
    """What keeps the item from being worn in ``slot``; None is for what cannot be worn anywhere."""
    if slot is not None and slot not in draft.ruleset.slots:
        return _told(refuse(RefusalCode.UNKNOWN_SLOT, container=EQUIPMENT, slot=slot), item)
    if refusal := wear.misfit(draft, item, facts, slot):
        return _told(refusal, item)
    assert slot is not None
    for refusal in wear.worthy(draft, item, facts, slot):
        return _told(refusal, item)
    for refusal in limits.may_wear(draft, item, facts, []):
        return _told(refusal, item)
    if worn := wear.worn_in_the_way(draft, item, slot):
        return refuse(RefusalCode.SLOT_OCCUPIED, container=EQUIPMENT, slot=worn[0].place.slot)
    if draft.ruleset.weighs(EQUIPMENT) and facts.weight:
        # It may itself let its wearer carry more.
        limit = draft.carry_limit() + facts.grants.carry_weight
        if draft.weight() + facts.weight * item.quantity > limit:
            return refuse(RefusalCode.TOO_HEAVY, limit=limit)
    return None


def index_of(draft: Draft, container: str, text: str) -> int | Refusal:
    """The slot of an indexed container that a text names."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= CAPACITY_MAX:
        index = int(text)
        return placement.out_of_range(draft, container, index) or index
    return refuse(RefusalCode.UNKNOWN_SLOT, container=container, slot=text)


def why_not_within(draft: Draft, container: str, facts: Facts, bound: bool) -> Refusal | None:
    """What keeps such an item from the container as a whole."""
    if container not in draft.ruleset.containers:
        return refuse(RefusalCode.UNKNOWN_CONTAINER, container=container)
    if not draft.ruleset.accepts(container, facts):
        return refuse(RefusalCode.CONTAINER_REJECTS_ITEM, template_id=facts.template_id, container=container)
    if placement.stays_out(draft, container, facts, bound):
        code = RefusalCode.ITEM_BOUND if bound else RefusalCode.NOT_TRADEABLE
        return refuse(code, template_id=facts.template_id, container=container)
    return None


def why_not_there(draft: Draft, container: str, slot: int, item: Item, facts: Facts) -> Refusal | None:
    """What keeps the item from a slot that there is, in a container that takes it."""
    if draft.at(container, slot) is not None:
        return refuse(RefusalCode.SLOT_OCCUPIED, container=container, slot=slot)
    heavier = facts.weight * item.quantity if draft.ruleset.weighs(container) else 0
    if heavier and draft.weight() + heavier > draft.carry_limit():
        return refuse(RefusalCode.TOO_HEAVY, limit=draft.carry_limit())
    return None


def why_left(draft: Draft, containers: list[str], facts: Facts, left: int, quantity: int) -> Refusal:
    """Why ``left`` of ``quantity`` found no place in any of the containers."""
    refusal = placement.unplaced(draft, containers, facts, left, quantity, template_id=facts.template_id)
    if refusal.code is RefusalCode.CONTAINER_FULL and facts.weight:
        heavy = draft.weight() + facts.weight > draft.carry_limit()
        if heavy and any(
            draft.ruleset.weighs(name) and placement.free_slot(draft, name, facts) is not None
            for name in containers
        ):
            return refuse(RefusalCode.TOO_HEAVY, limit=draft.carry_limit(), template_id=facts.template_id)
    return refusal


def _told(refusal: Refusal, item: Item) -> Refusal:
    """The refusal, of an item that may have no id yet."""
    if refusal.params.get("item_id") != "":
        return refusal
    params: dict[str, Param] = {"template_id": item.template_id}
    params |= {name: value for name, value in refusal.params.items() if name != "item_id"}
    return Refusal(refusal.code, params)


def rejected_everywhere(facts: Facts) -> Refusal:
    """No container of auto-placement takes such an item."""
    return refuse(RefusalCode.CONTAINER_REJECTS_ITEM, template_id=facts.template_id)
