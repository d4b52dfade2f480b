"""A session as the fields of its hash, and back: items, places, facts and totals.

Source of the layout: docs/architecture.md, "The session". What is written here is a recount
from the items; the mirror keeps the same fields up to date command by command, and parity
compares the two to the byte.
"""

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from engine.bounds import CAPACITY_MAX, CARRIED_MAX
from engine.facts import Facts
from engine.outcome import Capacity, CarriedWeight, Room
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import Actor, InventorySessionDTO, Item, Place, SlotKey

# What a session's hash has beside these is made from its items and facts.
HEAD_FIELDS = frozenset(
    {
        "status", "gen", "epoch", "incarnation", "seq", "flushed_seq", "dirty_since", "ruleset", "catalog",
        "actor",
    }
)  # fmt: skip


# Templates of a large catalog, and what they were before it changed.
FACTS_KEPT = 20_000


class ItemRecord(msgspec.Struct, frozen=True, array_like=True):
    """An item as its field holds it: ``["iron_sword",1,"bag",3,false,false,false]``."""

    template_id: str
    quantity: int
    container: str
    slot: SlotKey
    bound: bool
    locked: bool
    held: bool


_encode = msgspec.json.Encoder().encode
_records = msgspec.json.Decoder(list[ItemRecord])
_facts = msgspec.json.Decoder(Facts)
_actor = msgspec.json.Decoder(Actor)


@lru_cache(maxsize=FACTS_KEPT)
def _facts_in(text: bytes) -> Facts:
    """Facts of a field. The same few templates come again and again, and facts are never altered."""
    return _facts.decode(text)


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
    used: dict[str, int] = {}
    weighs: dict[str, bool] = {}
    counts: dict[str, int] = {}
    weighed: dict[str, int] = {}
    worn: list[Facts] = []
    stacks: dict[tuple[str, str], int] = {}
    # A storm of logins comes to this loop: it gathers by template and container, and what is derived from
    # that is made once each, below.
    for item in session.items.values():
        item_id, template_id, quantity = item.item_id, item.template_id, item.quantity
        container, slot = item.place.container, item.place.slot
        fields[f"item:{item_id}"] = _encode(
            (template_id, quantity, container, slot, item.bound, item.locked, item.held)
        )
        fields[f"at:{container}:{slot}"] = f'"{item_id}"'.encode()
        if container not in used:
            used[container], weighs[container] = 0, ruleset.weighs(container)
        used[container] += 1
        counts[template_id] = counts.get(template_id, 0) + quantity
        if weighs[container]:
            weighed[template_id] = weighed.get(template_id, 0) + quantity
        if container == EQUIPMENT:
            worn.append(session.facts[template_id])
        elif isinstance(slot, int):
            stack = container, template_id
            stacks[stack] = stacks.get(stack, 0) | 1 << slot
    numbers: defaultdict[str, int] = defaultdict(int)
    for container, number in used.items():
        numbers[f"used:{container}"] = number
    for template_id, facts in session.facts.items():
        fields[f"facts:{template_id}"] = _encode(facts)
        _add_template(numbers, facts, counts.get(template_id, 0), weighed.get(template_id, 0))
    for facts in worn:
        _add_worn(numbers, facts)
    for name, number in numbers.items():
        if number:
            fields[name] = str(number).encode()
    _add_bitmaps(fields, stacks)
    return fields


def changed_fields(
    ruleset: Ruleset, before: InventorySessionDTO, after: InventorySessionDTO
) -> list[str | bytes]:
    """The fields, each with its value, that make a session's hash another's; no value: it goes."""
    old = fields_of(ruleset, before) | {"actor": actor_text(ruleset, before.actor)}
    new = fields_of(ruleset, after) | {"actor": actor_text(ruleset, after.actor)}
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    changed |= dict.fromkeys(old.keys() - new.keys(), b"")
    return [part for pair in changed.items() for part in pair]


def _add_template(numbers: defaultdict[str, int], facts: Facts, count: int, weighed: int) -> None:
    numbers[f"count:{facts.template_id}"] += count
    numbers["weight"] += facts.weight * weighed
    if facts.limit_group:
        numbers[f"group:{facts.limit_group}"] += count


def _add_worn(numbers: defaultdict[str, int], facts: Facts) -> None:
    numbers["carry"] += facts.grants.carry_weight
    if facts.unique_equipped:
        numbers[f"worn:{facts.template_id}"] += 1
    if facts.limit_group:
        numbers[f"worn_group:{facts.limit_group}"] += 1
    for name, extra in facts.grants.containers.items():
        numbers[f"extra:{name}"] += extra


def _add_bitmaps(fields: dict[str, bytes], stacks: Mapping[tuple[str, str], int]) -> None:
    """Slots by stack, as the bits of a number, and those of each container together."""
    filled: defaultdict[str, int] = defaultdict(int)
    for (container, template_id), slots in stacks.items():
        filled[container] |= slots
        fields[f"stacks:{container}:{template_id}"] = _bitmap(slots)
    for container, slots in filled.items():
        fields[f"map:{container}"] = _bitmap(slots)


def _bitmap(slots: int) -> bytes:
    # As engine.rules.bitmap spells it, lowest slots first: a hexadecimal number the other way round.
    return f'"{slots:x}"'[::-1].encode()


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
    held: list[tuple[bytes, bytes]] = []
    facts: dict[str, Facts] = {}
    for pair in fields.items():
        name = pair[0]
        if name[:5] == b"item:":
            held.append(pair)
        elif name[:6] == b"facts:":
            facts[name[6:].decode()] = _facts_in(pair[1])
    # In the order of the ids, so that the same session always reads the same.
    held.sort()
    items: dict[str, Item] = {}
    # All records at once: to begin decoding costs as much as a record does.
    records = _records.decode(b"[%s]" % b",".join([value for _, value in held]))
    for (name, _), record in zip(held, records, strict=True):
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
    return InventorySessionDTO(
        char_id=char_id,
        seq=int(fields[b"seq"]),
        ruleset=msgspec.json.decode(fields[b"ruleset"], type=str),
        actor=_actor.decode(fields[b"actor"]),
        items=items,
        facts=facts,
    )
