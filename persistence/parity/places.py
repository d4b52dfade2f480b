"""Where a player puts things: mostly where they may go, now and then anywhere."""

from engine.ruleset import EQUIPMENT
from engine.state import Item
from persistence.parity.case import RawCommand
from persistence.parity.dice import Dice
from persistence.parity.world import NOT_A_NAME, World


class Places:
    """Chooses slots of the doll, and destinations, in one world by one pair of dice."""

    def __init__(self, world: World, dice: Dice) -> None:
        """Choose in ``world`` by ``dice``."""
        self._world, self._dice = world, dice

    def doll_slot(self, template_id: str) -> str:
        """A slot of the doll, mostly one where the template may be worn."""
        dice, world = self._dice, self._world
        allowed = world.slots.get(template_id)
        if allowed and dice.chance(0.85):
            return dice.pick(allowed)
        return dice.pick(world.doll) if dice.chance(0.93) else NOT_A_NAME

    def destination(self, items: list[Item], item_id: str, template_id: str) -> RawCommand:
        """What ``to`` of a move says; ``items`` are all that the character has."""
        dice, world = self._dice, self._world
        homes = world.homes.get(template_id)
        if homes and dice.chance(0.82):
            container = dice.pick(homes)
            if not self._has_room_of_its_own(container) and dice.chance(0.6):
                container = dice.pick(homes)
        elif world.slots.get(template_id) and dice.chance(0.6):
            container = EQUIPMENT
        else:
            container = dice.pick(world.places)
        if dice.chance(0.3):
            return {"container": container}
        return {"container": container, "slot": self._slot(items, container, item_id, template_id)}

    def _has_room_of_its_own(self, container: str) -> bool:
        """Whether it has slots even where nothing worn grants any."""
        entry = self._world.ruleset.containers[container]
        return entry.kind != "slots" or entry.capacity > 0

    def _slot(self, items: list[Item], container: str, item_id: str, template_id: str) -> int | str:
        dice, world = self._dice, self._world
        if container == EQUIPMENT:
            return self.doll_slot(template_id)
        if dice.chance(0.02):
            return 9000 if dice.chance(0.5) else template_id
        entry = world.ruleset.containers.get(container)
        if entry is not None and entry.kind == "purse":
            return template_id if dice.chance(0.95) else 0
        there = [item.place.slot for item in items if item.place.container == container]
        if there and dice.chance(0.5):
            # A stack of its own, to be merged with, or anything, to change places with.
            fellows = [
                item.place.slot
                for item in items
                if item.template_id == template_id
                and item.place.container == container
                and item.item_id != item_id
            ]
            return dice.pick(fellows) if fellows and dice.chance(0.7) else dice.pick(there)
        end = entry.capacity if entry is not None and entry.kind == "slots" else 4
        return dice.below(dice.pick((end, end, end, len(there) + 1, 30)) + 1)
