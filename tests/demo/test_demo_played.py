"""The demo's batches, applied by the engine: nobody is refused, and what the demo is to show can be shown."""

from collections import Counter

import msgspec
import pytest

from engine.commands import Command, Destination, EquipRequest, MoveRequest
from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Applied
from engine.refusals import Refusal
from engine.ruleset import EQUIPMENT, load_ruleset
from engine.state import InventorySessionDTO, Item
from persistence.demo.content import DemoCharacter, demo_catalog, demo_characters

ENGINE = InventoryEngine(load_ruleset())
WARRIOR, MAGE = demo_characters()


class _Line(msgspec.Struct):
    facts: Facts


LINES = [msgspec.json.decode(line, type=_Line) for line in demo_catalog()]
FACTS = {line.facts.template_id: line.facts for line in LINES}


def played(character: DemoCharacter) -> InventorySessionDTO:
    """The character's session after all of its batches; fails on the first refusal."""
    session = InventorySessionDTO(character.char_id, 0, ENGINE.ruleset.hash, character.actor, {}, {})
    for number, batch in enumerate(character.batches):
        outcome = ENGINE.apply_batch(session, batch, templates=FACTS, id_prefix=f"{number:024x}")
        assert isinstance(outcome, Applied), f"batch {number}: {outcome}"
        session = outcome.session
    return session


def named(session: InventorySessionDTO, container: str, template_id: str) -> Item:
    """The template's item in the container, the first by slot."""
    found = [
        item
        for item in session.items.values()
        if item.place.container == container and item.template_id == template_id
    ]
    return min(found, key=lambda item: str(item.place.slot).zfill(4))


def tried(character: DemoCharacter, op: str, template_id: str, fields: dict[str, object]) -> str:
    """What comes of a command on the character's item: a refusal's code, or "" when it is done.

    The item is the first of its template, worn for ``unequip``, else in the bag.
    """
    session = played(character)
    if op == "grant":
        target = {"template_id": template_id}
    else:
        worn = op == "unequip"
        target = {"item_id": named(session, EQUIPMENT if worn else "bag", template_id).item_id}
    command: Command = msgspec.convert({"op": op, **target, **fields}, Command)
    outcome = ENGINE.apply(session, command, templates=FACTS, id_prefix="f" * 24)
    return outcome.code.value if isinstance(outcome, Refusal) else ""


@pytest.mark.parametrize("character", [WARRIOR, MAGE], ids=lambda character: character.name)
def test_there_is_something_everywhere(character: DemoCharacter) -> None:
    """A bag worth looking at, with room left, worn gear, quick slots, a wallet, a bank."""
    filled = Counter(item.place.container for item in played(character).items.values())
    assert filled["bag"] >= 14
    assert filled[EQUIPMENT] >= 14
    assert filled["quick"] >= 4
    assert filled["wallet"] >= 5
    assert filled["bank"] >= 8
    assert filled["overflow"] == 0


def test_a_sword_displaces_the_worn_one() -> None:
    """The longsword is worn, the iron sword lies where the longsword was, the shield stays."""
    session = played(WARRIOR)
    iron, longsword = named(session, EQUIPMENT, "iron_sword"), named(session, "bag", "steel_longsword")
    outcome = ENGINE.apply(session, EquipRequest(longsword.item_id))
    assert isinstance(outcome, Applied)
    assert outcome.session.items[longsword.item_id].place == iron.place
    assert outcome.session.items[iron.item_id].place == longsword.place
    assert {item.item_id for item in outcome.changes.changed} == {iron.item_id, longsword.item_id}


def test_a_greatsword_displaces_sword_and_shield() -> None:
    """Both hands are emptied into the bag."""
    session = played(WARRIOR)
    outcome = ENGINE.apply(session, EquipRequest(named(session, "bag", "iron_greatsword").item_id))
    assert isinstance(outcome, Applied)
    named(outcome.session, "bag", "iron_sword")
    named(outcome.session, "bag", "round_shield")


def test_a_wand_and_a_tome_displace_the_staff() -> None:
    """Displacing holds both ways."""
    session = played(MAGE)
    wand, tome = (named(session, "bag", name).item_id for name in ("cinder_wand", "travelling_tome"))
    outcome = ENGINE.apply_batch(session, [EquipRequest(wand), EquipRequest(tome)])
    assert isinstance(outcome, Applied)
    named(outcome.session, "bag", "starfall_staff")


def test_a_stack_splits() -> None:
    """Part of a stack goes to a free slot."""
    session = played(WARRIOR)
    bread = named(session, "bag", "brown_bread").item_id
    outcome = ENGINE.apply(session, MoveRequest(bread, Destination("bag", 19), 2), id_prefix="f" * 24)
    assert isinstance(outcome, Applied)
    assert outcome.session.items[bread].quantity == 4


SHOWN = [
    (WARRIOR, "equip", "wyrmrib_greatsword", {}, "LEVEL_TOO_LOW"),
    (WARRIOR, "equip", "swift_stiletto", {}, "CLASS_NOT_ALLOWED"),
    (WARRIOR, "equip", "watch_crossbow", {}, "ATTRIBUTE_TOO_LOW"),
    (WARRIOR, "equip", "leather_cap", {"slot": "feet"}, "WRONG_SLOT"),
    (WARRIOR, "equip", "brown_bread", {}, "NOT_WEARABLE"),
    (WARRIOR, "move", "brown_bread", {"to": {"container": "bag", "slot": 0}, "quantity": 2}, "SLOT_OCCUPIED"),
    (WARRIOR, "move", "brown_bread", {"to": {"container": "bag", "slot": 20}}, "SLOT_OUT_OF_RANGE"),
    (WARRIOR, "move", "leather_cap", {"to": {"container": "quick"}}, "CONTAINER_REJECTS_ITEM"),
    (MAGE, "move", "mana_potion", {"to": {"container": "quick", "slot": 0}}, "STACK_FULL"),
    (WARRIOR, "grant", "bone_dagger", {"quantity": 2}, ""),
    (WARRIOR, "grant", "bone_dagger", {"quantity": 3}, "CONTAINER_FULL"),
    (WARRIOR, "grant", "granite_coffer", {"quantity": 1}, "TOO_HEAVY"),
    # Belt off, a smaller belt on, pack off: each would leave items without a slot.
    (WARRIOR, "unequip", "leather_belt", {}, "CAPACITY_IN_USE"),
    (WARRIOR, "equip", "rope_belt", {}, "CAPACITY_IN_USE"),
    (MAGE, "unequip", "expedition_pack", {"to": {"container": "bank"}}, "CAPACITY_IN_USE"),
    (MAGE, "unequip", "expedition_pack", {}, "CONTAINER_FULL"),
    (WARRIOR, "unequip", "iron_helm", {}, ""),
]


@pytest.mark.parametrize(("character", "op", "template_id", "fields", "code"), SHOWN)
def test_what_can_be_shown(
    character: DemoCharacter, op: str, template_id: str, fields: dict[str, object], code: str
) -> None:
    """One command on what a character has is done, or shows this refusal."""
    assert tried(character, op, template_id, fields) == code
