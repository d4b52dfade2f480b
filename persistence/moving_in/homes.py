"""Which containers take items of a template, by ruleset and catalog alone: the same for every character."""

from engine.facts import Facts
from engine.refusals import Refusal
from engine.rules import placement
from engine.rules.draft import Draft
from engine.ruleset import Ruleset
from engine.state import Actor, InventorySessionDTO
from persistence.moving_in import placing


class Homes:
    """Asks the rules once for each template, bound or not, and not for each of millions of rows.

    So one is for one import, in which a template has the same facts from beginning to end.
    """

    def __init__(self, ruleset: Ruleset) -> None:
        """Nothing is known yet."""
        self.ruleset = ruleset
        # The rules are asked of an inventory, and what is asked here depends on nothing in it.
        self._empty = Draft(ruleset, InventorySessionDTO("", 0, ruleset.hash, Actor(), {}, {}), {}, "")
        self._auto: dict[tuple[str, bool], list[str]] = {}
        self._refusals: dict[tuple[str, str, bool], Refusal | None] = {}

    def auto(self, facts: Facts, *, bound: bool) -> list[str]:
        """The containers that auto-placement tries for such an item, in order."""
        key = facts.template_id, bound
        found = self._auto.get(key)
        if found is None:
            found = self._auto[key] = placement.auto_containers(self._empty, facts, bound)
        return found

    def why_not(self, container: str, facts: Facts, *, bound: bool) -> Refusal | None:
        """What keeps such an item from the container as a whole."""
        key = container, facts.template_id, bound
        if key in self._refusals:
            return self._refusals[key]
        refusal = placing.why_not_within(self._empty, container, facts, bound)
        # Rows may name any number of containers that there are not.
        if container in self.ruleset.containers:
            self._refusals[key] = refusal
        return refusal
