"""Guards that several commands share. Each answers with a refusal, or None to go on."""

from engine.facts import Facts
from engine.refusals import Param, Refusal, RefusalCode
from engine.rules.draft import Draft
from engine.ruleset import EQUIPMENT
from engine.state import Item


def refuse(code: RefusalCode, **params: Param | None) -> Refusal:
    """A refusal with the values it was judged by; the command's index is set by ``apply``."""
    return Refusal(code, {name: value for name, value in params.items() if value is not None})


def slot_unlocked(draft: Draft, slot: str) -> Refusal | None:
    """The actor is in no state that locks the slot of the doll."""
    for state in draft.ruleset.slots[slot].locked_while:
        if state in draft.actor.states:
            return refuse(RefusalCode.ACTOR_STATE_FORBIDS, slot=slot, state=state)
    return None


def source_unlocked(draft: Draft, item: Item) -> Refusal | None:
    """The item is not worn in a slot that is locked."""
    if item.place.container == EQUIPMENT and isinstance(item.place.slot, str):
        return slot_unlocked(draft, item.place.slot)
    return None


def requirements(draft: Draft, item: Item, facts: Facts) -> Refusal | None:
    """The actor has the level, the class and the attributes that the item asks for."""
    requires = facts.requires
    if draft.actor.level < requires.level:
        return refuse(
            RefusalCode.LEVEL_TOO_LOW, item_id=item.item_id, required=requires.level, level=draft.actor.level
        )
    if requires.classes and draft.actor.class_ not in requires.classes:
        return refuse(RefusalCode.CLASS_NOT_ALLOWED, item_id=item.item_id, **{"class": draft.actor.class_})
    for attribute in draft.ruleset.source.actor.attributes:
        required = requires.attributes.get(attribute)
        has = draft.actor.attributes.get(attribute, 0)
        if required is not None and has < required:
            return refuse(
                RefusalCode.ATTRIBUTE_TOO_LOW,
                item_id=item.item_id,
                attribute=attribute,
                required=required,
                value=has,
            )
    return None


def room(draft: Draft) -> Refusal | None:
    """The command has left nothing heavier than may be carried, and nothing beyond a container's end.

    What was too much before may stay, but not get worse.
    """
    weight, limit = draft.weight(), draft.carry_limit()
    if weight > draft.weight_before and weight > limit:
        return refuse(RefusalCode.TOO_HEAVY, limit=limit)
    for container in draft.ruleset.containers:
        total, before = draft.total(container), draft.totals_before[container]
        if total is not None and before is not None and total < before and draft.highest(container) >= total:
            return refuse(RefusalCode.CAPACITY_IN_USE, container=container, total=total)
    if limit < draft.limit_before and weight > limit:
        return refuse(RefusalCode.CAPACITY_IN_USE, limit=limit)
    return None
