"""The engine's working copy of a session, with totals that run along instead of being counted each time.

The rules ask it what they ask of any draft, and get the same answers, which a test holds. It is for
inventories that only grow: items are made and filled up, never moved or taken away.
"""

from msgspec.structs import replace

from engine.bounds import CAPACITY_MAX, CARRIED_MAX
from engine.facts import Facts
from engine.rules.draft import Draft
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import Actor, InventorySessionDTO, Item, Place


class RunningDraft(Draft):
    """Begins empty. ``begin_row`` comes before anything that is done with a template."""

    def __init__(self, ruleset: Ruleset, char_id: str, actor: Actor, id_prefix: str) -> None:
        """For a new character; ``id_prefix``: 24 hex digits, from which ids of new items are made."""
        super().__init__(ruleset, InventorySessionDTO(char_id, 0, ruleset.hash, actor, {}, {}), {}, id_prefix)
        self._weight = 0
        self._carry_limit = ruleset.carry_limit(actor)
        self._extra: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._groups: dict[str, int] = {}
        self._worn: dict[str, int] = {}
        self._worn_groups: dict[str, int] = {}
        self._own: dict[str, int | None] = {}
        self._gaps: dict[str, int] = {}
        # Stacks of indexed containers that are not full, by container and template.
        self._open: dict[tuple[str, str], dict[str, int]] = {}
        self._minted_before = 0

    def begin_row(self, facts: Facts) -> None:
        """A row of a template comes: from now on new stacks are counted anew, as they are for each call."""
        self._known[facts.template_id] = facts
        self._minted_before = self._minted

    def minted(self) -> int:
        """New items of this row so far."""
        return self._minted - self._minted_before

    def total(self, container: str) -> int | None:
        """Slots of a container now, None where unbounded."""
        if container not in self._own:
            indexed = self.ruleset.containers[container].kind == "slots"
            self._own[container] = self.ruleset.own_capacity(container, self.actor) if indexed else None
        own = self._own[container]
        return None if own is None else min(own + self._extra.get(container, 0), CAPACITY_MAX)

    def lowest_gap(self, container: str) -> int:
        """The lowest slot that nothing is in; as nothing is taken away, never below the last one."""
        slot = self._gaps.get(container, 0)
        while (container, slot) in self._at:
            slot += 1
        self._gaps[container] = slot
        return slot

    def stacks(self, container: str, template_id: str) -> list[Item]:
        """The stacks that are not full, in slot order; full ones are of no interest to anybody here."""
        found = self._open.get((container, template_id))
        if not found:
            return []
        if len(found) == 1:
            return [self.items[item_id] for item_id in found]
        return [self.items[item_id] for item_id in sorted(found, key=found.__getitem__)]

    def count(self, template_id: str) -> int:
        """How many of a template there are, in all places together."""
        return self._counts.get(template_id, 0)

    def count_group(self, group: str) -> int:
        """How many of a limit group there are, in all places together."""
        return self._groups.get(group, 0)

    def worn(self, template_id: str) -> int:
        """How many slots of the doll hold the template."""
        return self._worn.get(template_id, 0)

    def worn_group(self, group: str) -> int:
        """How many slots of the doll hold items of a limit group."""
        return self._worn_groups.get(group, 0)

    def weight(self) -> int:
        """Weight carried."""
        return self._weight

    def carry_limit(self) -> int:
        """The most weight that may be carried."""
        return min(self._carry_limit, CARRIED_MAX)

    def create(
        self, template_id: str, quantity: int, bound: bool, locked: bool, place: Place, item_id: str | None
    ) -> None:
        """Make a new item in a free place; unless given, its id is the prefix and its number."""
        self._minted += 1
        item_id = item_id or f"{self._id_prefix}{self._minted:08x}"
        facts = self._known[template_id]
        container, slot = place.container, place.slot
        if container == EQUIPMENT:
            bound = bound or facts.bind == "equip"
            self._wear(facts)
        elif quantity < facts.stack_limit and isinstance(slot, int):
            self._open.setdefault((container, template_id), {})[item_id] = slot
        self.items[item_id] = Item(item_id, template_id, quantity, place, bound, locked)
        self._at[container, slot] = item_id
        self._add(facts, container, quantity)

    def resize(self, item: Item, quantity: int) -> None:
        """Let a stack grow."""
        facts = self._known[item.template_id]
        self.items[item.item_id] = replace(item, quantity=quantity)
        if quantity >= facts.stack_limit:
            self._open.get((item.place.container, item.template_id), {}).pop(item.item_id, None)
        self._add(facts, item.place.container, quantity - item.quantity)

    def _add(self, facts: Facts, container: str, quantity: int) -> None:
        template_id, group = facts.template_id, facts.limit_group
        self._counts[template_id] = self._counts.get(template_id, 0) + quantity
        if group:
            self._groups[group] = self._groups.get(group, 0) + quantity
        if facts.weight and self.ruleset.weighs(container):
            self._weight += facts.weight * quantity

    def _wear(self, facts: Facts) -> None:
        self._worn[facts.template_id] = self._worn.get(facts.template_id, 0) + 1
        if facts.limit_group:
            self._worn_groups[facts.limit_group] = self._worn_groups.get(facts.limit_group, 0) + 1
        self._carry_limit += facts.grants.carry_weight
        for container, extra in facts.grants.containers.items():
            self._extra[container] = self._extra.get(container, 0) + extra
