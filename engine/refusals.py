"""Refusals: the values that say why a command cannot be done.

``RefusalCode`` lists the codes in their order of precedence. The order is part of the
contract: where a command breaks several rules, both implementations name the first.
"""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

Param = int | str | bool


class RefusalCode(StrEnum):
    """Stable codes, first to last by precedence; docs/rules.md says what each means."""

    # item
    ITEM_NOT_FOUND = "ITEM_NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    ITEM_HELD = "ITEM_HELD"
    FROZEN = "FROZEN"
    ITEM_LOCKED = "ITEM_LOCKED"
    # request
    INVALID_QUANTITY = "INVALID_QUANTITY"
    UNKNOWN_SLOT = "UNKNOWN_SLOT"
    UNKNOWN_CONTAINER = "UNKNOWN_CONTAINER"
    UNKNOWN_TEMPLATE = "UNKNOWN_TEMPLATE"
    # actor states
    ACTOR_STATE_FORBIDS = "ACTOR_STATE_FORBIDS"
    # wearability
    NOT_WEARABLE = "NOT_WEARABLE"
    WRONG_SLOT = "WRONG_SLOT"
    NOT_USABLE = "NOT_USABLE"
    # requirements
    LEVEL_TOO_LOW = "LEVEL_TOO_LOW"
    CLASS_NOT_ALLOWED = "CLASS_NOT_ALLOWED"
    ATTRIBUTE_TOO_LOW = "ATTRIBUTE_TOO_LOW"
    # uniqueness and limits
    UNIQUE_EQUIPPED = "UNIQUE_EQUIPPED"
    CARRY_LIMIT = "CARRY_LIMIT"
    LIMIT_GROUP = "LIMIT_GROUP"
    # destination
    CONTAINER_REJECTS_ITEM = "CONTAINER_REJECTS_ITEM"
    SLOT_OUT_OF_RANGE = "SLOT_OUT_OF_RANGE"
    SLOT_OCCUPIED = "SLOT_OCCUPIED"
    CANNOT_STACK = "CANNOT_STACK"
    STACK_FULL = "STACK_FULL"
    # room
    CONTAINER_FULL = "CONTAINER_FULL"
    TOO_HEAVY = "TOO_HEAVY"
    CAPACITY_IN_USE = "CAPACITY_IN_USE"
    # amounts
    INSUFFICIENT_ITEMS = "INSUFFICIENT_ITEMS"
    # ownership
    ITEM_BOUND = "ITEM_BOUND"
    NOT_TRADEABLE = "NOT_TRADEABLE"
    NOT_DESTROYABLE = "NOT_DESTROYABLE"


class Refusal(Struct, frozen=True):
    """Why a command was refused: the rule, the values it was judged by, which command of the call."""

    code: RefusalCode
    params: dict[str, Param]
    op_index: int = 0


# What a rule finds wrong, first to last: a call stops at the first, a preview goes on.
Refusals = Iterator[Refusal]
