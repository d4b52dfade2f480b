"""A game's ruleset, checked and with its lookups made: what bodies and bags look like.

``Ruleset`` is built once and never altered. Everything in it is an integer, a string, a
boolean or a sequence of them; the mirror is compiled from the same object, so constants
exist once.
"""

import hashlib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import msgspec

from engine.checking.meaning import EQUIPMENT as EQUIPMENT
from engine.checking.meaning import faults
from engine.checking.text import RulesetText, read_file, read_text
from engine.facts import Facts
from engine.ruleset_file import ContainerEntry, LimitGroupEntry, RulesetFile, SlotEntry, StateRule
from engine.state import Actor, Place


class RulesetError(ValueError):
    """A ruleset that cannot be used; ``errors`` has all that is wrong, the message the first of it."""

    def __init__(self, *errors: str) -> None:
        """Remember all of them."""
        super().__init__(errors[0])
        self.errors = list(errors)


class Ruleset:
    """Lookups over a checked ``RulesetFile``; see docs/rules.md, "Ruleset".

    Attributes: ``name``; ``hash`` (12 hex digits over the content, the version that sessions
    are opened under); ``slots`` and ``containers`` in order; ``conflicts`` (slot → the slots
    it displaces, in order, closed under symmetry); ``auto`` (auto-placement order); ``members`` (slot or
    group → the slots it stands for); ``limit_groups`` by name; ``state_rules`` by state, in order.
    """

    def __init__(self, source: RulesetFile) -> None:
        """Check ``source`` and derive the lookups; raises ``RulesetError``."""
        if wrong := faults(source):
            raise RulesetError(*(f"{fault.key(source)}: {fault.message}" for fault in wrong))
        self.source = source
        self.name = source.name
        self.hash = hashlib.sha256(msgspec.json.encode(source)).hexdigest()[:12]
        self.slots: dict[str, SlotEntry] = {slot.name: slot for slot in source.slots}
        self.containers: dict[str, ContainerEntry] = {c.name: c for c in source.containers}
        self.limit_groups: dict[str, LimitGroupEntry] = {g.name: g for g in source.limit_groups}
        self.state_rules: dict[str, StateRule] = {rule.state: rule for rule in source.state_rules}
        self.auto = source.placement.auto
        self.conflicts = _symmetric(source.slots)
        self.members = _group_members(source.slots)

    def allowed_slots(self, facts: Facts) -> tuple[str, ...]:
        """The slots an item may be worn in, in its own order of preference, groups opened up."""
        opened = (member for name in facts.slots for member in self.members[name])
        return tuple(dict.fromkeys(opened))

    def carry_limit(self, actor: Actor) -> int:
        """Carry weight of a naked actor, never below zero."""
        carry = self.source.carry
        points = actor.attributes.get(carry.attribute, 0) if carry.attribute else 0
        return max(0, carry.base + carry.per_point * points)

    def own_capacity(self, container: str, actor: Actor) -> int:
        """Slots of a container of kind ``slots`` without what worn items grant, never below zero."""
        entry = self.containers[container]
        points = actor.attributes.get(entry.attribute, 0) if entry.attribute else 0
        return max(0, entry.capacity + entry.per_point * points)

    def is_exempt(self, state: str, facts: Facts) -> bool:
        """Whether what the state forbids and locks does not concern items of this template."""
        rule = self.state_rules.get(state)
        return rule is not None and (
            facts.kind in rule.exempt_kinds or any(tag in rule.exempt_tags for tag in facts.tags)
        )

    def accepts(self, container: str, facts: Facts) -> bool:
        """Whether the container's filter lets items of this template in."""
        entry = self.containers[container]
        return (not entry.kinds or facts.kind in entry.kinds) and (
            not entry.tags or any(tag in entry.tags for tag in facts.tags)
        )

    def weighs(self, container: str) -> bool:
        """Whether what is in the container (or worn) counts as carried weight."""
        if container == EQUIPMENT:
            return self.source.equipment.weighs
        return self.containers[container].weighs

    def has_place(self, place: Place, template_id: str) -> bool:
        """Whether an item of the template may be in such a place, by its sort; not how many slots there are.

        A slot of the paper doll has a name, one of a purse that of the template, all others a number.
        """
        if place.container == EQUIPMENT:
            return place.slot in self.slots
        entry = self.containers.get(place.container)
        if entry is None:
            return False
        return place.slot == template_id if entry.kind == "purse" else isinstance(place.slot, int)

    def facts_errors(self, facts: Facts) -> list[str]:
        """What in ``facts`` this ruleset has no word for, as ``field: word``; empty when all is known."""
        known: list[tuple[str, Iterable[str], Iterable[str]]] = [
            ("kind", [facts.kind], self.source.items.kinds),
            ("tags", facts.tags, self.source.items.tags),
            ("slots", facts.slots, self.members),
            ("requires.classes", facts.requires.classes, self.source.actor.classes),
            ("requires.attributes", facts.requires.attributes, self.source.actor.attributes),
            ("limit_group", [facts.limit_group] if facts.limit_group else [], self.limit_groups),
            ("grants.containers", facts.grants.containers, self._growing()),
        ]
        return [
            f"{path}: {word}"
            for path, words, words_known in known
            for word in words
            if word not in words_known
        ]

    def actor_errors(self, *, class_: str, attributes: Iterable[str], states: Iterable[str]) -> list[str]:
        """What of an actor this ruleset has no word for, as ``field: word``; empty when all is known."""
        actor = self.source.actor
        errors = [f"class: {class_}"] if class_ and class_ not in actor.classes else []
        errors += [f"attributes: {word}" for word in attributes if word not in actor.attributes]
        return errors + [f"states: {word}" for word in states if word not in actor.states]

    def _growing(self) -> list[str]:
        return [name for name, entry in self.containers.items() if entry.kind == "slots"]


def load_ruleset(path: Path | None = None) -> Ruleset:
    """Read a ruleset from TOML, the shipped one without a path; raises ``RulesetError``."""
    if path is not None:
        return _usable(read_file(path))
    return parse_ruleset(files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8"))


def parse_ruleset(text: str, name: str = "ruleset") -> Ruleset:
    """Build a ruleset from TOML text; raises ``RulesetError``, whose lines begin with ``name``."""
    return _usable(read_text(text, name))


def _usable(read: RulesetText) -> Ruleset:
    if read.source is None:
        raise RulesetError(*read.errors)
    return Ruleset(read.source)


def _group_members(slots: tuple[SlotEntry, ...]) -> dict[str, tuple[str, ...]]:
    members: dict[str, tuple[str, ...]] = {slot.name: (slot.name,) for slot in slots}
    for slot in slots:
        for group in slot.groups:
            members[group] = (*members.get(group, ()), slot.name)
    return members


def _symmetric(slots: tuple[SlotEntry, ...]) -> dict[str, tuple[str, ...]]:
    pairs = {(slot.name, other) for slot in slots for other in slot.displaces}
    return {
        slot.name: tuple(
            other.name
            for other in slots
            if (slot.name, other.name) in pairs or (other.name, slot.name) in pairs
        )
        for slot in slots
    }
