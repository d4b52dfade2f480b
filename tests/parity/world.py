"""A small world that uses every rule: templates, an actor to start from, random commands."""

import random
from typing import Any

from engine.bounds import QUANTITY_MAX
from engine.facts import Facts, Grants, Requirements
from engine.state import Actor, InventorySessionDTO

CHAR_ID = "0f0e0d0c-0b0a-4908-8706-050403020100"

TEMPLATES = {
    facts.template_id: facts
    for facts in (
        Facts("dagger", "weapon", slots=("hand",), weight=500),
        Facts("sword", "weapon", slots=("main_hand",), weight=1500, requires=Requirements(level=5)),
        Facts(
            "greatsword",
            "weapon",
            slots=("two_hand",),
            weight=4000,
            requires=Requirements(attributes={"strength": 12, "dexterity": 3}),
        ),
        Facts("staff_blade", "weapon", slots=("two_hand", "main_hand"), weight=2000),
        Facts(
            "shield", "armor", slots=("off_hand",), weight=3000, requires=Requirements(classes=("warrior",))
        ),
        Facts("plate", "armor", slots=("chest",), weight=30_000),
        Facts("ring", "accessory", slots=("ring",)),
        Facts(
            "pack",
            "garment",
            slots=("garment_outer",),
            grants=Grants(containers={"bag": 3}, carry_weight=9000),
        ),
        Facts(
            "big_pack", "garment", slots=("garment_outer",), weight=100, grants=Grants(containers={"bag": 6})
        ),
        Facts("belt", "accessory", slots=("belt",), grants=Grants(containers={"quick": 2})),
        Facts("wide_belt", "accessory", slots=("belt",), grants=Grants(containers={"quick": 4, "bank": 1})),
        Facts("potion", "consumable", stack_limit=5, weight=200, tags=("potion",)),
        Facts("arrow", "consumable", stack_limit=20, weight=10, slots=("off_hand",), tags=("ammo",)),
        Facts("ore", "resource", stack_limit=50, weight=900),
        Facts("gold", "currency"),
        Facts("block", "component", slots=("off_hand",), weight=50),
        Facts(
            "fixed_pack",
            "garment",
            slots=("garment_outer",),
            destroyable=False,
            grants=Grants(containers={"bag": 2}),
        ),
        Facts("relic", "quest", destroyable=False, weight=1),
        Facts("charm", "accessory", slots=("amulet", "ring"), unique_equipped=True, weight=5),
        Facts("idol", "accessory", slots=("ring",), limit_group="relic", bind="equip"),
        Facts("totem", "accessory", slots=("amulet",), limit_group="relic", use="keep"),
        Facts("soulstone", "consumable", stack_limit=5, weight=30, limit_group="soulstone", use="consume"),
        Facts("badge", "quest", bind="pickup", max_carried=2, tradeable=False),
        Facts("heirloom", "weapon", slots=("main_hand",), bind="equip", weight=900),
        Facts(
            "elixir",
            "consumable",
            stack_limit=5,
            weight=20_000,
            use="consume",
            max_carried=12,
            requires=Requirements(level=6, classes=("warrior", "mage"), attributes={"wisdom": 3}),
        ),
    )
}

ACTOR = Actor(level=6, class_="warrior", attributes={"strength": 12, "dexterity": 4})
CONTAINERS = ("bag", "bank", "quick", "wallet", "overflow", "equipment", "nowhere")
DOLL = (
    "chest",
    "main_hand",
    "off_hand",
    "two_hand",
    "ring_1",
    "ring_2",
    "garment_outer",
    "belt",
    "tail",
)


def empty_session(ruleset_hash: str) -> InventorySessionDTO:
    """A character with nothing."""
    return InventorySessionDTO(CHAR_ID, 0, ruleset_hash, ACTOR, {}, {})


