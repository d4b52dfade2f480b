"""The world that is contended for: few templates, little room, and what clients try in it."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.commands import Batch, Command
from engine.facts import Facts, Requirements
from engine.ruleset import Ruleset, load_ruleset
from engine.state import Actor, Item
from tests.linearizability.history import Inventory, Reply

RULESET_FILE = Path(__file__).with_name("small.toml")
TEMPLATES = {
    facts.template_id: facts
    for facts in (
        Facts("sword", "weapon", slots=("main_hand",), weight=10, requires=Requirements(level=5)),
        Facts("dagger", "weapon", slots=("hand",), weight=2, bind="equip"),
        Facts("spear", "weapon", slots=("two_hand",), weight=12),
        Facts("potion", "consumable", stack_limit=3, weight=1, use="consume", max_carried=7),
        Facts("bread", "consumable", stack_limit=2, weight=2, use="consume"),
        Facts("coin", "currency"),
    )
}
ACTOR = Actor(level=5)
# What every history begins with: three of the four slots are taken, and there is little gold.
FIRST = (
    {"op": "grant", "template_id": "sword", "quantity": 1},
    {"op": "grant", "template_id": "potion", "quantity": 2},
    {"op": "grant", "template_id": "dagger", "quantity": 1},
    {"op": "grant", "template_id": "coin", "quantity": 2},
)
SLOTS = 4
_SHARES = {
    "pay": 7, "grant": 8, "move": 9, "split": 4, "equip": 5, "unequip": 3,
    "use": 4, "drop": 3, "lock": 2, "unlock": 2, "sort": 5, "level": 2,
}  # fmt: skip
_GRANTS = (("coin", 1), ("potion", 1), ("potion", 2), ("bread", 1), ("bread", 3), ("dagger", 1), ("spear", 1))


def small_ruleset() -> Ruleset:
    return load_ruleset(RULESET_FILE)


def batch(*commands: dict[str, Any]) -> tuple[Command, ...]:
    """Commands by way of JSON, as they come from outside."""
    return msgspec.convert(commands, Batch)


class Board:
    """What the clients of a history know of its items, from the answers that any of them got."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.tag = "0.0"

    def learn(self, answer: object) -> None:
        match answer:
            case Reply(tag=tag, changes=changes):
                self.tag = tag
                self.items |= {item.item_id: item for item in changes.changed}
            case Inventory(tag=tag, items=items):
                self.tag = tag
                self.items |= items


def choose_commands(rng: random.Random, board: Board) -> tuple[Command, ...]:
    """One command, now and then a batch."""
    several = 2 if rng.random() < 0.15 else 1
    return batch(*(_command(rng, list(board.items.values())) for _ in range(several)))


def _command(rng: random.Random, items: Sequence[Item]) -> dict[str, Any]:
    # Items that are long gone are asked for as well, but the newest most.
    item = rng.choice(items[-6:] if items and rng.random() < 0.8 else items) if items else None
    (op,) = rng.choices(tuple(_SHARES), tuple(_SHARES.values()))
    if op == "pay":
        return {"op": "consume", "template_id": "coin", "quantity": rng.choice((1, 1, 2))}
    if op == "sort":
        return {"op": "sort", "container": "bag"}
    if op == "level":
        return {"op": "set_actor", "level": rng.choice((4, 5))}
    if op == "grant" or item is None:
        template_id, quantity = rng.choice(_GRANTS)
        grant = {"op": "grant", "template_id": template_id, "quantity": quantity}
        return grant | ({"partial": True} if rng.random() < 0.2 else {})
    if op == "unequip":
        item = next((each for each in items if each.place.container == "equipment"), item)
    command: dict[str, Any] = {"op": "move" if op == "split" else op, "item_id": item.item_id}
    if op in ("move", "split"):
        command["to"] = {"container": "bag", "slot": rng.randrange(SLOTS)}
    if op == "split" or (op == "drop" and rng.random() < 0.5):
        command["quantity"] = 1
    return command
