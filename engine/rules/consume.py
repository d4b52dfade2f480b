"""consume: take items away, from one stack or of a template wherever it is carried."""

from engine.commands import ConsumeRequest
from engine.refusals import RefusalCode, Refusals
from engine.rules import guards, placement
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.state import Item


def consume(draft: Draft, command: ConsumeRequest) -> Refusals:
    """Take away ``quantity``, all of it or nothing."""
    if command.item_id is not None:
        yield from consume_item(draft, command.item_id, command.quantity)
    if command.template_id is not None:
        yield from consume_template(draft, command.template_id, command.quantity)


def consume_item(draft: Draft, item_id: str, quantity: int) -> Refusals:
    """From one stack, worn or carried."""
    item = draft.item(item_id)
    if item is None:
        yield refuse(RefusalCode.ITEM_NOT_FOUND, item_id=item_id)
        return
    yield from guards.available(draft, item)
    yield from guards.not_locked(item)
    yield from guards.state_allows(draft, "consume", draft.facts_of(item))
    if quantity > item.quantity:
        yield refuse(RefusalCode.INSUFFICIENT_ITEMS, item_id=item_id, quantity=quantity, has=item.quantity)
        return
    draft.take(item, quantity)


def consume_template(draft: Draft, template_id: str, quantity: int) -> Refusals:
    """Smallest stacks first, ties by container order and slot; never what is worn or in a mailbox."""
    yield from guards.state_allows(draft, "consume", draft.facts(template_id))
    found = carried(draft, template_id)
    has = sum(stack.quantity for stack in found)
    if quantity > has:
        yield refuse(RefusalCode.INSUFFICIENT_ITEMS, template_id=template_id, quantity=quantity, has=has)
        return
    # The sort is stable, and ``carried`` answers in the order that decides ties.
    for stack in sorted(found, key=lambda stack: stack.quantity):
        portion = min(quantity, stack.quantity)
        draft.take(stack, portion)
        quantity -= portion
        if quantity == 0:
            break


def carried(draft: Draft, template_id: str) -> list[Item]:
    """The stacks of a template that may be consumed, by container order and slot."""
    facts = draft.facts(template_id)
    if facts is None:
        return []
    return [
        stack
        for container, entry in draft.ruleset.containers.items()
        if entry.kind != "mailbox" and entry.consumable
        for stack in placement.stacks(draft, container, facts)
        if not stack.locked and not any(guards.available(draft, stack))
    ]
