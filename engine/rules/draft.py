"""The working copy that a call's commands alter, one after the other.

Here every total is recounted from the items whenever it is asked for: slow, and right by
definition. The twin keeps running totals instead; that both agree is what parity proves.
"""

from collections.abc import Mapping
from copy import copy
from typing import NamedTuple

from msgspec.structs import replace

from engine.bounds import CAPACITY_MAX, CARRIED_MAX
from engine.facts import Facts
from engine.outcome import Told
from engine.refusals import Refusal
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import Actor, InventorySessionDTO, Item, Place, SlotKey


class Totals(NamedTuple):
    """Weight carried, the most that may be, and the slots of each container (None: no end)."""

    weight: int
    carry_limit: int
    slots: dict[str, int | None]


class Draft:
    """A session being altered; ``touched`` has the ids of altered items in order of first touch.

    ``told`` is what commands have to tell; ``owed`` the refusals of the last family, which count
    only when a command leaves nothing else to refuse; ``before`` the totals that a command found,
    None while it has altered nothing.
    """

    def __init__(
        self, ruleset: Ruleset, session: InventorySessionDTO, templates: Mapping[str, Facts], id_prefix: str
    ) -> None:
        """Begin with ``session``; ``templates`` has facts for grants, ``id_prefix`` 24 hex digits."""
        self.ruleset = ruleset
        self.actor: Actor = session.actor
        self.items = dict(session.items)
        self.touched: dict[str, None] = {}
        self.touched_containers: set[str] = set()
        self.made: dict[int, str] = {}
        self.told: list[Told] = []
        self.owed: list[Refusal] = []
        self.op_index = 0
        self._known = dict(session.facts)
        self._templates = templates
        self._id_prefix = id_prefix
        self._minted = 0
        self._at = {(item.place.container, item.place.slot): item.item_id for item in self.items.values()}
        self.before: Totals | None = None

    def begin(self, op_index: int) -> None:
        """Begin the next command of the call."""
        self.op_index = op_index
        self.owed = []
        self.before = None

    # reading

    def item(self, ref: str) -> Item | None:
        """The item by id, or by "@n": the first new item of command n of this call."""
        if ref.startswith("@"):
            ref = self.made.get(int(ref[1:]), "")
        return self.items.get(ref)

    def has_known(self, item_id: str) -> bool:
        """Whether there is such an item, or was before this call took it away."""
        return item_id in self.items or item_id in self.touched

    def at(self, container: str, slot: SlotKey) -> Item | None:
        """The item in a place."""
        item_id = self._at.get((container, slot))
        return None if item_id is None else self.items[item_id]

    def facts(self, template_id: str) -> Facts | None:
        """Facts by the session while it has the template, else by the call."""
        return self._known.get(template_id) or self._templates.get(template_id)

    def facts_of(self, item: Item) -> Facts:
        """Facts of an item that is here; they are always known."""
        facts = self.facts(item.template_id)
        assert facts is not None, item.template_id
        return facts

    def total(self, container: str) -> int | None:
        """Slots of a container now, None where unbounded."""
        entry = self.ruleset.containers[container]
        if entry.kind != "slots":
            return None
        extra = sum(facts.grants.containers.get(container, 0) for facts in self._worn_facts())
        return min(self.ruleset.own_capacity(container, self.actor) + extra, CAPACITY_MAX)

    def first_free(self, container: str) -> int | None:
        """The lowest free slot of an indexed container, None when it is full."""
        total = self.total(container)
        slot = self.lowest_gap(container)
        return slot if total is None or slot < total else None

    def lowest_gap(self, container: str) -> int:
        """The lowest slot that nothing is in, whether the container reaches that far or not."""
        slot = 0
        while (container, slot) in self._at:
            slot += 1
        return slot

    def highest(self, container: str) -> int:
        """The highest filled slot of an indexed container, -1 when it is empty."""
        return max(
            (slot for name, slot in self._at if name == container and isinstance(slot, int)), default=-1
        )

    def stacks(self, container: str, template_id: str) -> list[Item]:
        """The items of a template in an indexed container, in slot order."""
        found = [
            (slot, item_id)
            for (name, slot), item_id in self._at.items()
            if name == container and isinstance(slot, int) and self.items[item_id].template_id == template_id
        ]
        return [self.items[item_id] for _, item_id in sorted(found)]

    def used(self, container: str) -> int:
        """Filled slots of a container or of the doll."""
        return sum(1 for name, _ in self._at if name == container)

    def count(self, template_id: str) -> int:
        """How many of a template there are, in all places together."""
        return sum(item.quantity for item in self._placed() if item.template_id == template_id)

    def count_group(self, group: str) -> int:
        """How many of a limit group there are, in all places together."""
        return sum(item.quantity for item in self._placed() if self.facts_of(item).limit_group == group)

    def worn(self, template_id: str) -> int:
        """How many slots of the doll hold the template."""
        return sum(1 for facts in self._worn_facts() if facts.template_id == template_id)

    def worn_group(self, group: str) -> int:
        """How many slots of the doll hold items of a limit group."""
        return sum(1 for facts in self._worn_facts() if facts.limit_group == group)

    def weight(self) -> int:
        """Weight carried."""
        return sum(
            self.facts_of(item).weight * item.quantity
            for item in self._placed()
            if self.ruleset.weighs(item.place.container)
        )

    def carry_limit(self) -> int:
        """The most weight that may be carried."""
        granted = sum(facts.grants.carry_weight for facts in self._worn_facts())
        return min(self.ruleset.carry_limit(self.actor) + granted, CARRIED_MAX)

    def minted(self) -> int:
        """New items made by the call so far."""
        return self._minted

    def _placed(self) -> list[Item]:
        return [self.items[item_id] for item_id in self._at.values()]

    def _worn_facts(self) -> list[Facts]:
        return [
            self.facts_of(self.items[item_id]) for (name, _), item_id in self._at.items() if name == EQUIPMENT
        ]

    # telling

    def tell(self, told: Told) -> None:
        """Have something told beside the changes."""
        self.told.append(told)

    def owe(self, refusal: Refusal) -> None:
        """Refuse by the last family, if the command leaves nothing else to refuse."""
        self.owed.append(refusal)

    def fork(self) -> "Draft":
        """A copy that can be altered without altering this one."""
        other = copy(self)
        for name in ("items", "touched", "touched_containers", "made", "told", "_known", "_at"):
            setattr(other, name, copy(getattr(self, name)))
        return other

    # writing

    def lift(self, item: Item) -> None:
        """Take an item off its place, into the hand; it must be put or destroyed before the call ends."""
        self._touch(item.item_id, item.place.container)
        del self._at[item.place.container, item.place.slot]

    def put(self, item: Item, container: str, slot: SlotKey, quantity: int) -> None:
        """Put an item from the hand to a free place, as a stack of ``quantity``; wearing may bind it."""
        self._touch(item.item_id, container)
        bound = item.bound or (container == EQUIPMENT and self.facts_of(item).bind == "equip")
        self._at[container, slot] = item.item_id
        self.items[item.item_id] = replace(item, quantity=quantity, place=Place(container, slot), bound=bound)

    def exchange(self, item: Item, other: Item) -> None:
        """Put two placed items each in the other's place."""
        origin, target = item.place, other.place
        self.lift(item)
        self.lift(other)
        self.put(item, target.container, target.slot, item.quantity)
        self.put(other, origin.container, origin.slot, other.quantity)

    def resize(self, item: Item, quantity: int) -> None:
        """Change how many a placed stack holds, at least one."""
        self._touch(item.item_id, item.place.container)
        self.items[item.item_id] = replace(item, quantity=quantity)

    def set_locked(self, item: Item, locked: bool) -> None:
        """Put the player's lock on a placed item, or take it off."""
        self._touch(item.item_id, item.place.container)
        self.items[item.item_id] = replace(item, locked=locked)

    def create(
        self, template_id: str, quantity: int, bound: bool, locked: bool, place: Place, item_id: str | None
    ) -> None:
        """Make a new item in a free place; unless given, its id is the call's prefix and its number."""
        self._minted += 1
        item_id = item_id or f"{self._id_prefix}{self._minted:08x}"
        self.made.setdefault(self.op_index, item_id)
        if template_id not in self._known:
            self._known[template_id] = self._templates[template_id]
        self.put(
            Item(item_id, template_id, quantity, place, bound, locked), place.container, place.slot, quantity
        )

    def destroy(self, item: Item) -> None:
        """Remove an item from the hand for good."""
        del self.items[item.item_id]
        if all(other.template_id != item.template_id for other in self.items.values()):
            del self._known[item.template_id]

    def take(self, item: Item, quantity: int) -> None:
        """Take ``quantity`` off a placed stack, which goes when nothing is left."""
        if quantity == item.quantity:
            self.lift(item)
            self.destroy(item)
        else:
            self.resize(item, item.quantity - quantity)

    def _touch(self, item_id: str, container: str) -> None:
        # Comes before any change, so the first of a command finds the totals as they were.
        if self.before is None:
            totals = {name: self.total(name) for name in self.ruleset.containers}
            self.before = Totals(self.weight(), self.carry_limit(), totals)
        self.touched.setdefault(item_id)
        self.touched_containers.add(container)
