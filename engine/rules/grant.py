"""grant: make new items."""

from engine.bounds import QUANTITY_MAX
from engine.commands import GrantRequest
from engine.refusals import Refusal, RefusalCode
from engine.rules import placement
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.ruleset import EQUIPMENT


def grant(draft: Draft, command: GrantRequest) -> Refusal | None:
    """All of it or nothing, into the container named or where auto-placement finds room."""
    if command.quantity < 1 or command.quantity > QUANTITY_MAX:
        return refuse(RefusalCode.INVALID_QUANTITY, quantity=command.quantity)
    container = command.container
    if container is not None and container != EQUIPMENT and container not in draft.ruleset.containers:
        return refuse(RefusalCode.UNKNOWN_CONTAINER, container=container)
    facts = draft.facts(command.template_id)
    if facts is None:
        return refuse(RefusalCode.UNKNOWN_TEMPLATE, template_id=command.template_id)
    if container is None:
        containers = placement.auto_containers(draft, facts)
    elif container == EQUIPMENT or not draft.ruleset.accepts(container, facts):
        containers = []
    else:
        containers = [container]
    if not containers:
        return refuse(
            RefusalCode.CONTAINER_REJECTS_ITEM, template_id=command.template_id, container=container
        )
    left = placement.pour(draft, containers, facts, command.bound, command.quantity)
    if left > 0:
        return placement.unplaced(
            draft, left, command.quantity, containers[0], template_id=command.template_id
        )
    return None
