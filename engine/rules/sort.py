"""sort: merge the stacks of a container and put them in order.

This rule has no twin: ordering a whole container is no hot command, so it always runs here, and
its outcome is committed if nothing has changed the session meanwhile.
"""

from engine.commands import SortRequest
from engine.refusals import RefusalCode, Refusals
from engine.rules import guards, placement
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.state import Item


def sort(draft: Draft, command: SortRequest) -> Refusals:
    """What is held or frozen keeps its place; the rest fills the lowest slots, in order."""
    if command.container not in draft.ruleset.containers:
        yield refuse(RefusalCode.UNKNOWN_CONTAINER, container=command.container)
        yield from guards.state_allows(draft, "sort", None)
        return
    yield from guards.state_allows(draft, "sort", None)
    yield from guards.container_open(draft, command.container)
    if draft.ruleset.containers[command.container].kind == "purse":
        return
    inside = sorted(
        (item for item in draft.items.values() if item.place.container == command.container),
        # Slots that another ruleset left as text come last.
        key=lambda item: (isinstance(item.place.slot, str), item.place.slot),
    )
    movable = merge_stacks(draft, [item for item in inside if not any(guards.available(draft, item))])
    movable.sort(key=lambda item: rank(draft, item))
    for item in movable:
        draft.lift(item)
    # What kept its place is passed over, because a slot that is taken is not free.
    slot = 0
    for item in movable:
        while draft.at(command.container, slot) is not None:
            slot += 1
        draft.put(item, command.container, slot, item.quantity)


def merge_stacks(draft: Draft, items: list[Item]) -> list[Item]:
    """Pour stacks of a kind into the first of them, and answer what is left, in slot order."""
    left: list[Item] = []
    open_stacks: dict[tuple[str, bool, bool], str] = {}
    for item in items:
        alike = (item.template_id, item.bound, item.locked)
        limit = placement.stack_limit(draft, item.place.container, draft.facts_of(item))
        while (first := draft.items.get(open_stacks.get(alike, ""))) is not None:
            portion = min(item.quantity, limit - first.quantity)
            if portion <= 0:
                del open_stacks[alike]
                break
            draft.resize(first, first.quantity + portion)
            draft.take(item, portion)
            if portion == item.quantity:
                break
            item = draft.items[item.item_id]
        if item.item_id in draft.items:
            left.append(item)
            open_stacks.setdefault(alike, item.item_id)
    return [draft.items[item.item_id] for item in left]


def rank(draft: Draft, item: Item) -> tuple[int, int, str, int, bool, bool, str]:
    """By kind in the ruleset's order, sort rank, template, the fullest first; ids decide ties."""
    facts = draft.facts_of(item)
    kinds = draft.ruleset.source.items.kinds
    return (
        kinds.index(facts.kind) if facts.kind in kinds else len(kinds),
        facts.sort_rank,
        item.template_id,
        -item.quantity,
        item.bound,
        item.locked,
        item.item_id,
    )
