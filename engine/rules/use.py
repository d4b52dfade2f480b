"""use: one charge of an item; what it does is the game's to apply."""

from engine.commands import UseRequest
from engine.outcome import Effect, Told
from engine.refusals import RefusalCode, Refusals
from engine.rules import guards
from engine.rules.draft import Draft
from engine.rules.guards import refuse
from engine.ruleset import EQUIPMENT


def use(draft: Draft, command: UseRequest) -> Refusals:
    """Judge the item and its user, tell the effect, and take one away where using uses up."""
    item = draft.item(command.item_id)
    if item is None:
        yield refuse(RefusalCode.ITEM_NOT_FOUND, item_id=command.item_id)
        return
    facts = draft.facts_of(item)
    yield from guards.available(draft, item)
    yield from guards.not_locked(item)
    yield from guards.state_allows(draft, "use", facts)
    if item.place.container != EQUIPMENT:
        yield from guards.container_open(draft, item.place.container)
    if facts.use == "none":
        yield refuse(RefusalCode.NOT_USABLE, item_id=item.item_id)
    yield from guards.requirements(draft, item, facts.requires, None)
    if facts.use == "consume":
        draft.take(item, 1)
    draft.tell(Told(draft.op_index, effect=Effect(item.template_id)))
