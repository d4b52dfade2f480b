"""move: place, merge, swap or split, or wear when the paper doll is where it goes."""

from engine.commands import Destination, MoveRequest
from engine.facts import Facts
from engine.refusals import RefusalCode, Refusals
from engine.rules import guards, limits, placement, wear
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.rules.placement import Lot
from engine.ruleset import EQUIPMENT
from engine.state import Item, Place


def move(draft: Draft, command: MoveRequest) -> Refusals:
    """Move an item, or ``quantity`` of its stack."""
    item = draft.item(command.item_id)
    if item is None:
        yield refuse(RefusalCode.ITEM_NOT_FOUND, item_id=command.item_id)
        return
    yield from move_item(draft, item, command.to, command.quantity)


def move_item(draft: Draft, item: Item, to: Destination, quantity: int | None) -> Refusals:
    """Judge the destination, then go there."""
    if to.container == EQUIPMENT:
        yield from wear.put_on(draft, item, to.slot, quantity)
        return
    facts = draft.facts_of(item)
    other = occupant(draft, item, facts, to)
    yield from guards.available(draft, item, *([] if other is None else [other]))
    if to.container not in draft.ruleset.containers:
        yield refuse(RefusalCode.UNKNOWN_CONTAINER, container=to.container)
        yield from leave(draft, item, facts)
        return
    if to.slot is not None and not placement.is_slot_of(draft, to.container, facts, to.slot):
        yield refuse(RefusalCode.UNKNOWN_SLOT, container=to.container, slot=to.slot)
        yield from leave(draft, item, facts)
        return
    yield from leave(draft, item, facts)
    yield from guards.container_open(draft, to.container)
    partner = other is not None and swaps(draft, item, other, facts, to.container, quantity)
    if other is not None and partner:
        if item.place.container == EQUIPMENT:
            yield from take_place(draft, other, item)
        else:
            yield from guards.state_allows(draft, "move", draft.facts_of(other))
    if not placement.accepts(draft, to.container, facts):
        yield refuse(RefusalCode.CONTAINER_REJECTS_ITEM, item_id=item.item_id, container=to.container)
        if to.slot is not None and (refusal := placement.out_of_range(draft, to.container, to.slot)):
            yield refusal
        return
    if not is_shared(draft, item.place.container):
        guards.changes_hands(draft, to.container, facts, item.bound, item_id=item.item_id)
    if to.slot is None:
        yield from move_into(draft, item, facts, to.container, quantity)
    else:
        yield from move_to_slot(draft, item, facts, Place(to.container, to.slot), quantity)


def occupant(draft: Draft, item: Item, facts: Facts, to: Destination) -> Item | None:
    """What is in the slot that a move goes to, the item itself left out."""
    if to.slot is None or to.container not in draft.ruleset.containers:
        return None
    if not placement.is_slot_of(draft, to.container, facts, to.slot):
        return None
    other = draft.at(to.container, to.slot)
    return None if other is None or other.item_id == item.item_id else other


def leave(draft: Draft, item: Item, facts: Facts) -> Refusals:
    """The actor's states let the item go from where it is."""
    worn = item.place.container == EQUIPMENT
    yield from guards.state_allows(draft, "unequip" if worn else "move", facts)
    yield from guards.source_unlocked(draft, item)


def is_shared(draft: Draft, container: str) -> bool:
    """Whether what lies in the container may change hands."""
    return container != EQUIPMENT and draft.ruleset.containers[container].shared


def swaps(draft: Draft, item: Item, other: Item, facts: Facts, container: str, quantity: int | None) -> bool:
    """Whether a move onto ``other`` would put it where the item was."""
    whole = quantity is None or quantity == item.quantity
    return whole and other.item_id != item.item_id and not merges(draft, item, other, facts, container)


def take_place(draft: Draft, other: Item, item: Item) -> Refusals:
    """The other item may be worn where the moved one is worn now."""
    facts, slot = draft.facts_of(other), str(item.place.slot)
    yield from guards.state_allows(draft, "equip", facts)
    yield from guards.slot_unlocked(draft, slot, facts)
    if refusal := wear.misfit(draft, other, facts, slot):
        yield refusal
        return
    yield from wear.worthy(draft, other, facts, slot)
    yield from limits.may_wear(draft, other, facts, [item])


def merges(draft: Draft, item: Item, other: Item, facts: Facts, container: str) -> bool:
    """Whether the two are stacks of one template, which merge instead of changing places."""
    return other.template_id == item.template_id and placement.stack_limit(draft, container, facts) > 1


def move_into(draft: Draft, item: Item, facts: Facts, container: str, quantity: int | None) -> Refusals:
    """Fill stacks in slot order, then the first free slots; without a quantity, as much as fits."""
    if quantity is not None and quantity != item.quantity:
        yield from split_into(draft, item, facts, container, quantity)
        return
    lot = Lot(facts, item.bound, locked=item.locked, keep=item, skip=item.item_id)
    if item.place.container == container:
        # It is there already: all that is left to do is to top up its fellows.
        left = placement.fill(draft, container, lot, item.quantity)
        if left < item.quantity:
            draft.take(item, item.quantity - left)
        return
    origin = item.place
    draft.lift(item)
    left = placement.pour(draft, [container], lot, item.quantity)
    if left == item.quantity or (quantity is not None and left > 0):
        yield placement.unplaced(draft, [container], facts, left, item.quantity, item_id=item.item_id)
    if left > 0:
        draft.put(item, origin.container, origin.slot, left)


