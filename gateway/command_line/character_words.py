"""Ledger entries, items and previews in short words, for an operator's terminal."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from engine.outcome import Changes
from engine.state import Actor, Item, Place
from gateway.command_line.counting import counted
from persistence.desk.desk import History
from persistence.desk.incidents import Incident
from persistence.desk.repair import Examination
from persistence.desk.restore import Restoration
from persistence.records import JournalEntry

_FLAGS: Final = ("bound", "locked", "held")
# Members of a command that its words begin with, in this order; any other stands as name=value.
_LEADING: Final = ("op", "quantity", "template_id", "item_id")

_entry = msgspec.json.Decoder(JournalEntry).decode


def history_lines(history: History) -> Iterator[str]:
    """A character, a page of its ledger, and what is not in the ledger."""
    head = history.head
    state = "a session is out" if head.open else "no session is out"
    yield f"{head.char_id} {head.name!r}: PostgreSQL is at seq {head.seq}, {state}"
    if history.quarantined is not None:
        yield f"QUARANTINED: {history.quarantined}"
    yield from entry_lines(history.page.entries, history.before)
    if history.page.next_after is not None:
        yield f"There is more: --after-seq {history.page.next_after}"
    for incident in history.incidents:
        yield from _incident_lines(incident)


def entry_lines(entries: Iterable[JournalEntry], before: Mapping[str, Item] | None) -> Iterator[str]:
    """Each entry in two or three lines; ``before``: the items before the first, None if nobody knows."""
    items = dict(before or {})
    for entry in entries:
        names = [f"seq {entry.seq}", moment(entry.at), f"by {entry.by or 'nobody'}"]
        names += [f"request {entry.request_id}"] if entry.request_id else []
        names += [f"operation {entry.op_id}"] if entry.op_id else []
        yield "  ".join(names)
        yield f"    {'; '.join(_commands(bytes(entry.commands), items, entry.changes))}"
        changes = "; ".join(changes_words(entry.changes, items, known=before is not None))
        yield f"    {changes or 'no change'}"
        _advance(items, entry.changes)


def changes_words(changes: Changes, before: Mapping[str, Item], *, known: bool = True) -> Iterator[str]:
    """Each change in a few words; not ``known``: what is not in ``before`` may have been there."""
    for item_id in changes.removed:
        gone = before.get(item_id)
        yield f"-{gone.quantity} {gone.template_id} {_spelled(gone)}" if gone else f"- item {item_id}"
    for item in changes.changed:
        if (old := before.get(item.item_id)) is not None:
            yield _changed(old, item)
        elif known:
            yield f"+{item.quantity} {item.template_id} {_spelled(item)}{_flags(item)}"
        else:
            yield f"{item.quantity} {item.template_id} now {_spelled(item)}{_flags(item)}"
    if changes.actor is not None:
        yield f"actor: {_actor(changes.actor)}"


def restoration_lines(seen: Restoration) -> Iterator[str]:
    """What bringing an inventory back would change, an item a line."""
    yield f"{seen.char_id} is at seq {seen.seq}. To bring back what it had after seq {seen.at_seq}:"
    yield from _item_lines(seen.changes, seen.before)
    for item in seen.misplaced:
        yield f"  {item.template_id} {item.item_id} was {_spelled(item)}, which the ruleset does not have"


def examination_lines(seen: Examination) -> Iterator[str]:
    """What is wrong with a character, and what repairing it would do."""
    reason = f"is quarantined: {seen.quarantined}" if seen.quarantined else "is not quarantined"
    yield f"{seen.char_id} {reason}"
    if seen.held is None:
        yield f"PostgreSQL is at seq {seen.seq}. There is no session in Redis."
    else:
        status = seen.held.status.strip('"')
        yield f"PostgreSQL is at seq {seen.seq}, the session in Redis at {seen.held.seq} ({status})."
        yield from _held_lines(seen, seen.held.damage)
    if seen.misplaced:
        yield "Items in places that the ruleset does not have would be moved:"
        yield from _item_lines(seen.changes, seen.before)


def moment(at_ms: int) -> str:
    """A time as text, in UTC."""
    return (
        datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00") + "Z"
    )


def _held_lines(seen: Examination, damage: str) -> Iterator[str]:
    assert seen.held is not None
    if damage:
        yield f"It is damaged: {damage}."
        yield f"Its journal would be set aside, all of it: {counted(len(seen.held.texts), 'entry')}."
    elif seen.lost:
        yield f"PostgreSQL does not have {counted(len(seen.lost), 'entry')} of it, to be set aside:"
        follows = seen.lost[0].seq == seen.seq + 1
        yield from (f"  {line}" for line in entry_lines(seen.lost, seen.before if follows else None))
    else:
        yield "It has no entry that PostgreSQL does not have."


def _item_lines(changes: Changes, before: Mapping[str, Item]) -> Iterator[str]:
    ids = (*changes.removed, *(item.item_id for item in changes.changed))
    for item_id, words in zip(ids, changes_words(changes, before), strict=True):
        yield f"  {words}  ({item_id})"


def _incident_lines(incident: Incident) -> Iterator[str]:
    name = "Incident" if incident.incident_id is None else f"Incident {incident.incident_id}"
    when = "" if incident.at is None else f", {moment(incident.at)}"
    yield f"{name}{when}: {incident.reason}; {counted(len(incident.entries), 'entry')} set aside"
    for document in incident.entries:
        try:
            yield from (f"  {line}" for line in entry_lines([_entry(document)], None))
        except msgspec.ValidationError:
            yield f"  {bytes(document).decode()}"


def _changed(old: Item, new: Item) -> str:
    gain = new.quantity - old.quantity
    flags = [f"{'' if getattr(new, flag) else 'no longer '}{flag}" for flag in _FLAGS
             if getattr(new, flag) != getattr(old, flag)]  # fmt: skip
    if new.place != old.place:
        amount = f"{old.quantity} " if old.quantity > 1 else ""
        words = f"{amount}{old.template_id} {_spelled(old)} → {_spelled(new)}"
        words += f", {gain:+} there" if gain else ""
    elif gain:
        words = f"{gain:+} {new.template_id} {_spelled(new)}"
    else:
        words = f"{new.template_id} {_spelled(new)}"
    return ", ".join((words, *flags))


def _commands(text: bytes, before: Mapping[str, Item], changes: Changes) -> Iterator[str]:
    items = {item.item_id: item for item in changes.changed} | dict(before)
    commands = json.loads(text)
    for command in commands if isinstance(commands, list) else [commands]:
        yield _command(command, items) if isinstance(command, dict) else json.dumps(command)


def _command(command: dict[str, Any], items: Mapping[str, Item]) -> str:
    words = [_reference(command[name], items) for name in _LEADING if name in command]
    for name, value in command.items():
        if name in ("to", "container", "slot"):
            words.append(f"→ {_destination(value)}")
        elif name not in _LEADING:
            words.append(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
    return " ".join(words)


def _reference(value: object, items: Mapping[str, Item]) -> str:
    item = items.get(value) if isinstance(value, str) else None
    return str(value) if item is None else item.template_id


def _destination(value: object) -> str:
    if isinstance(value, dict):
        return ":".join(str(value[name]) for name in ("container", "slot") if name in value)
    return str(value)


def _spelled(item: Item) -> str:
    place: Place = item.place
    # In a purse the slot is the template, which has been said.
    return place.container if place.slot == item.template_id else f"{place.container}:{place.slot}"


def _flags(item: Item) -> str:
    return "".join(f", {flag}" for flag in _FLAGS if getattr(item, flag))


def _actor(actor: Actor) -> str:
    parts = [f"level {actor.level}", *([f"class {actor.class_}"] if actor.class_ else [])]
    parts += [f"{name} {value}" for name, value in actor.attributes.items()]
    return ", ".join((*parts, *actor.states))


def _advance(items: dict[str, Item], changes: Changes) -> None:
    for item_id in changes.removed:
        items.pop(item_id, None)
    for item in changes.changed:
        items[item.item_id] = item
