"""Where items go: filling stacks, finding free slots, and pouring a lot into containers.

Auto-placement order: first the stacks of all containers in the ruleset's order, each in slot
order; then their free slots, in the same order. A ruleset that names its special containers
before its general ones so has both filled in that order.
"""

from collections.abc import Sequence

from msgspec import Struct

from engine.bounds import NEW_STACKS_PER_CALL, QUANTITY_MAX, WEIGHING_QUANTITY_MAX
from engine.facts import Facts
from engine.refusals import Param, Refusal, RefusalCode
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.ruleset import EQUIPMENT
from engine.state import Item, Place, SlotKey


class Lot(Struct, frozen=True):
    """What looks for a place: units of one template.

    ``keep`` is an item in the hand that keeps its identity in the last stack made; it is gone
    when stacks took all of it, and stays in the hand when something found no place. ``skip`` is
    the id of a stack not to be filled. ``item_id`` names the one new stack that it may become.
    ``light``: no more than may be carried.
    """

    facts: Facts
    bound: bool
    locked: bool = False
    keep: Item | None = None
    skip: str = ""
    item_id: str | None = None
    light: bool = False


def accepts(draft: Draft, container: str, facts: Facts) -> bool:
    """Whether a move may put an item of this template there; mailboxes are filled by grants alone."""
    return draft.ruleset.containers[container].kind != "mailbox" and draft.ruleset.accepts(container, facts)


def auto_containers(draft: Draft, facts: Facts, bound: bool) -> list[str]:
    """The containers that auto-placement tries for such an item, in order."""
    return [container for container in draft.ruleset.auto if takes(draft, container, facts, bound)]


def takes(draft: Draft, container: str, facts: Facts, bound: bool) -> bool:
    """Whether an item may lie where nobody chose to put it: by the filter, and by who may take it there."""
    return draft.ruleset.accepts(container, facts) and not stays_out(draft, container, facts, bound)


def stays_out(draft: Draft, container: str, facts: Facts, bound: bool) -> bool:
    """Whether the container is shared, and the item may not change hands."""
    return draft.ruleset.containers[container].shared and (bound or not facts.tradeable)


def is_slot_of(draft: Draft, container: str, facts: Facts, slot: SlotKey) -> bool:
    """Whether ``slot`` is of the kind that the container has: an index, or the purse's template id."""
    if draft.ruleset.containers[container].kind == "purse":
        return slot == facts.template_id
    return isinstance(slot, int)


def out_of_range(draft: Draft, container: str, slot: SlotKey) -> Refusal | None:
    """Why an indexed container has no such slot."""
    total = draft.total(container)
    if total is None or not isinstance(slot, int) or slot < total:
        return None
    return refuse(RefusalCode.SLOT_OUT_OF_RANGE, container=container, slot=slot, total=total)


def stack_limit(draft: Draft, container: str, facts: Facts) -> int:
    """The most that one stack may hold in the container, or worn."""
    entry = draft.ruleset.containers.get(container)
    if entry is None or entry.kind != "purse":
        return facts.stack_limit
    return WEIGHING_QUANTITY_MAX if entry.weighs else QUANTITY_MAX


def stack_fits(draft: Draft, item: Item, facts: Facts, place: Place) -> Refusal | None:
    """The whole stack is no larger than one may be in that place; out of a purse it may be."""
    limit = stack_limit(draft, place.container, facts)
    if item.quantity > limit:
        return refuse(RefusalCode.STACK_FULL, container=place.container, slot=place.slot, stack_limit=limit)
    return None


def may_stand(draft: Draft, item: Item, facts: Facts, place: Place) -> bool:
    """Whether an item that gave way may stand in the place that the other one left."""
    if draft.at(place.container, place.slot) is not None or stack_fits(draft, item, facts, place):
        return False
    if place.container == EQUIPMENT:
        slot = str(place.slot)
        return slot in draft.ruleset.allowed_slots(facts) and all(
            draft.at(EQUIPMENT, other) is None for other in draft.ruleset.conflicts[slot]
        )
    if not accepts(draft, place.container, facts):
        return False
    if stays_out(draft, place.container, facts, item.bound):
        return False
    if not is_slot_of(draft, place.container, facts, place.slot):
        return False
    return out_of_range(draft, place.container, place.slot) is None


def pour(draft: Draft, containers: Sequence[str], lot: Lot, quantity: int) -> int:
    """Put ``quantity`` of a lot into containers; answers how many found no place.

    All stacks made but the one that keeps its identity are new items, at most 200 a call, so
    that no call keeps the mirror's server busy.
    """
    left = quantity
    for container in containers:
        left = fill(draft, container, lot, left)
    for container in containers:
        while left > 0:
            slot = free_slot(draft, container, lot.facts)
            portion = bearable(draft, container, lot, min(left, stack_limit(draft, container, lot.facts)))
            if slot is None or portion == 0 or (lot.item_id is not None and portion < left):
                break
            if lot.keep is not None and portion == left:
                draft.put(lot.keep, container, slot, portion)
                return 0
            if draft.minted() >= NEW_STACKS_PER_CALL:
                break
            place = Place(container, slot)
            draft.create(lot.facts.template_id, portion, lot.bound, lot.locked, place, lot.item_id)
            left -= portion
    if lot.keep is not None and left == 0:
        draft.destroy(lot.keep)
    return left


def unplaced(
    draft: Draft, containers: Sequence[str], facts: Facts, left: int, quantity: int, **subject: Param
) -> Refusal:
    """Why ``left`` of ``quantity`` found no place: no room, or more new stacks than a call may make."""
    room = any(free_slot(draft, container, facts) is not None for container in containers)
    if draft.minted() >= NEW_STACKS_PER_CALL and room:
        return refuse(
            RefusalCode.INVALID_QUANTITY, quantity=quantity, new_stacks=NEW_STACKS_PER_CALL, **subject
        )
    return refuse(RefusalCode.CONTAINER_FULL, container=containers[0], not_placed=left, **subject)


def fill(draft: Draft, container: str, lot: Lot, left: int) -> int:
    """Fill the stacks of a template that have room, in slot order; answers what is left."""
    limit = stack_limit(draft, container, lot.facts)
    if left == 0 or limit == 1 or lot.item_id is not None:
        return left
    for stack in stacks(draft, container, lot.facts):
        portion = bearable(draft, container, lot, min(left, limit - stack.quantity))
        if portion > 0 and stack.bound == lot.bound and not stack.held and stack.item_id != lot.skip:
            draft.resize(stack, stack.quantity + portion)
            left -= portion
            if left == 0:
                break
    return left


def bearable(draft: Draft, container: str, lot: Lot, portion: int) -> int:
    """How much of ``portion`` the lot may put there: of a light one, what can still be carried."""
    if not lot.light or lot.facts.weight == 0 or not draft.ruleset.weighs(container):
        return portion
    spare = max(0, draft.carry_limit() - draft.weight())
    return min(portion, spare // lot.facts.weight)


def stacks(draft: Draft, container: str, facts: Facts) -> list[Item]:
    """The stacks of a template in a container, in slot order."""
    if draft.ruleset.containers[container].kind != "purse":
        return draft.stacks(container, facts.template_id)
    stack = draft.at(container, facts.template_id)
    return [] if stack is None else [stack]


def free_slot(draft: Draft, container: str, facts: Facts) -> SlotKey | None:
    """The slot where a new stack of the template would go, None when there is no room for one."""
    if draft.ruleset.containers[container].kind == "purse":
        return facts.template_id if draft.at(container, facts.template_id) is None else None
    return draft.first_free(container)
