"""Simpler cases: each a small step, none of them certain to show anything."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine.facts import Facts
from engine.state import Actor, Item
from persistence.parity.case import Case, RawCommand

_DEFAULT_FACTS = Facts("", "")
_DEFAULT_ACTOR = Actor()


def simpler_starts(case: Case) -> Iterator[Case]:
    """A smaller actor, smaller stacks, items without marks."""
    for actor in _simpler_actors(case.start.actor):
        yield replace(case, start=replace(case.start, actor=actor))
    if case.start.seq:
        yield replace(case, start=replace(case.start, seq=0))
    for item in case.start.items.values():
        # Two in one place is no start at all.
        filled = {other.place for other in case.start.items.values() if other.item_id != item.item_id}
        for simpler in _simpler_items(item):
            if simpler.place not in filled:
                items = case.start.items | {item.item_id: simpler}
                yield replace(case, start=replace(case.start, items=items))


def _simpler_actors(actor: Actor) -> Iterator[Actor]:
    if actor != _DEFAULT_ACTOR:
        yield _DEFAULT_ACTOR
    if actor.level != 1:
        yield replace(actor, level=1)
    if actor.class_:
        yield replace(actor, class_="")
    for name in actor.attributes:
        yield replace(
            actor, attributes={other: value for other, value in actor.attributes.items() if other != name}
        )
    for state in actor.states:
        yield replace(actor, states=tuple(other for other in actor.states if other != state))


def _simpler_items(item: Item) -> Iterator[Item]:
    for quantity in _smaller(item.quantity):
        yield replace(item, quantity=quantity)
    for mark in ("bound", "locked", "held"):
        if getattr(item, mark):
            yield replace(item, **{mark: False})
    if isinstance(item.place.slot, int):
        for slot in (0, 1, 2):
            if slot < item.place.slot:
                yield replace(item, place=replace(item.place, slot=slot))


def simpler_commands(case: Case) -> Iterator[Case]:
    """Fields left out, smaller quantities, an actor told less."""
    for at, call in enumerate(case.calls):
        for index, command in enumerate(call.commands):
            for simpler in _simpler_command(command):
                commands = (*call.commands[:index], simpler, *call.commands[index + 1 :])
                calls = (*case.calls[:at], replace(call, commands=commands), *case.calls[at + 1 :])
                yield replace(case, calls=calls)


def _simpler_command(command: RawCommand) -> Iterator[RawCommand]:
    for name, value in command.items():
        if name == "op":
            continue
        yield {other: kept for other, kept in command.items() if other != name}
        if isinstance(value, dict):
            for part in value:
                yield command | {name: {other: kept for other, kept in value.items() if other != part}}
        if name == "quantity":
            for quantity in _smaller(value):
                yield command | {name: quantity}


def simpler_templates(case: Case) -> Iterator[Case]:
    """Facts left out, one at a time, of the templates that the case is about; and all other templates."""
    used = {item.template_id for item in case.start.items.values()} | {
        command["template_id"] for call in case.calls for command in call.commands if "template_id" in command
    }
    if case.templates.keys() - used:
        yield replace(case, templates={name: case.templates[name] for name in case.templates if name in used})
    for name in sorted(used):
        facts = case.start.facts.get(name) or case.templates.get(name)
        for simpler in _simpler_facts(facts) if facts else ():
            if any(item.quantity > simpler.stack_limit < facts.stack_limit for item in _of(case, name)):  # type: ignore[union-attr]
                continue
            yield replace(
                case,
                start=replace(case.start, facts=_replaced(case.start.facts, simpler)),
                templates=_replaced(case.templates, simpler),
            )


def _simpler_facts(facts: Facts) -> Iterator[Facts]:
    for name in Facts.__struct_fields__[2:]:
        default: Any = getattr(_DEFAULT_FACTS, name)
        value = getattr(facts, name)
        # An empty object is no default until it is left out.
        if value != default or (isinstance(value, Struct) and value is not default):
            yield replace(facts, **{name: default})
        if isinstance(value, int) and not isinstance(value, bool):
            for smaller in _smaller(value):
                yield replace(facts, **{name: smaller})
        if isinstance(value, Struct):
            for part in value.__struct_fields__:
                if getattr(value, part) != getattr(default, part):
                    yield replace(facts, **{name: replace(value, **{part: getattr(default, part)})})


def _of(case: Case, template_id: str) -> Iterator[Item]:
    return (item for item in case.start.items.values() if item.template_id == template_id)


def _replaced(templates: dict[str, Facts], facts: Facts) -> dict[str, Facts]:
    return templates | {facts.template_id: facts} if facts.template_id in templates else templates


def _smaller(number: int) -> Iterator[int]:
    """Smaller numbers: small ones first, then ever closer."""
    for smaller in (1, 2, 3, 5, 10):
        if smaller < number:
            yield smaller
    step = number // 2
    while step and number - step > 1:
        yield number - step
        step //= 2
