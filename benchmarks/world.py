"""What is played with: a catalog, and characters whose items stand in groups that can be moved for ever.

A group is two items and three slots, and has four moves that end where they began:

    slots                 s    s+1  s+2
    at first              A    B    .
    A to s+1 (swap)       B    A    .
    A to s+2 (place)      B    .    A
    A to s+1 (place)      B    A    .
    A to s   (swap)       A    B    .

Half of the moves are swaps. In every second group B's two slots are in the bank, so that half of
the swaps, too, change weights and both containers' totals.
"""

import random
import uuid
from collections.abc import Iterator

from msgspec import Struct

from engine.facts import Facts, Grants, Requirements
from engine.state import Actor, Item, Place
from persistence.items.catalog import Template

ACTOR = Actor(40, "warrior", {"strength": 20, "dexterity": 14, "wisdom": 9}, ("in_combat",))
TEMPLATE_COUNT = 24
WORN = {"belt": "belt", "back": "backpack", "main_hand": "template_00", "head": "helmet"}
ITEMS_PER_GROUP = 2
MOVES_PER_GROUP = 4


class Group(Struct, frozen=True):
    """Two items and their three places; ``mover`` is the one that moves send about."""

    mover: Item
    other: Item
    spare: Place

    def destinations(self) -> tuple[Place, Place, Place, Place]:
        """Where the mover goes, move by move; after the last all is as at first."""
        return (self.other.place, self.spare, self.other.place, self.mover.place)


class Inventory(Struct, frozen=True):
    """A character and its items: those worn, and the groups."""

    char_id: str
    worn: tuple[Item, ...]
    groups: tuple[Group, ...]

    def items(self) -> Iterator[Item]:
        """All items."""
        yield from self.worn
        for group in self.groups:
            yield group.mover
            yield group.other


def catalog() -> list[Template]:
    """The templates: gear and potions that bag and bank take, and what is worn."""
    gear = [_gear(number) for number in range(TEMPLATE_COUNT)]
    worn = [
        Facts("belt", "accessory", slots=("belt",), weight=700, grants=Grants({"quick": 4})),
        Facts("backpack", "container", slots=("back",), weight=900, grants=Grants({"bag": 10}, 5_000)),
        Facts("helmet", "armor", tags=("heavy",), slots=("head",), weight=2_100),
    ]
    return [Template(facts, {"name": facts.template_id, "price": 10}) for facts in (*gear, *worn)]


def _gear(number: int) -> Facts:
    name, weight = f"template_{number:02d}", 150 + 70 * number
    if number % 3 == 2:
        return Facts(name, "consumable", tags=("potion",), stack_limit=20, weight=weight, use="consume")
    return Facts(
        name,
        "weapon",
        tags=("blade", "magic"),
        slots=("hand",),
        weight=weight,
        requires=Requirements(5 + number, ("warrior", "ranger"), {"strength": 10}),
        sort_rank=number,
    )


def inventory(rng: random.Random, item_count: int) -> Inventory:
    """A character with ``item_count`` items, four of them worn; the same for the same ``rng``."""
    worn = tuple(
        Item(_id(rng), template_id, 1, Place("equipment", slot), bound=True)
        for slot, template_id in WORN.items()
    )
    groups = []
    bag = bank = 0
    for number in range((item_count - len(worn)) // ITEMS_PER_GROUP):
        first, second = rng.sample(range(TEMPLATE_COUNT), 2)
        if number % 2:
            places = Place("bag", bag), Place("bank", bank), Place("bank", bank + 1)
            bag, bank = bag + 1, bank + 2
        else:
            places = Place("bag", bag), Place("bag", bag + 1), Place("bag", bag + 2)
            bag += 3
        groups.append(Group(_item(rng, first, places[0]), _item(rng, second, places[1]), places[2]))
    return Inventory(str(uuid.UUID(int=rng.getrandbits(128), version=4)), worn, tuple(groups))


def _item(rng: random.Random, template: int, place: Place) -> Item:
    quantity = rng.randint(1, 20) if template % 3 == 2 else 1
    return Item(_id(rng), f"template_{template:02d}", quantity, place)


def _id(rng: random.Random) -> str:
    return f"{rng.getrandbits(128):032x}"
