"""An example of every problem, with params as its rule has them."""

from typing import Any, Final

import msgspec

from engine.refusals import Param
from gateway.http.problem_codes import PROBLEM_KINDS
from gateway.http.problems import Problem

_ITEM: Final = "5f0c6a1e9b7d8e21a3c4d5e6f7a8b9c0"
_OTHER: Final = "b1946ac92492d2347c6235b4d2611184"
_CHARACTER: Final = "0a1b2c3d-4e5f-4a6b-8c7d-000000000001"

# Those that say when to try again.
RETRIED: Final = frozenset({"CONFLICT", "RATE_LIMITED", "BACKPRESSURE", "UNAVAILABLE"})

_PARAMS: Final[dict[str, dict[str, Param]]] = {
    "INVALID_REQUEST": {"path": "to.slot"},
    "CHARACTER_NOT_FOUND": {"char_id": _CHARACTER},
    "ITEM_NOT_FOUND": {"item_id": _ITEM},
    "UNKNOWN_TEMPLATE": {"template_id": "wooden_sword"},
    "UNKNOWN_CONTAINER": {"container": "chest"},
    "UNKNOWN_SLOT": {"slot": "tail"},
    "METHOD_NOT_ALLOWED": {"allow": "GET, HEAD"},
    "ITEM_HELD": {"item_id": _ITEM},
    "ITEM_LOCKED": {"item_id": _ITEM},
    "ALREADY_EXISTS": {"char_id": _CHARACTER},
    "FROZEN": {"item_id": _ITEM, "template_id": "wooden_sword"},
    "TAG_MISMATCH": {"tag": "0.4", "expected": "0.3"},
    "WRONG_SLOT": {"item_id": _ITEM, "slot": "feet"},
    "NOT_WEARABLE": {"item_id": _ITEM},
    "LEVEL_TOO_LOW": {"item_id": _ITEM, "level": 3, "required": 8},
    "CLASS_NOT_ALLOWED": {"item_id": _ITEM, "class": "mage"},
    "ATTRIBUTE_TOO_LOW": {"item_id": _ITEM, "attribute": "strength", "required": 14, "value": 10},
    "UNIQUE_EQUIPPED": {"item_id": _ITEM, "template_id": "signet_ring"},
    "CARRY_LIMIT": {"template_id": "soulstone_shard", "max_carried": 3, "has": 3},
    "LIMIT_GROUP": {"item_id": _ITEM, "limit_group": "relic", "max_equipped": 1, "has": 1},
    "CONTAINER_REJECTS_ITEM": {"item_id": _ITEM, "container": "quick"},
    "SLOT_OUT_OF_RANGE": {"container": "bag", "slot": 40, "total": 20},
    "SLOT_OCCUPIED": {"container": "bag", "slot": 1},
    "CANNOT_STACK": {"item_id": _ITEM, "onto": _OTHER},
    "STACK_FULL": {"container": "bag", "slot": 1, "stack_limit": 20},
    "CONTAINER_FULL": {"item_id": _ITEM, "container": "bag", "not_placed": 1},
    "TOO_HEAVY": {"limit": 70_000},
    "CAPACITY_IN_USE": {"container": "quick", "total": 2},
    "INVALID_QUANTITY": {"item_id": _ITEM, "quantity": 2, "stack_limit": 1},
    "INSUFFICIENT_ITEMS": {"template_id": "brown_bread", "quantity": 5, "has": 2},
    "ITEM_BOUND": {"item_id": _ITEM, "container": "guild_bank"},
    "NOT_TRADEABLE": {"item_id": _ITEM, "container": "guild_bank"},
    "NOT_DESTROYABLE": {"item_id": _ITEM},
    "NOT_USABLE": {"item_id": _ITEM},
    "ACTOR_STATE_FORBIDS": {"state": "stunned", "command": "use"},
    "INTERNAL": {"request_id": "2f1e7c9a4b3d4e5f8a6b7c8d9e0f1a2b"},
}
_DETAILS: Final = {"INVALID_REQUEST": "to.slot: Expected `int` >= 0."}


def problem_examples() -> dict[str, Any]:
    """``components.examples``: every code's document, as the API would send it."""
    return {
        code: {"summary": kind.title, "value": msgspec.json.decode(_example(code).document())}
        for code, kind in PROBLEM_KINDS.items()
    }


def _example(code: str) -> Problem:
    params = _PARAMS.get(code, {})
    of_command = "item_id" in params or "container" in params or "limit" in params
    return Problem(code, _DETAILS.get(code, ""), params=params, op_index=0 if of_command else None)
