"""Random commands that often succeed and often break each rule, as JSON would have them.

A player knows the rules roughly: most of what it tries is sensible, the rest is anything at all.
Commands and fields that ``engine.commands`` does not have are left out.
"""

from collections.abc import Callable
from typing import get_args

from engine import commands
from engine.bounds import QUANTITY_MAX
from engine.ruleset import EQUIPMENT
from engine.state import InventorySessionDTO, Item
from persistence.parity.case import RawCommand
from persistence.parity.dice import Dice
from persistence.parity.places import Places
from persistence.parity.starts import new_item_id
from persistence.parity.world import World

# How often each is tried. ``sort`` is left out: the mirror does not judge it.
_SHARES = {
    "grant": 22, "move": 33, "equip": 15, "unequip": 7, "consume": 13, "use": 5, "drop": 3, "lock": 2,
    "unlock": 3, "set_actor": 5,
}  # fmt: skip
_OPS = {str(command.__struct_config__.tag): command for command in get_args(commands.Command)}
_GRANT_FIELDS = frozenset(commands.GrantRequest.__struct_fields__)
_BATCH_SIZES = (1,) * 13 + (2,) * 4 + (3, 4, 7)
_NOBODYS = "f" * 32
# Above this many items more goes than comes.
_ITEMS_WANTED = 45


