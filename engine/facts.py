"""Facts: what the rules need to know of an item template.

Names, texts, stats and prices are data and never get here. Every field has a default, and
sessions keep facts encoded without defaults, so a template costs a few dozen bytes.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from engine.bounds import (
    AttributeValue,
    Capacity,
    CarryWeight,
    Level,
    Name,
    Quantity,
    StackLimit,
    TemplateId,
    Weight,
)

Names = Annotated[tuple[Name, ...], Meta(max_length=64)]
Bind = Literal["none", "pickup", "equip"]
Use = Literal["none", "keep", "consume"]

# The kind of items whose template the catalog does not have; no ruleset may declare it, so no
# filter and no slot takes them, and the guards leave them as they are.
UNKNOWN_KIND = "unknown"


class Requirements(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the actor must be to wear or use the item; an empty list or zero asks for nothing."""

    level: Level = 0
    classes: Names = ()
    attributes: dict[Name, AttributeValue] = {}


class Grants(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the item gives while it is worn: extra slots by container, extra carry weight."""

    containers: dict[Name, Capacity] = {}
    carry_weight: CarryWeight = 0


class Facts(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How items of one template behave. Source of every field: docs/rules.md, "Facts".

    ``weight`` is per unit, in the game's smallest unit of weight; ``slots`` names slots of
    the paper doll or groups of them, in order of preference, empty for what cannot be worn.
    """

    template_id: TemplateId
    kind: Name
    tags: Names = ()
    slots: Names = ()
    stack_limit: StackLimit = 1
    weight: Weight = 0
    requires: Requirements = Requirements()
    bind: Bind = "none"
    max_carried: Quantity | None = None
    unique_equipped: bool = False
    limit_group: Name | None = None
    grants: Grants = Grants()
    use: Use = "none"
    sort_rank: Annotated[int, Meta(ge=0, le=10**9)] = 0
    destroyable: bool = True
    tradeable: bool = True
    retired: bool = False
