"""Guards that several commands share. Each yields what it finds wrong, and nothing to go on."""

from engine.facts import UNKNOWN_KIND, Facts, Requirements
from engine.refusals import Param, Refusal, RefusalCode, Refusals
from engine.rules.draft import Draft
from engine.ruleset import EQUIPMENT
from engine.ruleset_file import Deed
from engine.state import Item


def refuse(code: RefusalCode, **params: Param | None) -> Refusal:
    """A refusal with the values it was judged by; the command's index is set by ``apply``."""
    return Refusal(code, {name: value for name, value in params.items() if value is not None})


def available(draft: Draft, *items: Item) -> Refusals:
    """None of the items is held in a trade, and their templates are known."""
    for item in items:
        if item.held:
            yield refuse(RefusalCode.ITEM_HELD, item_id=item.item_id)
    for item in items:
        if draft.facts_of(item).kind == UNKNOWN_KIND:
            yield refuse(RefusalCode.FROZEN, item_id=item.item_id, template_id=item.template_id)


def not_locked(item: Item) -> Refusals:
    """The player has not locked the item."""
    if item.locked:
        yield refuse(RefusalCode.ITEM_LOCKED, item_id=item.item_id)


def state_allows(draft: Draft, deed: Deed, facts: Facts | None) -> Refusals:
    """The actor is in no state that forbids the deed, with an item that the state concerns."""
    for state, rule in draft.ruleset.state_rules.items():
        exempt = facts is not None and draft.ruleset.is_exempt(state, facts)
        if state in draft.actor.states and deed in rule.forbids and not exempt:
            yield refuse(RefusalCode.ACTOR_STATE_FORBIDS, command=deed, state=state)


def slot_unlocked(draft: Draft, slot: str, facts: Facts) -> Refusals:
    """The actor is in no state that locks the slot of the doll for such an item."""
    for state in draft.ruleset.slots[slot].locked_while:
        if state in draft.actor.states and not draft.ruleset.is_exempt(state, facts):
            yield refuse(RefusalCode.ACTOR_STATE_FORBIDS, slot=slot, state=state)


def container_open(draft: Draft, container: str) -> Refusals:
    """The actor's states let the player reach into the container."""
    entry = draft.ruleset.containers[container]
    for state in entry.locked_while:
        if state in draft.actor.states:
            yield refuse(RefusalCode.ACTOR_STATE_FORBIDS, container=container, state=state)
    if entry.open_while and not any(state in draft.actor.states for state in entry.open_while):
        yield refuse(RefusalCode.ACTOR_STATE_FORBIDS, container=container)


def source_unlocked(draft: Draft, item: Item) -> Refusals:
    """The item is in no slot that is locked for it, and in no container that is."""
    if item.place.container == EQUIPMENT:
        yield from slot_unlocked(draft, str(item.place.slot), draft.facts_of(item))
    else:
        yield from container_open(draft, item.place.container)


def requirements(draft: Draft, item: Item, requires: Requirements, slot: str | None) -> Refusals:
    """The actor has the level, the class and the attributes that the item, or its slot, asks for."""
    actor = draft.actor
    if actor.level < requires.level:
        yield refuse(
            RefusalCode.LEVEL_TOO_LOW,
            item_id=item.item_id,
            slot=slot,
            required=requires.level,
            level=actor.level,
        )
    if requires.classes and actor.class_ not in requires.classes:
        yield refuse(
            RefusalCode.CLASS_NOT_ALLOWED, item_id=item.item_id, slot=slot, **{"class": actor.class_}
        )
    for attribute in draft.ruleset.source.actor.attributes:
        required = requires.attributes.get(attribute)
        has = actor.attributes.get(attribute, 0)
        if required is not None and has < required:
            yield refuse(
                RefusalCode.ATTRIBUTE_TOO_LOW,
                item_id=item.item_id,
                slot=slot,
                attribute=attribute,
                required=required,
                value=has,
            )


def room(draft: Draft) -> Refusals:
    """The command has left nothing heavier than may be carried, and nothing beyond a container's end.

    What was too much before may stay, but not get worse.
    """
    before = draft.before
    if before is None:
        return
    weight, limit = draft.weight(), draft.carry_limit()
    if weight > before.weight and weight > limit:
        yield refuse(RefusalCode.TOO_HEAVY, limit=limit)
    for container in draft.ruleset.containers:
        total, earlier = draft.total(container), before.slots[container]
        smaller = total is not None and earlier is not None and total < earlier
        if total is not None and smaller and draft.highest(container) >= total:
            yield refuse(RefusalCode.CAPACITY_IN_USE, container=container, total=total)
    if limit < before.carry_limit and weight > limit:
        yield refuse(RefusalCode.CAPACITY_IN_USE, limit=limit)


def changes_hands(draft: Draft, container: str, facts: Facts, bound: bool, **subject: Param) -> None:
    """Only what may change hands gets into a shared container; judged after all else."""
    if not draft.ruleset.containers[container].shared:
        return
    if bound:
        draft.owe(refuse(RefusalCode.ITEM_BOUND, container=container, **subject))
    if not facts.tradeable:
        draft.owe(refuse(RefusalCode.NOT_TRADEABLE, container=container, **subject))
