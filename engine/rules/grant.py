"""grant: make new items."""

from engine.commands import GrantRequest
from engine.facts import UNKNOWN_KIND, Facts
from engine.outcome import Told
from engine.refusals import RefusalCode, Refusals
from engine.rules import guards, limits, placement
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.rules.placement import Lot
from engine.ruleset import EQUIPMENT


def grant(draft: Draft, command: GrantRequest) -> Refusals:
    """All of it or nothing, unless ``partial``; where it is told to, or where room is found."""
    if command.item_id is not None and draft.has_known(command.item_id):
        yield refuse(RefusalCode.ALREADY_EXISTS, item_id=command.item_id)
        return
    facts = draft.facts(command.template_id)
    oversized = facts is not None and command.item_id is not None and command.quantity > facts.stack_limit
    if facts is not None and oversized:
        yield refuse(
            RefusalCode.INVALID_QUANTITY,
            item_id=command.item_id,
            quantity=command.quantity,
            stack_limit=facts.stack_limit,
        )
    container = command.container
    nowhere = container is not None and container not in (EQUIPMENT, *draft.ruleset.containers)
    if nowhere:
        yield refuse(RefusalCode.UNKNOWN_CONTAINER, container=container)
    mailbox = draft.ruleset.source.placement.overflow
    if command.overflow and mailbox is None:
        yield refuse(RefusalCode.UNKNOWN_CONTAINER, container="overflow")
    if facts is None or facts.kind == UNKNOWN_KIND or facts.retired:
        yield refuse(RefusalCode.UNKNOWN_TEMPLATE, template_id=command.template_id)
        return
    wanted = command.quantity
    if command.partial:
        wanted = limits.allowance(draft, facts, wanted)
        # There is no part of an instance.
        wanted = 0 if command.item_id is not None and wanted < command.quantity else wanted
    else:
        yield from limits.may_carry(draft, facts, wanted)
    if nowhere:
        return
    bound = command.bound or facts.bind == "pickup"
    containers = destinations(draft, command, facts, bound)
    spills = command.overflow and mailbox is not None and placement.takes(draft, mailbox, facts, bound)
    if not containers and (container is not None or not spills):
        yield refuse(RefusalCode.CONTAINER_REJECTS_ITEM, template_id=command.template_id, container=container)
        return
    if container is not None and containers:
        guards.changes_hands(draft, container, facts, bound, template_id=command.template_id)
    lot = Lot(facts, bound, item_id=command.item_id, light=command.partial or command.overflow)
    left = placement.pour(draft, containers, lot, wanted)
    if spills and mailbox is not None:
        left = placement.pour(draft, [mailbox], lot, left)
        containers = [*containers, mailbox]
    if command.partial:
        draft.tell(Told(draft.op_index, not_placed=command.quantity - wanted + left))
    elif left > 0 and not oversized:
        yield placement.unplaced(
            draft, containers, facts, left, command.quantity, template_id=command.template_id
        )


def destinations(draft: Draft, command: GrantRequest, facts: Facts, bound: bool) -> list[str]:
    """The containers to try, in order: the one named, or auto-placement's; only those that take it."""
    if command.container is None:
        return placement.auto_containers(draft, facts, bound)
    if command.container == EQUIPMENT or not draft.ruleset.accepts(command.container, facts):
        return []
    return [command.container]
