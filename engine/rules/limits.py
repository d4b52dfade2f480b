"""Uniqueness and limits: how many of a template, or of a limit group, may be carried and worn.

Everything that a character has counts as carried, wherever it lies, by quantity; what is worn
counts by slot. What was too much before may stay, but not grow.
"""

from engine.facts import Facts
from engine.refusals import RefusalCode, Refusals
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.ruleset import EQUIPMENT
from engine.state import Item


def may_carry(draft: Draft, facts: Facts, quantity: int) -> Refusals:
    """The character may have ``quantity`` more of the template."""
    if facts.max_carried is not None:
        has = draft.count(facts.template_id)
        if has + quantity > facts.max_carried:
            yield refuse(
                RefusalCode.CARRY_LIMIT,
                template_id=facts.template_id,
                max_carried=facts.max_carried,
                has=has,
            )
    group = draft.ruleset.limit_groups.get(facts.limit_group or "")
    if group is not None and group.max_carried is not None:
        has = draft.count_group(group.name)
        if has + quantity > group.max_carried:
            yield refuse(
                RefusalCode.LIMIT_GROUP,
                template_id=facts.template_id,
                limit_group=group.name,
                max_carried=group.max_carried,
                has=has,
            )


def allowance(draft: Draft, facts: Facts, quantity: int) -> int:
    """How many of ``quantity`` the limits leave to be carried."""
    if facts.max_carried is not None:
        quantity = min(quantity, facts.max_carried - draft.count(facts.template_id))
    group = draft.ruleset.limit_groups.get(facts.limit_group or "")
    if group is not None and group.max_carried is not None:
        quantity = min(quantity, group.max_carried - draft.count_group(group.name))
    return max(0, quantity)


def may_wear(draft: Draft, item: Item, facts: Facts, leaving: list[Item]) -> Refusals:
    """One more may be worn of the template and of its group, when ``leaving`` are taken off."""
    if item.place.container == EQUIPMENT:
        return
    if facts.unique_equipped:
        staying = draft.worn(facts.template_id) - sum(
            1 for other in leaving if other.template_id == facts.template_id
        )
        if staying > 0:
            yield refuse(RefusalCode.UNIQUE_EQUIPPED, item_id=item.item_id, template_id=facts.template_id)
    group = draft.ruleset.limit_groups.get(facts.limit_group or "")
    if group is not None and group.max_equipped is not None:
        staying = draft.worn_group(group.name) - sum(
            1 for other in leaving if draft.facts_of(other).limit_group == group.name
        )
        if staying >= group.max_equipped:
            yield refuse(
                RefusalCode.LIMIT_GROUP,
                item_id=item.item_id,
                limit_group=group.name,
                max_equipped=group.max_equipped,
                has=staying,
            )
