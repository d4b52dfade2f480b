"""The item catalog: templates, the facts that rules judge them by, and an item held against both."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from haversack_client.bounds import (
    AttributeValue,
    CarryWeight,
    Level,
    Name,
    Quantity,
    Slots,
    StackLimit,
    TemplateId,
    Weight,
)
from haversack_client.inventory import Item

Names = Annotated[tuple[Name, ...], Meta(max_length=64)]


class Requirements(Struct, frozen=True):
    """What a character must be to wear or use the item; empty or zero asks for nothing."""

    level: Level = 0
    classes: Names = ()
    attributes: dict[Name, AttributeValue] = {}


class Grants(Struct, frozen=True):
    """What the item gives while it is worn: slots by container, carry weight."""

    containers: dict[Name, Slots] = {}
    carry_weight: CarryWeight = 0


class Facts(Struct, frozen=True):
    """How the items of a template behave. ``weight`` is that of one, in the ruleset's unit."""

    template_id: TemplateId
    kind: Name
    tags: Names = ()
    slots: Names = ()
    stack_limit: StackLimit = 1
    weight: Weight = 0
    requires: Requirements = Requirements()
    bind: Literal["none", "pickup", "equip"] = "none"
    max_carried: Quantity | None = None
    unique_equipped: bool = False
    limit_group: Name | None = None
    grants: Grants = Grants()
    use: Literal["none", "keep", "consume"] = "none"
    sort_rank: Annotated[int, Meta(ge=0, le=10**9)] = 0
    destroyable: bool = True
    tradeable: bool = True
    retired: bool = False


class Template(Struct, frozen=True):
    """An item template; ``data`` (names, texts, stats, prices) is the game's."""

    template_id: str
    facts: Facts
    data: dict[str, Any]


class TemplatePage(Struct, frozen=True):
    """Templates by id; ``cursor`` begins the next page, None on the last."""

    items: tuple[Template, ...]
    cursor: str | None


class Catalog(Struct, frozen=True):
    """The catalog that is served: its version, how many templates, the ruleset's hash.

    ``imported_at``: when it came, in Unix milliseconds, None where there is none yet; ``by`` whom.
    ``content`` is a hash of what it says.
    """

    version: int
    count: int
    ruleset: str
    imported_at: int | None
    by: str
    content: str


class ItemDetail(Struct, frozen=True):
    """An item beside what is worn.

    ``slot``: where ``equip`` without a slot would put it, or where it is worn; None for what cannot
    be worn. ``worn``: what would give way to it. ``stats``: its own minus theirs.
    """

    item: Item
    facts: Facts
    slot: str | None
    worn: tuple[Item, ...]
    stats: dict[str, int | float] | None
