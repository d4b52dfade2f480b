"""What the examples of operations are made of: one character, its sword, its bread and its coins."""

from typing import Any, Final

from msgspec import Struct

CHAR: Final = "0a1b2c3d-4e5f-4a6b-8c7d-000000000001"
SWORD_ID: Final = "5f0c6a1e9b7d8e21a3c4d5e6f7a8b9c0"
BREAD_ID: Final = "b1946ac92492d2347c6235b4d2611184"
COIN_ID: Final = "7d793037a0760186574b0282f2f435e7"
RULESET: Final = "9d5ed678fe57"


class Example(Struct, frozen=True, kw_only=True):
    """JSON values; None where there is nothing to show."""

    body: Any = None
    reply: Any = None


def item(item_id: str, template_id: str, quantity: int, container: str, slot: int | str) -> Any:  # noqa: ANN401 - JSON
    """An item as replies have it."""
    return {
        "item_id": item_id,
        "template_id": template_id,
        "quantity": quantity,
        "place": {"container": container, "slot": slot},
        "bound": False,
        "locked": False,
        "held": False,
    }


SWORD: Final = item(SWORD_ID, "iron_sword", 1, "equipment", "main_hand")
BREAD: Final = item(BREAD_ID, "brown_bread", 3, "bag", 0)
COINS: Final = item(COIN_ID, "gold_coin", 120, "wallet", "gold_coin")
SWORD_DATA: Final = {"name": "Iron Sword", "stats": {"attack": 9}}
BREAD_DATA: Final = {"name": "Brown Bread"}
ACTOR: Final = {"level": 3, "class": "warrior", "attributes": {"strength": 10}, "states": []}
WEIGHT: Final = {"carried": 2600, "limit": 70000}
CAPACITY: Final = {"containers": {"equipment": {"used": 1, "total": 17}, "bag": {"used": 1, "total": 20}}}
FACTS: Final = {
    "template_id": "iron_sword",
    "kind": "weapon",
    "tags": ["blade"],
    "slots": ["main_hand"],
    "stack_limit": 1,
    "weight": 1400,
    "requires": {"level": 0, "classes": [], "attributes": {}},
    "bind": "none",
    "max_carried": None,
    "unique_equipped": False,
    "limit_group": None,
    "grants": {"containers": {}, "carry_weight": 0},
    "use": "none",
    "sort_rank": 10,
    "destroyable": True,
    "tradeable": True,
    "retired": False,
}
