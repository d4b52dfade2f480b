"""One character's rows are judged by the rules, and become the inventory that it begins with.

Every item is made as a ``grant`` makes it, and put where its row says as a ``move`` or an ``equip`` would put
it, by the engine's own rules. Only that nothing gives way to anything: of two rows for one place the
first one has it. As a new actor is in no state, no state forbids anything.

Rows with a place of their own come before those whose place the rules choose, and what is worn before all
else, since it may grant the room and the strength that the rest needs.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from engine.refusals import Refusal
from engine.rules import limits, placement
from engine.rules.placement import Lot
from engine.ruleset import EQUIPMENT
from engine.state import Actor, Item, Place
from persistence.moving_in import placing
from persistence.moving_in.homes import Homes
from persistence.moving_in.running_draft import RunningDraft
from persistence.moving_in.verdicts import Judged, Known, Verdicts

# As many as are judged and written at once; whoever has more is no player.
ITEMS_MAX: Final = 20_000
TOO_LARGE: Final = "INVENTORY_TOO_LARGE"


class Judge:
    """Judges the rows of one character."""

    def __init__(
        self, homes: Homes, overflow: str | None, char_id: str, actor: Actor, id_prefix: str
    ) -> None:
        """``overflow``: the container for what finds no place, None: there is none.

        ``homes`` is that of the import. ``id_prefix``: 24 hex digits, from which ids of new items are made.
        """
        self._homes = homes
        self._containers = homes.ruleset.containers
        self._overflow = overflow
        self._draft = RunningDraft(homes.ruleset, char_id, actor, id_prefix)
        self._verdicts = Verdicts(char_id)

    def judge(self, rows: Iterable[Known]) -> Judged:
        """What the rows come to, which are in the order of their numbers; never refused as a whole."""
        worn: list[Known] = []
        exact: list[Known] = []
        within: list[Known] = []
        anywhere: list[Known] = []
        for known in rows:
            row = known.row
            fate = (
                worn
                if row.container == EQUIPMENT
                else exact
                if row.slot
                else within
                if row.container
                else anywhere
            )
            fate.append(known)
        # Those first that make room, or let more be carried.
        worn.sort(key=lambda known: not (known.facts.grants.containers or known.facts.grants.carry_weight))
        left = [*self._placed(worn), *self._placed(exact)]
        for known, quantity in left:
            if self._begin(known, quantity):
                self._pour(known, quantity, is_rest=True)
        for known in (*within, *anywhere):
            if quantity := self._allowed(known):
                self._pour(known, quantity, is_rest=False)
        return self._verdicts.of(self._draft.items)

    def _placed(self, rows: Sequence[Known]) -> list[tuple[Known, int]]:
        """Put each where it says; answers what is left of stacks that are larger than one may be."""
        left = []
        for known in rows:
            if quantity := self._allowed(known):
                put = (
                    self._wear(known, quantity)
                    if known.row.container == EQUIPMENT
                    else self._put(known, quantity)
                )
                if isinstance(put, Refusal):
                    self._spill(known, quantity, put)
                elif put < quantity:
                    left.append((known, quantity - put))
        return left

    def _begin(self, known: Known, quantity: int) -> bool:
        """Go on with a row, if there may be more items."""
        self._draft.begin_row(known.facts)
        if len(self._draft.items) < ITEMS_MAX:
            return True
        self._verdicts.find(known, "rejected", TOO_LARGE, {"items_max": ITEMS_MAX}, quantity)
        return False

    def _allowed(self, known: Known) -> int:
        """How many of the row there may be; the rest is told."""
        facts, quantity = known.facts, known.row.quantity
        if not self._begin(known, quantity):
            return 0
        if facts.max_carried is None and facts.limit_group is None:
            return quantity
        allowed = limits.allowance(self._draft, facts, quantity)
        if allowed < quantity:
            refusal = next(limits.may_carry(self._draft, facts, quantity))
            self._verdicts.find(known, "rejected", refusal.code, refusal.params, quantity - allowed)
        return allowed

    def _wear(self, known: Known, quantity: int) -> int | Refusal:
        """Wear it, a stack of it at the most; answers how many are worn, or why none is."""
        draft, row, facts = self._draft, known.row, known.facts
        item = placing.in_the_hand(facts, min(quantity, facts.stack_limit), known.bound, row.item_id)
        slot = row.slot or placing.slot_to_wear(draft, item, facts)
        if refusal := placing.why_not_worn(draft, item, facts, slot):
            return refusal
        assert slot is not None
        self._create(known, item, Place(EQUIPMENT, slot))
        return item.quantity

    def _put(self, known: Known, quantity: int) -> int | Refusal:
        """Put it into its slot, a stack of it at the most; answers as ``_wear``."""
        draft, row, facts = self._draft, known.row, known.facts
        container, bound = row.container, known.bound
        if refusal := self._homes.why_not(container, facts, bound=bound):
            return refusal
        if self._containers[container].kind == "purse" and row.slot in (
            row.template,
            facts.template_id,
        ):
            # There is one stack of each template, whoever names it.
            return 0
        index = placing.index_of(draft, container, row.slot)
        if isinstance(index, Refusal):
            return index
        item = placing.in_the_hand(facts, min(quantity, facts.stack_limit), bound, row.item_id)
        if refusal := placing.why_not_there(draft, container, index, item, facts):
            return refusal
        self._create(known, item, Place(container, index))
        return item.quantity

    def _create(self, known: Known, item: Item, place: Place) -> None:
        self._draft.create(
            item.template_id, item.quantity, item.bound, known.row.locked, place, item.item_id or None
        )
        if item.item_id:
            self._verdicts.given[known.number] = item.item_id
        if item.quantity < known.row.quantity:
            self._verdicts.split(known)

    def _pour(self, known: Known, quantity: int, *, is_rest: bool) -> None:
        """Put it where there is room: in its row's container, else where auto-placement puts such items.

        The rest of a stack goes there first and then anywhere.
        """
        draft, facts, container = self._draft, known.facts, known.row.container
        bound, named = known.bound, container not in ("", EQUIPMENT)
        containers = self._homes.auto(facts, bound=bound)
        if named and not is_rest:
            if refusal := self._homes.why_not(container, facts, bound=bound):
                self._spill(known, quantity, refusal)
                return
            containers = [container]
        elif named:
            containers = [container, *(name for name in containers if name != container)]
        if not containers:
            refusal = placing.rejected_everywhere(facts)
            self._spill(known, quantity, refusal)
            return
        left = self._into(containers, known, quantity)
        if left:
            self._spill(known, left, placing.why_left(draft, containers, facts, left, known.row.quantity))

    def _into(self, containers: list[str], known: Known, quantity: int) -> int:
        """Pour into containers; answers how many found no place. The first stack made has the row's id."""
        draft, row, facts = self._draft, known.row, known.facts
        lot = Lot(facts, known.bound, row.locked, light=True)
        first = containers[0]
        before = draft.minted()
        shared_stack = self._containers[first].kind == "purse" and draft.at(first, facts.template_id)
        if row.item_id and known.number not in self._verdicts.given and not shared_stack:
            portion = min(quantity, placement.stack_limit(draft, first, facts))
            own = Lot(facts, lot.bound, row.locked, item_id=row.item_id, light=True)
            if placement.pour(draft, containers, own, portion):
                return quantity
            self._verdicts.given[known.number] = row.item_id
            quantity -= portion
        left = placement.pour(draft, containers, lot, quantity)
        if draft.minted() - before > 1:
            self._verdicts.split(known)
        return left

    def _spill(self, known: Known, quantity: int, refusal: Refusal) -> None:
        """What found no place goes to the overflow container if that takes it; all of it is told."""
        draft, facts, overflow = self._draft, known.facts, self._overflow
        left = quantity
        if overflow is not None and placement.takes(draft, overflow, facts, known.bound):
            left = self._into([overflow], known, quantity)
            if left < quantity:
                self._verdicts.find(known, "overflowed", refusal.code, refusal.params, quantity - left)
                if left:
                    refusal = placing.why_left(draft, [overflow], facts, left, known.row.quantity)
        if left:
            self._verdicts.find(known, "rejected", refusal.code, refusal.params, left)
