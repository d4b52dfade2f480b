"""What a ruleset that can be used may still not mean."""

from collections.abc import Iterable, Iterator

from engine.checking.fault import Fault
from engine.checking.toml_lines import quoted
from engine.facts import Requirements
from engine.ruleset_file import ContainerEntry, RulesetFile


def hints(source: RulesetFile) -> list[Fault]:
    """Rules without effect and items without a place; ``source`` has no faults."""
    return [
        *_slots(source),
        *_containers(source),
        *_limit_groups(source),
        *_state_rules(source),
        *_kinds(source),
    ]


def _slots(source: RulesetFile) -> Iterator[Fault]:
    for number, slot in enumerate(source.slots):
        if slot.requires_for and slot.requires == Requirements():
            yield Fault(
                ("slots", number, "requires_for"),
                "does nothing without requires, which says what is asked of who wears these kinds",
            )


def _containers(source: RulesetFile) -> Iterator[Fault]:
    for number, entry in enumerate(source.containers):
        for index, state in enumerate(entry.open_while):
            if state in entry.locked_while:
                where = ("containers", number, "open_while", index)
                yield Fault(where, f"{quoted(state)} does not open it: it stands in locked_while too")


def _limit_groups(source: RulesetFile) -> Iterator[Fault]:
    for number, group in enumerate(source.limit_groups):
        worn = group.max_equipped
        if worn is None:
            continue
        where = ("limit_groups", number, "max_equipped")
        if worn > len(source.slots):
            yield Fault(where, f"is never reached: there are {len(source.slots)} slots to wear anything in")
        elif group.max_carried is not None and worn > group.max_carried:
            yield Fault(where, "is never reached: what is worn is carried too, and max_carried is lower")


def _state_rules(source: RulesetFile) -> Iterator[Fault]:
    locking = {state for slot in source.slots for state in slot.locked_while}
    for number, rule in enumerate(source.state_rules):
        exempt = rule.exempt_kinds or rule.exempt_tags
        if not rule.forbids and not (exempt and rule.state in locking):
            why = "no slot is locked in this state" if exempt else "exempts nothing"
            yield Fault(("state_rules", number), f"does nothing: it forbids nothing, and {why}")


def _kinds(source: RulesetFile) -> Iterator[Fault]:
    automatic = [entry for entry in source.containers if entry.name in source.placement.auto]
    for number, kind in enumerate(source.items.kinds):
        if _taken(kind, automatic):
            continue
        where = ("items", "kinds", number)
        if not _taken(kind, source.containers):
            yield Fault(
                where, f"no container takes {quoted(kind)}: items of that kind can be granted nowhere"
            )
        else:
            yield Fault(
                where,
                f"no container of placement.auto takes {quoted(kind)}: they must be told where to go",
            )


def _taken(kind: str, containers: Iterable[ContainerEntry]) -> bool:
    """Whether one of them takes items of the kind, if only those with certain tags."""
    return any(not entry.kinds or kind in entry.kinds for entry in containers)
