"""move: place, merge, swap or split, or wear when the paper doll is where it goes."""

from engine.commands import Destination, MoveRequest
from engine.facts import Facts
from engine.refusals import Refusal, RefusalCode
from engine.rules import guards, placement, wear
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.ruleset import EQUIPMENT
from engine.state import Item, SlotKey


def move(draft: Draft, command: MoveRequest) -> Refusal | None:
    """Move an item, or ``quantity`` of its stack."""
    item = draft.item(command.item_id)
    if item is None:
        return refuse(RefusalCode.ITEM_NOT_FOUND, item_id=command.item_id)
    return move_item(draft, item, command.to, command.quantity)


def move_item(draft: Draft, item: Item, to: Destination, quantity: int | None) -> Refusal | None:
    """Judge the destination, then go there."""
    if to.container == EQUIPMENT:
        if quantity is not None and quantity != item.quantity:
            return refuse(RefusalCode.INVALID_QUANTITY, item_id=item.item_id, quantity=quantity)
        if to.slot is None:
            return wear.put_on(draft, item, None)
        if not isinstance(to.slot, str) or to.slot not in draft.ruleset.slots:
            return refuse(RefusalCode.UNKNOWN_SLOT, container=to.container, slot=to.slot)
        return wear.put_on(draft, item, to.slot)
    if to.container not in draft.ruleset.containers:
        return refuse(RefusalCode.UNKNOWN_CONTAINER, container=to.container)
    facts = draft.facts_of(item)
    if to.slot is not None and not placement.is_slot_of(draft, to.container, facts, to.slot):
        return refuse(RefusalCode.UNKNOWN_SLOT, container=to.container, slot=to.slot)
    if refusal := guards.source_unlocked(draft, item):
        return refusal
    if item.place.container == EQUIPMENT and (other := swap_partner(draft, item, facts, to, quantity)):
        refusal = wear.wearable(draft, other, draft.facts_of(other), str(item.place.slot))
        if refusal:
            return refusal
    if not placement.accepts(draft, to.container, facts):
        return refuse(RefusalCode.CONTAINER_REJECTS_ITEM, item_id=item.item_id, container=to.container)
    if to.slot is None:
        return move_into(draft, item, facts, to.container, quantity)
    return move_to_slot(draft, item, facts, to.container, to.slot, quantity)


def swap_partner(
    draft: Draft, item: Item, facts: Facts, to: Destination, quantity: int | None
) -> Item | None:
    """The item that a whole move onto its slot would put where the moved one was."""
    if to.slot is None or (quantity is not None and quantity != item.quantity):
        return None
    other = draft.at(to.container, to.slot)
    if other is None or other.item_id == item.item_id or merges(draft, item, other, facts, to.container):
        return None
    return other


def merges(draft: Draft, item: Item, other: Item, facts: Facts, container: str) -> bool:
    """Whether the two are stacks of one template, which merge instead of changing places."""
    return other.template_id == item.template_id and placement.stack_limit(draft, container, facts) > 1


def move_into(draft: Draft, item: Item, facts: Facts, container: str, quantity: int | None) -> Refusal | None:
    """Fill stacks in slot order, then the first free slots; without a quantity, as much as fits."""
    if quantity is not None and quantity != item.quantity:
        return split_into(draft, item, facts, container, quantity)
    if item.place.container == container:
        # It is there already: all that is left to do is to top up its fellows.
        left = placement.fill(draft, container, facts, item.bound, item.quantity, item.item_id)
        if left < item.quantity:
            draft.take(item, item.quantity - left)
        return None
    origin = item.place
    draft.lift(item)
    left = placement.pour(draft, [container], facts, item.bound, item.quantity, keep=item)
    if left == item.quantity or (quantity is not None and left > 0):
        return placement.unplaced(draft, left, item.quantity, container, item_id=item.item_id)
    if left > 0:
        draft.put(item, origin.container, origin.slot, left)
    return None


def split_into(draft: Draft, item: Item, facts: Facts, container: str, quantity: int) -> Refusal | None:
    """Part of a stack goes into a container, all of that part."""
    left = placement.pour(draft, [container], facts, item.bound, quantity, skip=item.item_id)
    if left > 0:
        return placement.unplaced(draft, left, quantity, container, item_id=item.item_id)
    if quantity > item.quantity:
        return refuse(
            RefusalCode.INSUFFICIENT_ITEMS, item_id=item.item_id, quantity=quantity, has=item.quantity
        )
    draft.take(item, quantity)
    return None