def split_into(draft: Draft, item: Item, facts: Facts, container: str, quantity: int) -> Refusals:
    """Part of a stack goes into a container, all of that part."""
    lot = Lot(facts, item.bound, locked=item.locked, skip=item.item_id)
    # More than there is leaves nothing behind that the rest could be judged by.
    target = draft if quantity <= item.quantity else draft.fork()
    left = placement.pour(target, [container], lot, quantity)
    if left > 0:
        yield placement.unplaced(target, [container], facts, left, quantity, item_id=item.item_id)
    if quantity > item.quantity:
        yield refuse(
            RefusalCode.INSUFFICIENT_ITEMS, item_id=item.item_id, quantity=quantity, has=item.quantity
        )
        return
    draft.take(item, quantity - left)


def move_to_slot(draft: Draft, item: Item, facts: Facts, to: Place, quantity: int | None) -> Refusals:
    """To one slot: place when it is free, merge with its own template, swap with any other."""
    whole = quantity is None or quantity == item.quantity
    if item.place == to and whole:
        return
    if refusal := placement.out_of_range(draft, to.container, to.slot):
        yield refusal
        return
    other = draft.at(to.container, to.slot)
    if other is None:
        yield from place(draft, item, facts, to, quantity)
    elif swaps(draft, item, other, facts, to.container, quantity):
        yield from swap(draft, item, facts, other)
    elif other.item_id != item.item_id and merges(draft, item, other, facts, to.container):
        yield from merge(draft, item, other, facts, quantity)
    else:
        yield refuse(RefusalCode.SLOT_OCCUPIED, container=to.container, slot=to.slot)


def place(draft: Draft, item: Item, facts: Facts, to: Place, quantity: int | None) -> Refusals:
    """To a free slot; what is more than a stack may hold stays behind."""
    limit = placement.stack_limit(draft, to.container, facts)
    if quantity is not None and quantity > limit:
        yield refuse(RefusalCode.STACK_FULL, container=to.container, slot=to.slot, stack_limit=limit)
    wanted = item.quantity if quantity is None else quantity
    if wanted > item.quantity:
        yield refuse(RefusalCode.INSUFFICIENT_ITEMS, item_id=item.item_id, quantity=wanted, has=item.quantity)
        return
    portion = min(wanted, limit)
    if portion == item.quantity:
        draft.lift(item)
        draft.put(item, to.container, to.slot, portion)
    else:
        draft.take(item, portion)
        draft.create(item.template_id, portion, item.bound, item.locked, to, None)


def merge(draft: Draft, item: Item, other: Item, facts: Facts, quantity: int | None) -> Refusals:
    """Onto a stack of the same template; without a quantity, as much as fits."""
    if other.bound != item.bound:
        yield refuse(RefusalCode.CANNOT_STACK, item_id=item.item_id, onto=other.item_id)
    limit = placement.stack_limit(draft, other.place.container, facts)
    room = limit - other.quantity
    if room <= 0 or (quantity is not None and quantity > room):
        yield refuse(
            RefusalCode.STACK_FULL,
            container=other.place.container,
            slot=other.place.slot,
            stack_limit=limit,
        )
    wanted = item.quantity if quantity is None else quantity
    if wanted > item.quantity:
        yield refuse(RefusalCode.INSUFFICIENT_ITEMS, item_id=item.item_id, quantity=wanted, has=item.quantity)
        return
    portion = max(0, min(wanted, room))
    draft.take(item, portion)
    draft.resize(other, other.quantity + portion)


def swap(draft: Draft, item: Item, facts: Facts, other: Item) -> Refusals:
    """Two whole items change places; each must be welcome where the other one was, and fit there.

    That what goes to the doll may be worn was judged before the destination was.
    """
    origin, target = item.place, other.place
    others = draft.facts_of(other)
    if origin.container != EQUIPMENT:
        if not placement.accepts(draft, origin.container, others):
            yield refuse(
                RefusalCode.CONTAINER_REJECTS_ITEM, item_id=other.item_id, container=origin.container
            )
        if refusal := placement.out_of_range(draft, origin.container, origin.slot):
            yield refusal
        if not placement.is_slot_of(draft, origin.container, others, origin.slot):
            yield refuse(RefusalCode.SLOT_OCCUPIED, container=target.container, slot=target.slot)
            return
        if not is_shared(draft, target.container):
            guards.changes_hands(draft, origin.container, others, other.bound, item_id=other.item_id)
    for one, its, where in ((item, facts, target), (other, others, origin)):
        if refusal := placement.stack_fits(draft, one, its, where):
            yield refusal
    draft.exchange(item, other)
