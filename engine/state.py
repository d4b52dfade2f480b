"""The state that rules work on: an actor and the items of one character's session.

All structs are frozen, and the mappings in them are never altered after construction: the
engine answers with a new session. A session holds no names or stats, only ``item_id``,
``template_id`` and what the rules need.
"""

from msgspec import Struct, field

from engine.bounds import AttributeValue, Level
from engine.facts import Facts

SlotKey = int | str


class Actor(Struct, frozen=True, forbid_unknown_fields=True):
    """Who wears and carries, as told by the game server; ``class_`` is "" for none."""

    level: Level = 1
    class_: str = field(default="", name="class")
    attributes: dict[str, AttributeValue] = {}
    states: tuple[str, ...] = ()


# Both are made by the million and are in no circle of references: the collector need not know them.
class Place(Struct, frozen=True, gc=False):
    """Where an item is. ``slot``: an index, a slot of the paper doll, or a purse's template id."""

    container: str
    slot: SlotKey


class Item(Struct, frozen=True, gc=False):
    """One stack or single item. ``item_id``: 32 lower-case hex digits. ``quantity`` ≥ 1."""

    item_id: str
    template_id: str
    quantity: int
    place: Place
    bound: bool = False
    locked: bool = False
    held: bool = False


class InventorySessionDTO(Struct, frozen=True):
    """One character's inventory between load and eviction.

    ``seq`` counts applied calls; ``ruleset`` is the hash of the ruleset it is judged by;
    ``facts`` has an entry for every template of which an item is present, and no other.
    """

    char_id: str
    seq: int
    ruleset: str
    actor: Actor
    items: dict[str, Item]
    facts: dict[str, Facts]
