"""A session as the fields of its hash, and back: items, places, facts and totals.

Source of the layout: docs/architecture.md, "The session". What is written here is a recount
from the items; the mirror keeps the same fields up to date command by command, and parity
compares the two to the byte.
"""

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from engine.bounds import CAPACITY_MAX, CARRIED_MAX
from engine.facts import Facts
from engine.outcome import Capacity, CarriedWeight, Room
from engine.rules import bitmap
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import Actor, InventorySessionDTO, Item, Place, SlotKey

# What a session's hash has beside these is made from its items and facts.
HEAD_FIELDS = frozenset(
    {
        "status", "gen", "epoch", "incarnation", "seq", "flushed_seq", "dirty_since", "ruleset", "catalog",
        "actor",
    }
)  # fmt: skip


class ItemRecord(msgspec.Struct, frozen=True, array_like=True):
    """An item as its field holds it: ``["iron_sword",1,"bag",3,false,false,false]``."""

    template_id: str
    quantity: int
    container: str
    slot: SlotKey
    bound: bool
    locked: bool
    held: bool


_encode = msgspec.json.encode
_record = msgspec.json.Decoder(ItemRecord)
_facts = msgspec.json.Decoder(Facts)
_actor = msgspec.json.Decoder(Actor)


def facts_text(facts: Facts) -> bytes:
    """Facts as a session keeps them: JSON without defaults."""
    return _encode(facts)


def actor_text(ruleset: Ruleset, actor: Actor) -> bytes:
    """An actor as a session keeps it: JSON, attributes and states in the ruleset's order."""
    words = ruleset.source.actor
    ordered = {name: actor.attributes[name] for name in words.attributes if name in actor.attributes}
    states = tuple(state for state in words.states if state in actor.states)
    return _encode(Actor(actor.level, actor.class_, ordered, states))


def fields_of(ruleset: Ruleset, session: InventorySessionDTO) -> dict[str, bytes]:
    """All fields of a session's hash but its head, with the totals recounted."""
    fields: dict[str, bytes] = {}
    numbers: defaultdict[str, int] = defaultdict(int)
    bitmaps: defaultdict[str, str] = defaultdict(str)
    for item in session.items.values():
        _add_item(fields, numbers, bitmaps, ruleset, session, item)
    fields |= {f"facts:{name}": facts_text(facts) for name, facts in session.facts.items()}
    fields |= {name: str(number).encode() for name, number in numbers.items() if number}
    return fields | {name: f'"{text}"'.encode() for name, text in bitmaps.items() if text}


def changed_fields(
    ruleset: Ruleset, before: InventorySessionDTO, after: InventorySessionDTO
) -> list[str | bytes]:
    """The fields, each with its value, that make a session's hash another's; no value: it goes."""
    old = fields_of(ruleset, before) | {"actor": actor_text(ruleset, before.actor)}
    new = fields_of(ruleset, after) | {"actor": actor_text(ruleset, after.actor)}
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    changed |= dict.fromkeys(old.keys() - new.keys(), b"")
    return [part for pair in changed.items() for part in pair]


def _add_item(
    fields: dict[str, bytes],
    numbers: defaultdict[str, int],
    bitmaps: defaultdict[str, str],
    ruleset: Ruleset,
    session: InventorySessionDTO,
    item: Item,
) -> None:
    container, slot = item.place.container, item.place.slot
    facts = session.facts[item.template_id]
    fields[f"item:{item.item_id}"] = _encode(
        ItemRecord(item.template_id, item.quantity, container, slot, item.bound, item.locked, item.held)
    )
    fields[f"at:{container}:{slot}"] = f'"{item.item_id}"'.encode()
    numbers[f"used:{container}"] += 1
    numbers[f"count:{item.template_id}"] += item.quantity
    if facts.limit_group:
        numbers[f"group:{facts.limit_group}"] += item.quantity
    if ruleset.weighs(container):
        numbers["weight"] += facts.weight * item.quantity
    if container == EQUIPMENT:
        numbers["carry"] += facts.grants.carry_weight
        if facts.unique_equipped:
            numbers[f"worn:{item.template_id}"] += 1
        if facts.limit_group:
            numbers[f"worn_group:{facts.limit_group}"] += 1
        for name, extra in facts.grants.containers.items():
            numbers[f"extra:{name}"] += extra
    elif isinstance(slot, int):
        for name in (f"map:{container}", f"stacks:{container}:{item.template_id}"):
            bitmaps[name] = bitmap.insert(bitmaps[name], slot)


def capacity_in(ruleset: Ruleset, fields: Mapping[bytes, bytes], actor: Actor) -> Capacity:
    """Room in every container, the doll first, and weight, by the totals that the fields keep."""

    def number(name: str) -> int:
        return int(fields.get(name.encode(), 0))

    rooms = {EQUIPMENT: Room(number(f"used:{EQUIPMENT}"), len(ruleset.slots))}
    for name, entry in ruleset.containers.items():
        total = None
        if entry.kind == "slots":
            total = min(ruleset.own_capacity(name, actor) + number(f"extra:{name}"), CAPACITY_MAX)
        rooms[name] = Room(number(f"used:{name}"), total)
    limit = min(ruleset.carry_limit(actor) + number("carry"), CARRIED_MAX)
    return Capacity(rooms, CarriedWeight(number("weight"), limit))


def session_of(char_id: str, fields: Mapping[bytes, bytes]) -> InventorySessionDTO:
    """The session that a hash holds, head included."""
    items: dict[str, Item] = {}
    facts: dict[str, Facts] = {}
    # In the order of the ids, so that the same session always reads the same.
    for name, value in sorted(fields.items()):
        if name.startswith(b"item:"):
            record = _record.decode(value)
            item_id = name[5:].decode()
            items[item_id] = Item(
                item_id,
                record.template_id,
                record.quantity,
                Place(record.container, record.slot),
                record.bound,
                record.locked,
                record.held,
            )
        elif name.startswith(b"facts:"):
            facts[name[6:].decode()] = _facts.decode(value)
    return InventorySessionDTO(
        char_id=char_id,
        seq=int(fields[b"seq"]),
        ruleset=msgspec.json.decode(fields[b"ruleset"], type=str),
        actor=_actor.decode(fields[b"actor"]),
        items=items,
        facts=facts,
    )
