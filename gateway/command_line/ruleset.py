"""`haversack ruleset check FILE`: what a ruleset says, or by line and key what is wrong with it."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from engine.checking.text import RulesetText, read_file, read_text
from engine.ruleset import Ruleset
from engine.ruleset_file import ContainerEntry, LimitGroupEntry
from engine.shipped import check_name, is_name, shipped_rulesets, shipped_text
from gateway.command_line.counting import counted
from gateway.command_line.saying import say

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

MISUSED = 2
# As many lines as an operator reads when the server does not start.
ERRORS_SHOWN = 20
_LABEL, _WIDTH = 16, 100


def add_ruleset_commands(commands: "Subparsers") -> None:
    """Add ``ruleset check``; its ``run`` answers the exit status, and asks for no settings."""
    ruleset = commands.add_parser("ruleset", help="the rules of a game").add_subparsers(
        required=True, metavar="COMMAND"
    )
    checking = ruleset.add_parser("check", help="explain a ruleset, or what is wrong with it")
    checking.add_argument("ruleset", metavar="RULESET", help="a shipped one's name, or a path")
    checking.set_defaults(run=_check, environ={})


def first_errors(errors: list[str]) -> list[str]:
    """What to tell of them where a ruleset was only to be used."""
    if (more := len(errors) - ERRORS_SHOWN) <= 0:
        return errors
    return [*errors[:ERRORS_SHOWN], f"and {more} more; `haversack ruleset check FILE` tells all"]


def _check(_: object, arguments: argparse.Namespace) -> int:
    read = _read(arguments.ruleset)
    if read.source is None:
        sys.stderr.writelines(f"{line}\n" for line in read.errors)
        return MISUSED
    say(*summary(Ruleset(read.source)), *read.hints)
    return 0


def _read(name_or_path: str) -> RulesetText:
    """As the setting is read, but that a file which is there need not look like a path."""
    shipped = name_or_path in shipped_rulesets()
    if not is_name(name_or_path) or (not shipped and Path(name_or_path).exists()):
        return read_file(Path(name_or_path))
    check_name(name_or_path)
    return read_text(shipped_text(name_or_path), name_or_path)


def summary(ruleset: Ruleset) -> Iterator[str]:
    """The lines about a good ruleset: a label, and what there is of it."""
    source = ruleset.source
    groups = {name: members for name, members in ruleset.members.items() if name not in ruleset.slots}
    yield from _lines("ruleset", [ruleset.name])
    yield from _lines("hash", [ruleset.hash])
    yield from _lines("slots", [f"{len(ruleset.slots)}: {', '.join(ruleset.slots)}"])
    yield from _lines("groups", (f"{name}: {', '.join(members)}" for name, members in groups.items()))
    yield from _lines("containers", map(_container, source.containers))
    yield from _lines("limit groups", map(_limit_group, source.limit_groups))
    yield from _lines("states", (_state(ruleset, state) for state in source.actor.states))
    yield from _lines("auto-placement", [", ".join(ruleset.auto)])
    yield from _lines("overflow", [source.placement.overflow or "none"])


def _lines(label: str, entries: Iterable[str]) -> Iterator[str]:
    for entry in list(entries) or ["none"]:
        for line in wrap(entry, _WIDTH - _LABEL, subsequent_indent="  "):
            yield f"{label:{_LABEL}}{line}"
            label = ""


def _container(entry: ContainerEntry) -> str:
    room = counted(entry.capacity, "slot") if entry.kind == "slots" else f"a {entry.kind}"
    if entry.attribute is not None:
        room += f" and {entry.per_point} for each point of {entry.attribute}"
    kinds = f"takes {', '.join(entry.kinds)}" if entry.kinds else "takes every kind"
    more = (
        f"tagged {' or '.join(entry.tags)}" if entry.tags else "",
        f"open only while {' or '.join(entry.open_while)}" if entry.open_while else "",
        "" if entry.weighs else "weighs nothing",
        "shared" if entry.shared else "",
        "" if entry.consumable else "spared by consume",
    )
    return f"{entry.name}: {'; '.join(filter(None, (room, kinds, *more)))}"


def _limit_group(entry: LimitGroupEntry) -> str:
    carried = f"{entry.max_carried} carried" if entry.max_carried is not None else ""
    worn = f"{entry.max_equipped} worn" if entry.max_equipped is not None else ""
    return f"{entry.name}: at most {' and '.join(filter(None, (carried, worn)))}"


def _state(ruleset: Ruleset, state: str) -> str:
    """What a state does: what it locks, the commands it forbids, the items that it spares."""
    locked = [slot.name for slot in ruleset.slots.values() if state in slot.locked_while]
    shut = [entry.name for entry in ruleset.containers.values() if state in entry.locked_while]
    rule = ruleset.state_rules.get(state)
    forbidden = rule.forbids if rule else ()
    spared = (*rule.exempt_kinds, *rule.exempt_tags) if rule else ()
    some = ", ".join(locked) if len(locked) < len(ruleset.slots) else "every slot"
    parts = (
        f"locks {some}" if locked else "",
        f"shuts {', '.join(shut)}" if shut else "",
        f"forbids {', '.join(forbidden)}" if forbidden else "",
        f"spares {', '.join(spared)}" if spared else "",
    )
    return f"{state}: {'; '.join(filter(None, parts)) or 'changes nothing'}"
