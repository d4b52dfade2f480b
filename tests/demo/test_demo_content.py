"""The demo's content: it decodes, the shipped ruleset knows its words, and it leaves no kind of rule out."""

from collections import Counter
from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest
from msgspec import Struct

from engine.commands import Command, EquipRequest, GrantRequest, MoveRequest, SetActorRequest, UnequipRequest
from engine.facts import Facts
from engine.ruleset import Ruleset, load_ruleset
from persistence.demo.content import DemoCharacter, demo_catalog, demo_characters


class Data(Struct, frozen=True, forbid_unknown_fields=True):
    """What the demo tells of a template beyond its facts."""

    name: str
    description: str
    icon: str
    stats: dict[str, int]
    price: int
    category: str


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the catalog."""

    facts: Facts
    data: Data


LINES = [msgspec.json.decode(line, type=Line) for line in demo_catalog()]
FACTS = {line.facts.template_id: line.facts for line in LINES}
CHARACTERS = demo_characters()

RULES_USED: dict[str, Callable[[Facts], object]] = {
    "garment beside armor": lambda f: f.kind == "garment",
    "cannot be worn": lambda f: not f.slots,
    "choice of slots": lambda f: len(f.slots) > 1,
    "weight": lambda f: 0 < f.weight < 100_000,
    "no weight": lambda f: f.weight == 0,
    "more weight than anyone carries": lambda f: f.weight >= 100_000,
    "required level": lambda f: f.requires.level > 0,
    "required class": lambda f: f.requires.classes,
    "required attribute": lambda f: f.requires.attributes,
    "bind on pickup": lambda f: f.bind == "pickup",
    "bind on equip": lambda f: f.bind == "equip",
    "max carried": lambda f: f.max_carried is not None,
    "max carried of more than one stack": lambda f: (f.max_carried or 0) > f.stack_limit > 1,
    "unique equipped": lambda f: f.unique_equipped,
    "grants quick slots": lambda f: f.grants.containers.get("quick"),
    "grants bag slots": lambda f: f.grants.containers.get("bag"),
    "grants carry weight": lambda f: f.grants.carry_weight,
    "use keep": lambda f: f.use == "keep",
    "use consume": lambda f: f.use == "consume",
    "sort rank": lambda f: f.sort_rank,
    "not destroyable": lambda f: not f.destroyable,
    "not tradeable": lambda f: not f.tradeable,
}


@pytest.fixture(scope="module")
def ruleset() -> Ruleset:
    """The shipped ruleset, which the demo is made for."""
    return load_ruleset()


def test_catalog_is_sorted_and_repeats_nothing() -> None:
    """One line a template, ascending by id bytewise, no name twice."""
    ids = [line.facts.template_id for line in LINES]
    assert ids == sorted(set(ids))
    assert len(ids) >= 80
    assert [name for name, count in Counter(line.data.name for line in LINES).items() if count > 1] == []


def test_facts_omit_defaults() -> None:
    """Facts are written as a session keeps them: without what is default anyway."""
    written = [msgspec.json.decode(line)["facts"] for line in demo_catalog()]
    assert written == [msgspec.json.decode(msgspec.json.encode(line.facts)) for line in LINES]


def test_ruleset_knows_every_word(ruleset: Ruleset) -> None:
    """No template uses a word that the shipped ruleset lacks."""
    errors = {line.facts.template_id: ruleset.facts_errors(line.facts) for line in LINES}
    assert {template_id: found for template_id, found in errors.items() if found} == {}


def test_data_is_complete() -> None:
    """Every template has texts, an icon, a category and a price."""
    for line in LINES:
        assert all((line.data.name, line.data.description, line.data.icon, line.data.category)), line
        assert line.data.price >= 0, line


@pytest.mark.parametrize("rule", RULES_USED)
def test_every_kind_of_rule_is_used(rule: str) -> None:
    """Some template has the rule, and some other has it not."""
    has = {bool(RULES_USED[rule](facts)) for facts in FACTS.values()}
    assert has == {True, False}


def test_every_word_of_the_ruleset_is_used(ruleset: Ruleset) -> None:
    """Kinds, tags, slots, groups, classes, attributes: all of them occur."""
    items, actor = ruleset.source.items, ruleset.source.actor
    groups = {group for slot in ruleset.slots.values() for group in slot.groups}
    in_groups = {slot.name for slot in ruleset.slots.values() if slot.groups}
    every = FACTS.values()
    assert {facts.kind for facts in every} == set(items.kinds)
    assert {tag for facts in every for tag in facts.tags} == set(items.tags)
    assert {slot for facts in every for slot in facts.slots} >= groups | (set(ruleset.slots) - in_groups)
    assert {slot for facts in every for slot in ruleset.allowed_slots(facts)} == set(ruleset.slots)
    assert {name for facts in every for name in facts.requires.classes} == set(actor.classes)
    assert {name for facts in every for name in facts.requires.attributes} == set(actor.attributes)


def test_numbers_come_in_several_sizes() -> None:
    """Stacks from one to hundreds, belts with few quick slots and with many."""
    assert {facts.stack_limit for facts in FACTS.values()} >= {1, 5, 10, 20, 50, 100, 200}
    belts = {facts.grants.containers.get("quick") for facts in FACTS.values() if "belt" in facts.slots}
    assert len(belts) >= 4


@pytest.mark.parametrize("character", CHARACTERS, ids=lambda character: character.name)
def test_character_is_known_to_ruleset(character: DemoCharacter, ruleset: Ruleset) -> None:
    """Its id is a version 4 UUID as it is normally written, and its actor has no foreign word."""
    assert str(UUID(character.char_id, version=4)) == character.char_id
    actor = character.actor
    assert ruleset.actor_errors(class_=actor.class_, attributes=actor.attributes, states=actor.states) == []
    assert len(character.name) <= ruleset.source.limits.name_length


@pytest.mark.parametrize("character", CHARACTERS, ids=lambda character: character.name)
def test_commands_name_what_exists(character: DemoCharacter, ruleset: Ruleset) -> None:
    """Granted templates are in the catalog; "@n" names an earlier grant of the same batch."""
    for batch in character.batches:
        assert len(batch) <= ruleset.source.limits.commands_per_batch
        for index, command in enumerate(batch):
            _check_names(command, batch[:index], ruleset)


def test_two_characters() -> None:
    """A warrior of level 12 and a mage of level 30, with different ids and names."""
    who = [(character.actor.level, character.actor.class_) for character in CHARACTERS]
    assert who == [(12, "warrior"), (30, "mage")]
    assert len({character.char_id for character in CHARACTERS}) == len({c.name for c in CHARACTERS}) == 2


def _check_names(command: Command, earlier: tuple[Command, ...], ruleset: Ruleset) -> None:
    assert isinstance(command, GrantRequest | EquipRequest | UnequipRequest | MoveRequest | SetActorRequest)
    if isinstance(command, GrantRequest):
        assert command.template_id in FACTS
        assert command.container is None or command.container in ruleset.containers
    elif isinstance(command, EquipRequest | UnequipRequest | MoveRequest):
        assert command.item_id.startswith("@")
        assert isinstance(earlier[int(command.item_id[1:])], GrantRequest)
