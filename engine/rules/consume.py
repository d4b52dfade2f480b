"""consume: take items away, from one stack or of a template wherever it is carried."""

from engine.commands import ConsumeRequest
from engine.refusals import Refusal, RefusalCode
from engine.rules import placement
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.state import Item


def consume(draft: Draft, command: ConsumeRequest) -> Refusal | None:
    """Take away ``quantity``, all of it or nothing."""
    if command.item_id is not None:
        return consume_item(draft, command.item_id, command.quantity)
    assert command.template_id is not None
    return consume_template(draft, command.template_id, command.quantity)


def consume_item(draft: Draft, item_id: str, quantity: int) -> Refusal | None:
    """From one stack, worn or carried."""
    item = draft.item(item_id)
    if item is None:
        return refuse(RefusalCode.ITEM_NOT_FOUND, item_id=item_id)
    if quantity > item.quantity:
        return refuse(RefusalCode.INSUFFICIENT_ITEMS, item_id=item_id, quantity=quantity, has=item.quantity)
    draft.take(item, quantity)
    return None


def consume_template(draft: Draft, template_id: str, quantity: int) -> Refusal | None:
    """Smallest stacks first, ties by container order and slot; never what is worn or in a mailbox."""
    found = carried(draft, template_id)
    has = sum(stack.quantity for stack in found)
    if quantity > has:
        return refuse(RefusalCode.INSUFFICIENT_ITEMS, template_id=template_id, quantity=quantity, has=has)
    # The sort is stable, and ``carried`` answers in the order that decides ties.
    for stack in sorted(found, key=lambda stack: stack.quantity):
        portion = min(quantity, stack.quantity)
        draft.take(stack, portion)
        quantity -= portion
        if quantity == 0:
            break
    return None


def carried(draft: Draft, template_id: str) -> list[Item]:
    """The stacks of a template that may be consumed, by container order and slot."""
    facts = draft.facts(template_id)
    if facts is None:
        return []
    return [
        stack
        for container, entry in draft.ruleset.containers.items()
        if entry.kind != "mailbox"
        for stack in placement.stacks(draft, container, facts)
    ]