def move_to_slot(
    draft: Draft, item: Item, facts: Facts, container: str, slot: SlotKey, quantity: int | None
) -> Refusal | None:
    """To one slot: place when it is free, merge with its own template, swap with any other."""
    total = draft.total(container)
    if total is not None and isinstance(slot, int) and slot >= total:
        return refuse(RefusalCode.SLOT_OUT_OF_RANGE, container=container, slot=slot, total=total)
    other = draft.at(container, slot)
    if other is None:
        return place(draft, item, facts, container, slot, quantity)
    whole = quantity is None or quantity == item.quantity
    if other.item_id == item.item_id:
        return None if whole else refuse(RefusalCode.SLOT_OCCUPIED, container=container, slot=slot)
    if merges(draft, item, other, facts, container):
        return merge(draft, item, other, facts, quantity)
    if not whole:
        return refuse(RefusalCode.SLOT_OCCUPIED, container=container, slot=slot)
    return swap(draft, item, facts, other)


def place(
    draft: Draft, item: Item, facts: Facts, container: str, slot: SlotKey, quantity: int | None
) -> Refusal | None:
    """To a free slot; what is more than a stack may hold stays behind."""
    limit = placement.stack_limit(draft, container, facts)
    if quantity is not None and quantity > limit:
        return refuse(RefusalCode.STACK_FULL, container=container, slot=slot, stack_limit=limit)
    wanted = item.quantity if quantity is None else quantity
    if wanted > item.quantity:
        return refuse(
            RefusalCode.INSUFFICIENT_ITEMS, item_id=item.item_id, quantity=wanted, has=item.quantity
        )
    portion = min(wanted, limit)
    if portion == item.quantity:
        draft.lift(item)
        draft.put(item, container, slot, portion)
    else:
        draft.take(item, portion)
        draft.create(item.template_id, portion, item.bound, container, slot)
    return None


def merge(draft: Draft, item: Item, other: Item, facts: Facts, quantity: int | None) -> Refusal | None:
    """Onto a stack of the same template; without a quantity, as much as fits."""
    if other.bound != item.bound:
        return refuse(RefusalCode.CANNOT_STACK, item_id=item.item_id, onto=other.item_id)
    limit = placement.stack_limit(draft, other.place.container, facts)
    room = limit - other.quantity
    if room <= 0 or (quantity is not None and quantity > room):
        return refuse(
            RefusalCode.STACK_FULL,
            container=other.place.container,
            slot=other.place.slot,
            stack_limit=limit,
        )
    wanted = item.quantity if quantity is None else quantity
    if wanted > item.quantity:
        return refuse(
            RefusalCode.INSUFFICIENT_ITEMS, item_id=item.item_id, quantity=wanted, has=item.quantity
        )
    portion = min(wanted, room)
    draft.take(item, portion)
    draft.resize(other, other.quantity + portion)
    return None


def swap(draft: Draft, item: Item, facts: Facts, other: Item) -> Refusal | None:
    """Two whole items change places; each must be welcome where the other one was, and fit there.

    That what goes to the doll may be worn was judged before the destination was.
    """
    origin, target = item.place, other.place
    others = draft.facts_of(other)
    if origin.container != EQUIPMENT and not placement.accepts(draft, origin.container, others):
        return refuse(RefusalCode.CONTAINER_REJECTS_ITEM, item_id=other.item_id, container=origin.container)
    if origin.container != EQUIPMENT and not placement.is_slot_of(
        draft, origin.container, others, origin.slot
    ):
        return refuse(RefusalCode.SLOT_OCCUPIED, container=target.container, slot=target.slot)
    if refusal := placement.stack_fits(draft, item, facts, target):
        return refusal
    if refusal := placement.stack_fits(draft, other, others, origin):
        return refusal
    draft.lift(item)
    draft.lift(other)
    draft.put(item, target.container, target.slot, item.quantity)
    draft.put(other, origin.container, origin.slot, other.quantity)
    return None
