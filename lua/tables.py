"""The ruleset and the bounds as Lua tables: constants exist once, in Python."""

from engine import bounds
from engine.facts import UNKNOWN_KIND, Requirements
from engine.ruleset import EQUIPMENT, Ruleset

LuaValue = str | int | bool | list["LuaValue"] | dict[str, "LuaValue"] | None


def to_lua(value: LuaValue) -> str:
    """A Lua expression for the value; names are spelled in an alphabet that needs no escapes."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, list):
        return "{" + ", ".join(to_lua(entry) for entry in value) + "}"
    return "{" + ", ".join(f"['{key}'] = {to_lua(entry)}" for key, entry in value.items()) + "}"


def constants(ruleset: Ruleset) -> str:
    """The tables that the mirror's files know by the names ``RULESET`` and ``BOUNDS``, and parts of it."""
    return (
        f"local BOUNDS = {to_lua(_bounds())}\nlocal RULESET = {to_lua(_ruleset(ruleset))}\n"
        "local CONTAINERS, WEIGHS = RULESET.containers, RULESET.weighs\n"
    )


def _bounds() -> dict[str, LuaValue]:
    return {
        "capacity": bounds.CAPACITY_MAX,
        "carried": bounds.CARRIED_MAX,
        "quantity": bounds.QUANTITY_MAX,
        "weighing_quantity": bounds.WEIGHING_QUANTITY_MAX,
        "new_stacks": bounds.NEW_STACKS_PER_CALL,
        "unknown_kind": UNKNOWN_KIND,
    }


def _ruleset(ruleset: Ruleset) -> dict[str, LuaValue]:
    source = ruleset.source
    return {
        "hash": ruleset.hash,
        "attributes": list(source.actor.attributes),
        "states": list(source.actor.states),
        "carry": {
            "base": source.carry.base,
            "attribute": source.carry.attribute,
            "per_point": source.carry.per_point,
        },
        "slots": {
            slot.name: {
                "locked_while": list(slot.locked_while),
                "conflicts": list(ruleset.conflicts[slot.name]),
                "requires": _requires(slot.requires),
                "requires_for": _set(slot.requires_for),
            }
            for slot in source.slots
        },
        "slot_count": len(source.slots),
        "members": {name: list(slots) for name, slots in ruleset.members.items()},
        "containers": {
            entry.name: {
                "kind": entry.kind,
                "capacity": entry.capacity,
                "attribute": entry.attribute,
                "per_point": entry.per_point,
                "locked_while": list(entry.locked_while),
                "open_while": list(entry.open_while),
                "shared": entry.shared,
                "consumable": entry.consumable,
                "kinds": _set(entry.kinds),
                "tags": _set(entry.tags),
            }
            for entry in source.containers
        },
        "order": list(ruleset.containers),
        "rooms": [EQUIPMENT, *ruleset.containers],
        "auto": list(ruleset.auto),
        "overflow": source.placement.overflow,
        "limit_groups": {
            group.name: {"max_carried": group.max_carried, "max_equipped": group.max_equipped}
            for group in source.limit_groups
        },
        "ruled_states": list(ruleset.state_rules),
        "state_rules": {
            state: {
                "forbids": dict.fromkeys(rule.forbids, True),
                "exempt_kinds": dict.fromkeys(rule.exempt_kinds, True),
                "exempt_tags": dict.fromkeys(rule.exempt_tags, True),
            }
            for state, rule in ruleset.state_rules.items()
        },
        "weighs": {name: ruleset.weighs(name) for name in (EQUIPMENT, *ruleset.containers)},
    }


def _set(words: tuple[str, ...]) -> LuaValue:
    return dict.fromkeys(words, True) if words else None


def _requires(requires: Requirements) -> LuaValue:
    if requires == Requirements():
        return None
    return {
        "level": requires.level,
        "classes": list(requires.classes) or None,
        "attributes": dict(requires.attributes) or None,
    }