class Player:
    """Plays one character; ``call`` makes the commands of the next call."""

    def __init__(self, world: World, dice: Dice) -> None:
        """Play in ``world`` by ``dice``."""
        self._world, self._dice = world, dice
        self._places = Places(world, dice)
        self._makers: dict[str, Callable[[], RawCommand]] = {
            "grant": self._grant,
            "move": self._move,
            "equip": self._equip,
            "unequip": self._unequip,
            "consume": self._consume,
            "use": self._use,
            "drop": self._drop,
            "lock": self._lock,
            "unlock": self._unlock,
            "set_actor": self._set_actor,
        }
        self._ops = tuple(op for op, share in _SHARES.items() if op in _OPS for _ in range(share))
        self._session: InventorySessionDTO
        self._items: list[Item] = []
        self._worn: list[Item] = []
        # Of the call that is being made: the index of each grant, and its template.
        self._granted: list[tuple[int, str]] = []
        self._templates = tuple(world.templates)
        self._carried_ids: list[str] = []

    def call(self, session: InventorySessionDTO) -> list[RawCommand]:
        """One to seven commands by what the session holds."""
        self._session = session
        self._items = list(session.items.values())
        self._worn = [item for item in self._items if item.place.container == EQUIPMENT]
        self._granted = []
        made: list[RawCommand] = []
        limit = self._world.ruleset.source.limits.commands_per_batch
        for index in range(min(self._dice.pick(_BATCH_SIZES), limit)):
            command = self._makers[self._op()]()
            if command["op"] == "grant":
                self._granted.append((index, command["template_id"]))
            made.append(command)
        return made

    def _op(self) -> str:
        dice = self._dice
        if self._hampering() and dice.chance(0.12):
            return "set_actor"
        if not self._items and not self._granted and dice.chance(0.8):
            return "grant"
        op = dice.pick(self._ops)
        if op == "grant" and len(self._items) > _ITEMS_WANTED and dice.chance(0.8):
            return "consume"
        return op

    # commands

    def _grant(self) -> RawCommand:
        dice, world = self._dice, self._world
        template_id = self._template()
        facts = world.templates.get(template_id)
        limit = facts.stack_limit if facts else 1
        quantities = (1, 1, 1, 2, limit, limit + 1, 1 + dice.below(limit), 3 * limit)
        command: RawCommand = {
            "op": "grant",
            "template_id": template_id,
            "quantity": min(
                QUANTITY_MAX,
                dice.pick(quantities) if dice.chance(0.96) else dice.pick((205, 10**6, QUANTITY_MAX)),
            ),
        }
        if dice.chance(0.35):
            homes = world.homes.get(template_id)
            command["container"] = dice.pick(homes) if homes and dice.chance(0.6) else dice.pick(world.places)
        for name, share in (("bound", 0.15), ("partial", 0.2), ("overflow", 0.2)):
            if name in _GRANT_FIELDS and dice.chance(share):
                command[name] = True
        if "item_id" in _GRANT_FIELDS and dice.chance(0.1):
            self._with_id(command, limit)
        return command

    def _with_id(self, command: RawCommand, limit: int) -> None:
        dice = self._dice
        command["quantity"] = min(command["quantity"], limit) if dice.chance(0.8) else command["quantity"]
        known = [item.item_id for item in self._items if item.item_id[12] == "4"]
        command["item_id"] = dice.pick(known) if known and dice.chance(0.15) else new_item_id(dice)

    def _move(self) -> RawCommand:
        dice = self._dice
        item_id, template_id, quantity = self._subject(self._items)
        command: RawCommand = {
            "op": "move",
            "item_id": item_id,
            "to": self._places.destination(self._items, item_id, template_id),
        }
        if dice.chance(0.25):
            command["quantity"] = self._part(quantity)
        return command

    def _equip(self) -> RawCommand:
        dice, slots = self._dice, self._world.slots
        wearable = [item for item in self._items if slots.get(item.template_id)]
        item_id, template_id, _ = self._subject(wearable if wearable and dice.chance(0.85) else self._items)
        command: RawCommand = {"op": "equip", "item_id": item_id}
        if dice.chance(0.5):
            command["slot"] = self._places.doll_slot(template_id)
        return command

    def _unequip(self) -> RawCommand:
        dice = self._dice
        item_id, template_id, _ = self._subject(
            self._worn if self._worn and dice.chance(0.95) else self._items
        )
        command: RawCommand = {"op": "unequip", "item_id": item_id}
        if dice.chance(0.45):
            command["to"] = self._places.destination(self._items, item_id, template_id)
        return command

    def _consume(self) -> RawCommand:
        item_id, template_id, quantity = self._subject(self._items)
        if self._dice.chance(0.4):
            return {"op": "consume", "template_id": template_id, "quantity": self._part(quantity)}
        return {"op": "consume", "item_id": item_id, "quantity": self._part(quantity)}

    def _use(self) -> RawCommand:
        templates = self._world.templates
        usable = [
            item
            for item in self._items
            if item.template_id in templates and templates[item.template_id].use != "none"
        ]
        return {
            "op": "use",
            "item_id": self._subject(usable if usable and self._dice.chance(0.85) else self._items)[0],
        }

    def _drop(self) -> RawCommand:
        item_id, _, quantity = self._subject(self._items)
        command: RawCommand = {"op": "drop", "item_id": item_id}
        return command | {"quantity": self._part(quantity)} if self._dice.chance(0.5) else command

    def _lock(self) -> RawCommand:
        return {"op": "lock", "item_id": self._subject(self._items)[0]}

    def _unlock(self) -> RawCommand:
        locked = [item for item in self._items if item.locked]
        return {"op": "unlock", "item_id": self._subject(locked or self._items)[0]}

    def _set_actor(self) -> RawCommand:
        dice, words, known = self._dice, self._world.ruleset.source.actor, self._world.actor
        command: RawCommand = {"op": "set_actor"}
        if dice.chance(0.3):
            command["level"] = dice.near(known.level)
        if dice.chance(0.3):
            command["class"] = dice.pick((known.class_, known.class_, "", *words.classes))
        if words.attributes and dice.chance(0.4):
            name = dice.pick(words.attributes)
            usual = dice.near(known.attributes.get(name, 0))
            command["attributes"] = {name: usual if dice.chance(0.85) else dice.pick((-5, 0, 40, 10**9))}
        if words.states and (self._session.actor.states or dice.chance(0.5)):
            add = dice.some(words.states, 1) if dice.chance(0.3) else self._world.opening
            remove = dice.some(words.states, 1) if dice.chance(0.3) else self._hampering()
            command["states"] = {"add": list(add), "remove": list(remove)}
        return command

    # what they are about

    def _hampering(self) -> list[str]:
        """The states that the actor would be better off without."""
        return [state for state in self._session.actor.states if state not in self._world.opening]

    def _subject(self, among: list[Item]) -> tuple[str, str, int]:
        """An item's id, template and quantity: of one there is, of one the call has made, of none."""
        dice = self._dice
        if self._granted and dice.chance(0.25):
            index, template_id = dice.pick(self._granted)
            return f"@{index}", template_id, 1
        if not among or dice.chance(0.012):
            return dice.pick((_NOBODYS, "@0", "@5")), dice.pick(self._world.palette), 3
        item = dice.pick(among)
        return item.item_id, item.template_id, item.quantity

    def _template(self) -> str:
        dice = self._dice
        if dice.chance(0.94):
            return dice.pick(self._world.palette)
        return dice.pick(self._templates) if dice.chance(0.7) else "unheard_of"

    def _part(self, quantity: int) -> int:
        dice = self._dice
        if dice.chance(0.06):
            return min(QUANTITY_MAX, dice.pick((quantity + 1, 60, QUANTITY_MAX)))
        return dice.pick(
            (1, 1, max(1, quantity // 2), max(1, quantity - 1), quantity, 1 + dice.below(quantity))
        )
