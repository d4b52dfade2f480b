"""The engine's working copy, made of the few rows that a move needs."""

from collections.abc import Mapping

from msgspec import Struct

from engine.facts import Facts
from engine.rules.draft import Draft
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import InventorySessionDTO


class Totals(Struct, frozen=True):
    """What the rules need to know of all items: filled slots by container, weight, what is worn."""

    used: dict[str, int]
    weight: int
    worn: list[Facts]


class PartialDraft(Draft):
    """A draft over the item that moves and the one in its way; the rest is there as totals.

    The engine recounts every total from all items, because it is the oracle of the tests. A
    gateway written for speed would not, and this one does not. It serves for moves to a slot, as
    long as nothing that is worn moves.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        session: InventorySessionDTO,
        totals: Totals,
        templates: Mapping[str, Facts],
        id_prefix: str,
    ) -> None:
        """``totals`` are of all items, those in ``session`` among them."""
        self._rest = Totals({}, 0, totals.worn)
        super().__init__(ruleset, session, templates, id_prefix)
        used = {name: count - super(PartialDraft, self).used(name) for name, count in totals.used.items()}
        self._rest = Totals(used, totals.weight - super().weight(), totals.worn)

    def used(self, container: str) -> int:
        """Filled slots."""
        return super().used(container) + self._rest.used.get(container, 0)

    def weight(self) -> int:
        """Weight carried."""
        return super().weight() + self._rest.weight

    def _worn_facts(self) -> list[Facts]:
        return self._rest.worn


def totals(ruleset: Ruleset, sums: list[tuple[str, Facts, int, int]]) -> Totals:
    """Totals of sums by container and template: how many items, and how many pieces in them."""
    used: dict[str, int] = {}
    weight = 0
    worn: list[Facts] = []
    for container, facts, items, pieces in sums:
        used[container] = used.get(container, 0) + items
        if ruleset.weighs(container):
            weight += facts.weight * pieces
        if container == EQUIPMENT:
            worn += [facts] * items
    return Totals(used, weight, worn)
