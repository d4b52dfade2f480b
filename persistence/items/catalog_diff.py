"""What a new catalog changes, and what of that may not fit what characters have already."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from engine.facts import Facts
from engine.ruleset import Ruleset

# Of each list, so many are told; the counts are of all.
LISTED_MAX: Final = 100


class Usage(Struct, frozen=True):
    """How many characters have how many items (stacks, not units) of a template, by PostgreSQL."""

    characters: int
    items: int


class ChangedTemplate(Struct, frozen=True):
    """``facts``: of each fact that differs, what it was and what it is; ``data``: whether that differs."""

    template_id: str
    facts: dict[str, tuple[Any, Any]]
    data: bool


class TightenedTemplate(Struct, frozen=True):
    """A template whose new ``facts`` there may be items that do not fit; how many there are of it."""

    template_id: str
    facts: tuple[str, ...]
    characters: int
    items: int


class DiffCounts(Struct, frozen=True):
    """How many templates the catalog has, and how many of them are in each list."""

    templates: int
    added: int
    removed: int
    changed: int
    tightened: int
    in_use: int


class CatalogDiff(Struct, frozen=True):
    """What a catalog changes of the one at version ``base``, 0 for none; each list by id, bytewise.

    ``version`` is the one that it has then, ``base`` where it changes nothing. ``in_use``: templates
    that it takes away although there are items of them; ``accepted`` is false where it cannot be
    for that.
    """

    base: int
    version: int
    accepted: bool
    counts: DiffCounts
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[ChangedTemplate, ...]
    tightened: tuple[TightenedTemplate, ...]
    in_use: dict[str, Usage]


def facts_changed(old: Facts, new: Facts) -> dict[str, tuple[Any, Any]]:
    """The facts that differ, by name, as they were and as they are."""
    return {
        name: (msgspec.to_builtins(before), msgspec.to_builtins(after))
        for name in Facts.__struct_fields__
        if (before := getattr(old, name)) != (after := getattr(new, name))
    }


def tightened(old: Facts, new: Facts, ruleset: Ruleset) -> tuple[str, ...]:
    """The facts by which an item that was in order may be so no more, where it lies or is worn."""
    return tuple(name for name, is_tighter in _TIGHTER.items() if is_tighter(old, new, ruleset))


def _fewer_slots(old: Facts, new: Facts, ruleset: Ruleset) -> bool:
    return not _worn_in(old, ruleset) <= _worn_in(new, ruleset)


def _worn_in(facts: Facts, ruleset: Ruleset) -> set[str]:
    # Old facts may have words of an earlier ruleset.
    return {slot for name in facts.slots for slot in ruleset.members.get(name, ())}


def _fewer_containers(old: Facts, new: Facts, ruleset: Ruleset) -> bool:
    return any(ruleset.accepts(name, old) and not ruleset.accepts(name, new) for name in ruleset.containers)


def _asks_more(old: Facts, new: Facts, _: Ruleset) -> bool:
    before, after = old.requires, new.requires
    if after.level > before.level:
        return True
    if after.classes and not (before.classes and set(before.classes) <= set(after.classes)):
        return True
    return any(
        name not in before.attributes or value > before.attributes[name]
        for name, value in after.attributes.items()
    )


def _less_granted(old: Facts, new: Facts, _: Ruleset) -> bool:
    before, after = old.grants, new.grants
    return after.carry_weight < before.carry_weight or any(
        after.containers.get(name, 0) < slots for name, slots in before.containers.items()
    )


def _fewer_carried(old: Facts, new: Facts, _: Ruleset) -> bool:
    return new.max_carried is not None and (old.max_carried is None or new.max_carried < old.max_carried)


def _stays_out(old: Facts, new: Facts, ruleset: Ruleset) -> bool:
    return (
        old.tradeable
        and not new.tradeable
        and any(entry.shared and ruleset.accepts(name, old) for name, entry in ruleset.containers.items())
    )


# By the fact that is told. A kind and tags say together where an item may lie.
_TIGHTER: Final[dict[str, Callable[[Facts, Facts, Ruleset], bool]]] = {
    "kind": lambda old, new, ruleset: old.kind != new.kind and _fewer_containers(old, new, ruleset),
    "tags": lambda old, new, ruleset: set(old.tags) != set(new.tags) and _fewer_containers(old, new, ruleset),
    "slots": _fewer_slots,
    "stack_limit": lambda old, new, _: new.stack_limit < old.stack_limit,
    "weight": lambda old, new, _: new.weight > old.weight,
    "requires": _asks_more,
    "max_carried": _fewer_carried,
    "unique_equipped": lambda old, new, _: new.unique_equipped and not old.unique_equipped,
    "limit_group": lambda old, new, _: new.limit_group not in (None, old.limit_group),
    "grants": _less_granted,
    "tradeable": _stays_out,
}


class Changes(Struct, frozen=True):
    """All that differs, by id. ``changed``: templates that are in both.

    ``facts``: the old and the new ones of those whose facts differ; the old are None where they
    cannot be read any more. ``data``: those whose data differ.
    """

    added: list[str]
    removed: list[str]
    changed: list[str]
    facts: dict[str, tuple[Facts | None, Facts]]
    data: set[str]


def told(
    changes: Changes,
    usage: Mapping[str, Usage],
    tighter: Mapping[str, tuple[str, ...]],
    *,
    base: int,
    version: int,
    templates: int,
    forced: bool,
) -> CatalogDiff:
    """The diff as it is shown: bounded lists, with counts of all. ``usage`` is of what is used at all."""
    in_use = {name: usage[name] for name in changes.removed if name in usage}
    nobody = Usage(0, 0)
    return CatalogDiff(
        base=base,
        version=version,
        accepted=forced or not in_use,
        counts=DiffCounts(
            templates,
            len(changes.added),
            len(changes.removed),
            len(changes.changed),
            len(tighter),
            len(in_use),
        ),
        added=tuple(changes.added[:LISTED_MAX]),
        removed=tuple(changes.removed[:LISTED_MAX]),
        changed=tuple(
            ChangedTemplate(name, _differing(changes.facts.get(name)), name in changes.data)
            for name in changes.changed[:LISTED_MAX]
        ),
        tightened=tuple(
            TightenedTemplate(name, facts, held.characters, held.items)
            for name, facts in _first(tighter.items())
            for held in (usage.get(name, nobody),)
        ),
        in_use=dict(_first(in_use.items())),
    )


def _differing(facts: tuple[Facts | None, Facts] | None) -> dict[str, tuple[Any, Any]]:
    if facts is None or facts[0] is None:
        return {}
    return facts_changed(facts[0], facts[1])


def _first(entries: Iterable[Any]) -> list[Any]:
    return list(entries)[:LISTED_MAX]
