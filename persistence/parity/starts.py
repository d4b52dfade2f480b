"""What a character has when a game begins: nothing, or up to 60 items, some of them in odd places."""

from engine.bounds import QUANTITY_MAX, WEIGHING_QUANTITY_MAX
from engine.facts import Facts
from engine.rules.draft import Draft
from engine.ruleset import EQUIPMENT
from engine.state import InventorySessionDTO, Item, Place, SlotKey
from persistence.parity.dice import Dice
from persistence.parity.world import World

# Mailboxes and huge containers are filled from their beginning.
_SLOTS_USED = 48
# Carried weight is counted in doubles; this much of it in one stack is far from their end.
_STACK_WEIGHT_MAX = 10**12


def make_start(world: World, char_id: str, dice: Dice) -> InventorySessionDTO:
    """A session as a load might find it; it may break rules that came after its items did."""
    start = _Start(world, char_id, dice)
    if dice.chance(0.85):
        start.dress()
        # What is worn says how many slots there are.
        totals = start.totals()
        for _ in range(dice.below(45)):
            start.add(totals)
        if dice.chance(0.3):
            start.add_gone()
        if dice.chance(0.2):
            start.load()
    return start.session()


class _Start:
    def __init__(self, world: World, char_id: str, dice: Dice) -> None:
        self._world, self._char_id, self._dice = world, char_id, dice
        self._items: dict[str, Item] = {}
        self._facts: dict[str, Facts] = {}
        self._filled: set[tuple[str, SlotKey]] = set()
        self._seq = dice.pick((0, 0, 0, 7, 10**9))

    def session(self) -> InventorySessionDTO:
        world = self._world
        return InventorySessionDTO(
            self._char_id, self._seq, world.ruleset.hash, world.actor, dict(self._items), dict(self._facts)
        )

    def totals(self) -> dict[str, int]:
        """Slots of each indexed container; of a mailbox, as many as are used here."""
        draft = Draft(self._world.ruleset, self.session(), {}, "")
        totals = {name: draft.total(name) for name in self._world.ruleset.containers}
        return {name: _SLOTS_USED if total is None else total for name, total in totals.items()}

    def dress(self) -> None:
        """Wear something in a third of the slots; seldom in two that exclude each other."""
        world, dice = self._world, self._dice
        for slot in world.doll:
            fitting = [name for name in world.palette if slot in world.slots[name]]
            excluded = any((EQUIPMENT, other) in self._filled for other in world.ruleset.conflicts[slot])
            if fitting and dice.chance(0.05 if excluded else 0.4):
                self._put(world.templates[dice.pick(fitting)], EQUIPMENT, slot)

    def add(self, totals: dict[str, int]) -> None:
        """One more item, if its place is free: nine in ten where a move might have put it."""
        world, dice = self._world, self._dice
        facts = world.templates[dice.pick(world.palette)]
        odd = dice.chance(0.1)
        containers = tuple(world.ruleset.containers) if odd else world.homes[facts.template_id]
        if containers:
            self._put_in(facts, dice.pick(containers), totals, odd)

    def add_gone(self) -> None:
        """Items of templates that the catalog has lost, wherever they may have been."""
        world, dice = self._world, self._dice
        for facts in world.gone[: 1 + dice.below(3)]:
            if dice.chance(0.3):
                self._put(facts, EQUIPMENT, dice.pick(world.doll))
            else:
                self._put_in(facts, dice.pick(tuple(world.ruleset.containers)), {}, odd=True)

    def load(self) -> None:
        """Carry as much as can be, or one less or more: the next thing is too heavy, or just not."""
        world, dice = self._world, self._dice
        draft = Draft(world.ruleset, self.session(), {}, "")
        quantity = draft.carry_limit() - draft.weight() + dice.pick((-1, 0, 0, 1))
        homes = [name for name in world.homes[world.ballast.template_id] if world.ruleset.weighs(name)]
        if homes and 0 < quantity <= world.ballast.stack_limit:
            self._put_in(world.ballast, dice.pick(homes), self.totals(), odd=False, quantity=quantity)

    def _put_in(
        self, facts: Facts, container: str, totals: dict[str, int], odd: bool, quantity: int = 0
    ) -> None:
        if self._world.ruleset.containers[container].kind == "purse":
            self._put(facts, container, facts.template_id, quantity)
            return
        dice, end = self._dice, min(totals.get(container, 0), _SLOTS_USED)
        if odd and dice.chance(0.6):
            # At its end or beyond, where what made it larger was taken away.
            self._put(facts, container, end + dice.pick((0, 0, 1, 4)))
        elif end > 0:
            self._put(facts, container, dice.below(end), quantity)

    def _put(self, facts: Facts, container: str, slot: SlotKey, quantity: int = 0) -> None:
        if (container, slot) in self._filled:
            return
        dice = self._dice
        item_id = new_item_id(dice)
        bound = dice.chance(0.7 if facts.bind == "pickup" else 0.12)
        self._filled.add((container, slot))
        self._facts[facts.template_id] = facts
        self._items[item_id] = Item(
            item_id,
            facts.template_id,
            quantity or self._quantity(facts, container),
            Place(container, slot),
            bound,
            dice.chance(0.06),
            dice.chance(0.03),
        )

    def _quantity(self, facts: Facts, container: str) -> int:
        dice = self._dice
        limit, ruleset = facts.stack_limit, self._world.ruleset
        entry = ruleset.containers.get(container)
        if entry is not None and entry.kind == "purse":
            limit = dice.pick((20, 1000, WEIGHING_QUANTITY_MAX if entry.weighs else QUANTITY_MAX))
        if ruleset.weighs(container) and facts.weight:
            limit = max(1, min(limit, _STACK_WEIGHT_MAX // facts.weight))
        return dice.pick((limit, max(1, limit - 1), 1 + dice.below(limit), 1 + dice.below(min(limit, 10))))


def new_item_id(dice: Dice) -> str:
    """An id as callers make them: a UUID of version 4, without dashes."""
    digits = f"{dice.getrandbits(128):032x}"
    return f"{digits[:12]}4{digits[13:16]}{'89ab'[int(digits[16], 16) % 4]}{digits[17:]}"
