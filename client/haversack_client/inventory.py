"""What an inventory is made of, and what commands and reads of it reply with.

A newer service may send more fields than these; they are left aside.
"""

from typing import Any

from msgspec import Struct, field

from haversack_client.bounds import AttributeValue, Level


class Actor(Struct, frozen=True):
    """Who wears and carries; ``class_`` is "" for none."""

    level: Level = 1
    class_: str = field(default="", name="class")
    attributes: dict[str, AttributeValue] = {}
    states: tuple[str, ...] = ()


class Place(Struct, frozen=True, gc=False):
    """Where an item is. ``slot``: an index, a slot of the paper doll, or a purse's template id."""

    container: str
    slot: int | str


class Item(Struct, frozen=True):
    """A stack or a single item. ``item_id``: 32 lower-case hex digits. ``quantity`` ≥ 1.

    ``data`` is what the catalog says of its template (name, texts, stats, price), where a read has
    asked for it and the catalog has the template; else None.
    """

    item_id: str
    template_id: str
    quantity: int
    place: Place
    bound: bool = False
    locked: bool = False
    held: bool = False
    data: dict[str, Any] | None = None


class Changes(Struct, frozen=True):
    """What a call changed.

    ``changed``: items that are now other than before, new ones among them, in the order in which
    the call first touched them. ``removed``: ids of items that are gone. ``actor``: the whole actor,
    where it changed.
    """

    changed: tuple[Item, ...]
    removed: tuple[str, ...]
    actor: Actor | None = None


class Room(Struct, frozen=True):
    """Used and total slots of a container; ``total`` is None where there is no end."""

    used: int
    total: int | None


class CarriedWeight(Struct, frozen=True):
    """What is carried and what may be, in the ruleset's unit."""

    carried: int
    limit: int


class Capacity(Struct, frozen=True):
    """Room by container, and weight."""

    containers: dict[str, Room]
    weight: CarriedWeight


class Effect(Struct, frozen=True):
    """What was used; what that does is the game's to apply."""

    template_id: str


class Told(Struct, frozen=True):
    """What one of several commands has to tell beside its changes."""

    op_index: int
    not_placed: int | None = None
    effect: Effect | None = None


class Plan(Struct, frozen=True):
    """What commands would come to. New items are shown under ids that they will not have."""

    changes: Changes
    capacity: Capacity
    not_placed: int | None = None
    effect: Effect | None = None
    told: tuple[Told, ...] = ()


class Reply(Struct, frozen=True):
    """What commands came to.

    ``seq`` counts the character's calls, ``durable_seq`` is the last that PostgreSQL is known to have.
    ``tag`` is for ``if_match``. ``replayed``: this is the answer of an earlier call under the same
    key. ``capacity`` is that of the containers that were touched. ``not_placed`` (of a partial
    grant) and ``effect`` (of a use) stand in ``told`` instead where several commands tell one.
    """

    seq: int
    durable_seq: int
    tag: str
    replayed: bool
    changes: Changes
    capacity: Capacity
    not_placed: int | None = None
    effect: Effect | None = None
    told: tuple[Told, ...] = ()


class Inventory(Struct, frozen=True):
    """A whole inventory; the order of ``items`` is not fixed. ``catalog`` is a version."""

    char_id: str
    seq: int
    durable_seq: int
    tag: str
    ruleset: str
    catalog: int
    actor: Actor
    items: tuple[Item, ...]
    capacity: Capacity


class Equipment(Struct, frozen=True):
    """What is worn, by slot in the ruleset's order; None where nothing is."""

    slots: dict[str, Item | None]


class ItemPage(Struct, frozen=True):
    """A page of a container: ``total`` items match on all pages; ``cursor`` is None on the last."""

    items: tuple[Item, ...]
    cursor: str | None
    total: int


class Stats(Struct, frozen=True):
    """The stats of all that is worn, summed up."""

    stats: dict[str, int | float]