def random_command(rng: random.Random, session: InventorySessionDTO, op_index: int) -> dict[str, Any]:
    """A command that often succeeds and often breaks a rule, as JSON would have it."""
    op = rng.choices(
        (
            "grant",
            "move",
            "equip",
            "unequip",
            "consume",
            "use",
            "drop",
            "lock",
            "unlock",
            "sort",
            "set_actor",
        ),
        (5, 12, 6, 4, 4, 3, 1, 1, 1, 1, 1),
    )[0]
    if op == "grant":
        return _grant(rng, session)
    if op == "set_actor":
        return _set_actor(rng)
    if op == "sort":
        return {"op": op, "container": rng.choice(CONTAINERS)}
    item_id, template_id, quantity = _pick(rng, session, op_index)
    if op == "equip":
        return {"op": op, "item_id": item_id} | _maybe(rng, 0.5, slot=rng.choice(DOLL))
    if op == "unequip":
        worn = [item.item_id for item in session.items.values() if item.place.container == "equipment"]
        item_id = rng.choice(worn) if worn and rng.random() < 0.9 else item_id
        return {"op": op, "item_id": item_id} | _maybe(rng, 0.4, to=_destination(rng, template_id))
    if op == "move":
        return {"op": op, "item_id": item_id, "to": _destination(rng, template_id)} | _maybe(
            rng,
            0.35,
            quantity=min(QUANTITY_MAX, rng.choice((1, 2, max(1, quantity - 1), quantity, quantity + 1, 60))),
        )
    if op == "consume":
        amount = rng.choice((1, 1, 2, quantity, 7, 10**12))
        if rng.random() < 0.5:
            return {"op": op, "template_id": rng.choice((template_id, *TEMPLATES)), "quantity": amount}
        return {"op": op, "item_id": item_id, "quantity": amount}
    if op in ("use", "lock", "unlock"):
        return {"op": op, "item_id": item_id}
    return {"op": op, "item_id": item_id} | _maybe(rng, 0.7, quantity=rng.choice((1, quantity, 3)))


def _grant(rng: random.Random, session: InventorySessionDTO) -> dict[str, Any]:
    template_id = rng.choice((*TEMPLATES, "unheard_of"))
    quantity = rng.choice((1, 1, 1, 2, 7, 23, 49, 10**12))
    return (
        {"op": "grant", "template_id": template_id, "quantity": quantity}
        | _maybe(rng, 0.4, container=rng.choice(CONTAINERS))
        | _maybe(rng, 0.15, bound=True)
        | _maybe(rng, 0.2, partial=True)
        | _maybe(rng, 0.2, overflow=True)
        | _maybe(rng, 0.15, item_id=rng.choice((*session.items, _given_id(rng))))
    )


def _given_id(rng: random.Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:12]}4{digits[13:]}"


def _set_actor(rng: random.Random) -> dict[str, Any]:
    return (
        {"op": "set_actor"}
        | _maybe(rng, 0.3, level=rng.choice((1, 5, 6, 40)))
        | _maybe(rng, 0.3, **{"class": rng.choice(("warrior", "mage", ""))})
        | _maybe(
            rng, 0.3, attributes={rng.choice(("strength", "dexterity", "wisdom")): rng.choice((0, 3, 12, -5))}
        )
        | _maybe(
            rng,
            0.4,
            states={
                "add": rng.sample(("in_combat", "stunned"), rng.choice((0, 0, 1))),
                "remove": rng.sample(("in_combat", "stunned"), rng.choice((1, 2, 2))),
            },
        )
    )


def _pick(rng: random.Random, session: InventorySessionDTO, op_index: int) -> tuple[str, str, int]:
    if not session.items or rng.random() < 0.04:
        ref = rng.choice(("f" * 32, f"@{rng.randint(0, max(0, op_index))}"))
        return ref, rng.choice(tuple(TEMPLATES)), 3
    item = rng.choice(tuple(session.items.values()))
    return item.item_id, item.template_id, item.quantity


def _destination(rng: random.Random, template_id: str) -> dict[str, Any]:
    container = rng.choices(CONTAINERS, (10, 5, 3, 2, 1, 3, 1))[0]
    if rng.random() < 0.3:
        return {"container": container}
    if container == "equipment":
        slot: int | str = rng.choice(DOLL)
    elif container == "wallet":
        slot = rng.choice((template_id, template_id, "gold", 0))
    else:
        slot = rng.choice((rng.randint(0, 8), rng.randint(0, 27), 9000, "x"))
    return {"container": container, "slot": slot}


def _maybe(rng: random.Random, chance: float, **fields: Any) -> dict[str, Any]:
    return fields if rng.random() < chance else {}
