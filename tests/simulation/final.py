"""What must hold when all is quiet: the invariants of docs/protocol.md over both servers."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from engine.state import Item
from persistence.records import JournalEntry
from persistence.sessions.session_fields import HEAD_FIELDS, fields_of, session_of
from tests.simulation.processes import KEYS
from tests.simulation.session_checks import Violation

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

_entry = msgspec.json.Decoder(JournalEntry)


def check_all(schedule: "Schedule") -> None:
    """Raises ``Violation``."""
    for char_id in schedule.characters:
        _check_session(schedule, char_id)
    for char_id in schedule.characters:
        # This takes as long as a third of a schedule, and finds out what most others would, too.
        if schedule.plan.seed % 2 == 0:
            _check_life(schedule, char_id)
        _check_ledger(schedule, char_id)
        _check_operations(schedule, char_id)
    _check_promises(schedule)


def _check_session(schedule: "Schedule", char_id: str) -> None:
    flat = schedule.redis.serve(("HGETALL", KEYS.of(char_id).session))
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    if not fields:
        return
    session = session_of(char_id, fields)
    kept = {name.decode(): value for name, value in fields.items() if name.decode() not in HEAD_FIELDS}
    if kept != fields_of(schedule.ruleset, session):
        raise Violation(f"{char_id}: the running totals are not what a recount gives")
    row = schedule.postgres.characters[char_id]
    if session.seq < row.seq and not _is_here(schedule, fields):
        # An old state that came back and that nobody has asked for since: the next load replaces it.
        return
    ahead = [_entry.decode(text) for _, text in schedule.watcher.journal(char_id)]
    entries = schedule.postgres.journal[char_id] + [entry for entry in ahead if entry.seq > row.seq]
    if session.items != _replayed(entries):
        raise Violation(f"{char_id}: the session is not the replay of ledger and journal")


def _is_here(schedule: "Schedule", fields: dict[bytes, bytes]) -> bool:
    node = schedule.redis.node
    return fields[b"gen"] == b'"%s:%s"' % (node.run_id, node.replid)


def _check_life(schedule: "Schedule", char_id: str) -> None:
    row, loop = schedule.postgres.characters[char_id], schedule.loop
    if row.quarantined is not None:
        if not schedule.memories[char_id].poisoned:
            raise Violation(f"{char_id} is quarantined: {row.quarantined}")
        return
    number = 1000 + schedule.characters.index(char_id)
    task = loop.spawn(None, schedule.last_words(char_id, number))
    if not loop.run(task.done, limit=loop.now + 60):
        raise Violation(f"{char_id}: one more call does not end")
    if (problem := task.result()) is not None:
        if row.quarantined is not None and schedule.memories[char_id].poisoned:
            return
        raise Violation(f"{char_id}: one more call comes to nothing: {problem}")
    if schedule.redis.serve(("EXISTS", KEYS.of(char_id).session)):
        raise Violation(f"{char_id}: an evicted character has a session")


def _check_ledger(schedule: "Schedule", char_id: str) -> None:
    postgres = schedule.postgres
    row, entries = postgres.characters[char_id], postgres.journal[char_id]
    if [entry.seq for entry in entries] != list(range(1, row.seq + 1)):
        raise Violation(f"{char_id}: the ledger's seqs are not 1 to {row.seq}")
    if {item.item_id: item for item in postgres.items_of(char_id)} != _replayed(entries):
        raise Violation(f"{char_id}: items in PostgreSQL are not the replay of the ledger")


def _check_operations(schedule: "Schedule", char_id: str) -> None:
    row = schedule.postgres.characters[char_id]
    entries = schedule.postgres.journal[char_id] + [
        entry
        for entry in (_entry.decode(text) for _, text in schedule.watcher.journal(char_id))
        if entry.seq > row.seq
    ]
    doubled = [op_id for op_id, n in Counter(entry.op_id for entry in entries).items() if op_id and n > 1]
    if doubled:
        raise Violation(f"{char_id}: operations {doubled} were applied twice")


def _check_promises(schedule: "Schedule") -> None:
    watcher = schedule.watcher
    there = {
        char_id: watcher.durable.get(char_id, set()) | {request for request, _ in watcher.journal(char_id)}
        for char_id in schedule.characters
    }
    for order, request_id, _ in schedule.promises.made:
        attempts = schedule.promises.of(order, request_id)
        if not attempts & there[order.char_id] and not attempts & watcher.destroyed:
            raise Violation(f"{order.char_id}: {request_id} was acknowledged and is gone")
    for char_id, requests in watcher.set_aside.items():
        kept = _incident_requests(schedule, char_id)
        if not requests <= kept:
            raise Violation(f"{char_id}: {requests - kept} were set aside and are gone")


def _incident_requests(schedule: "Schedule", char_id: str) -> set[str]:
    texts: list[Any] = schedule.redis.serve(("LRANGE", KEYS.of(char_id).incident, 0, -1))
    for owner, _, entries in schedule.postgres.incidents:
        texts += entries if owner == char_id else []
    return {_entry.decode(text).request_id for text in texts} | schedule.watcher.forgotten


def _replayed(entries: list[JournalEntry]) -> dict[str, Item]:
    items: dict[str, Item] = {}
    for entry in entries:
        for item_id in entry.changes.removed:
            if items.pop(item_id, None) is None:
                raise Violation(f"entry {entry.seq} takes away {item_id}, which is not there")
        for item in entry.changes.changed:
            items[item.item_id] = item
    return items
