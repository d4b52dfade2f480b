"""Sessions of any size that differ only in what no command concerns.

Each has the same worn items, three stacks of each template that is played with, one at the bag's
beginning, one in its middle and one at its end, and between them as much else as makes up the
size. The bag is filled without a gap, so that its first free slot is the one after the last.
"""

import random
import uuid
from collections.abc import Iterator, Sequence

from msgspec import Struct

from benchmarks.world import ACTOR, TEMPLATE_COUNT, catalog
from engine.facts import Facts, Grants, Requirements
from engine.ruleset import Ruleset
from engine.state import InventorySessionDTO, Item, Place

WORN = {
    "belt": "sash",
    "back": "satchel",
    "head": "helmet",
    "main_hand": "sword",
    "off_hand": "shield",
}
STACKS = {
    "potion": (20, 20, 7),
    "stone": (10, 4, 10),
    "elixir": (5, 5, 3),
    "maul": (1, 1, 1),
    "blade": (1, 1, 1),
}
LEAST = len(WORN) + sum(map(len, STACKS.values()))
_FIGHTER = Requirements(20, ("warrior", "ranger"), {"strength": 10})

PLAYED = {
    facts.template_id: facts
    for facts in (
        Facts("sash", "accessory", slots=("belt",), weight=700, grants=Grants({"quick": 3})),
        Facts("satchel", "container", slots=("back",), weight=900, grants=Grants({"bag": 10}, 5_000)),
        Facts("helmet", "armor", tags=("heavy",), slots=("head",), weight=2_100),
        Facts("sword", "weapon", tags=("blade",), slots=("main_hand",), weight=1_400, requires=_FIGHTER),
        Facts("shield", "armor", tags=("shield",), slots=("off_hand",), weight=3_000, requires=_FIGHTER),
        Facts("maul", "weapon", tags=("blunt",), slots=("two_hand",), weight=4_200, requires=_FIGHTER),
        Facts("blade", "weapon", tags=("blade", "magic"), slots=("hand",), weight=800, requires=_FIGHTER),
        Facts("potion", "consumable", tags=("potion",), stack_limit=20, weight=150, use="consume"),
        Facts("elixir", "consumable", tags=("potion",), stack_limit=5, weight=90, use="consume"),
        Facts("stone", "consumable", stack_limit=10, weight=40, max_carried=28, limit_group="stones"),
    )
}
_FILLER = [entry.facts for entry in catalog() if entry.facts.template_id.startswith("template_")]


class Sized(Struct, frozen=True):
    """A session, and its items that are played with, by template; ``free``: the bag's first free slot."""

    session: InventorySessionDTO
    played: dict[str, list[Item]]
    free: int


def sized(rng: random.Random, ruleset: Ruleset, item_count: int) -> Sized:
    """A session of ``item_count`` items, at least ``LEAST``; the same for the same ``rng``."""
    worn = [
        Item(_id(rng), template_id, 1, Place("equipment", slot), bound=True)
        for slot, template_id in WORN.items()
    ]
    filler = [_filler(rng, number) for number in range(item_count - LEAST)]
    half = len(filler) // 2
    bag = [*_thirds(0), *filler[:half], *_thirds(1), *filler[half:], *_thirds(2)]
    items = [
        *worn,
        *(_item(rng, "elixir", count, "quick", slot) for slot, count in enumerate(STACKS["elixir"])),
        _item(rng, "blade", 1, "bank", 0),
        *(_item(rng, template_id, count, "bag", slot) for slot, (template_id, count) in enumerate(bag)),
    ]
    assert len(items) == item_count, f"fewer than {LEAST} items cannot be"
    known = PLAYED | {facts.template_id: facts for facts in _FILLER}
    session = InventorySessionDTO(
        str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        0,
        ruleset.hash,
        ACTOR,
        {item.item_id: item for item in items},
        {item.template_id: known[item.template_id] for item in items},
    )
    return Sized(session, {name: _of(items, name) for name in PLAYED}, len(bag))


def _thirds(which: int) -> Iterator[tuple[str, int]]:
    """The stacks at the bag's beginning, in its middle or at its end; the last blade is in the bank."""
    for template_id in ("potion", "stone", "maul", "blade"):
        if (template_id, which) != ("blade", 2):
            yield template_id, STACKS[template_id][which]


def _filler(rng: random.Random, number: int) -> tuple[str, int]:
    facts = _FILLER[number % TEMPLATE_COUNT]
    return facts.template_id, rng.randint(1, facts.stack_limit)


def _of(items: Sequence[Item], template_id: str) -> list[Item]:
    # In the bag first, in slot order; then the bank's.
    found = [item for item in items if item.template_id == template_id]
    return sorted(found, key=lambda item: (item.place.container != "bag", item.place.slot))


def _item(rng: random.Random, template_id: str, quantity: int, container: str, slot: int) -> Item:
    return Item(_id(rng), template_id, quantity, Place(container, slot))


def _id(rng: random.Random) -> str:
    return f"{rng.getrandbits(128):032x}"
