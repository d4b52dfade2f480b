"""What has to hold between a session and PostgreSQL, which was read after it and so is never behind it.

What is found here may be of two moments. It counts when a second reading finds it too.
"""

import hashlib
from collections.abc import Iterator

from persistence.audit import findings
from persistence.audit.findings import Violation
from persistence.audit.ledger import difference, same_actor
from persistence.audit.live import Live
from persistence.audit.stored import Stored
from persistence.audit.within import DONE
from persistence.ledger.replay import Inventory, ReplayError

Texts = Iterator[tuple[int, str]]


def is_overtaken(stored: Stored, live: Live) -> bool:
    """Whether PostgreSQL has entries that the session as it was read had not: there is nothing to compare."""
    return stored.seq > live.seq


def suspicions(stored: Stored, live: Live) -> list[Violation]:
    """What of the two does not fit together."""
    found = list(heads(stored, live))
    if not found and not is_overtaken(stored, live):
        found += [*contents(stored, live), *operations(stored, live)]
    return [Violation(number, live.kept.char_id, text) for number, text in found]


def heads(stored: Stored, live: Live) -> Texts:
    """PostgreSQL gives out epochs, and is told of a seq before the session is."""
    if live.epoch > stored.epoch:
        yield findings.LEDGER, f"its session is of epoch {live.epoch}, and PostgreSQL's is {stored.epoch}"
    if live.flushed_seq > stored.seq:
        yield (
            findings.LEDGER,
            f"its session says it is flushed up to {live.flushed_seq}, and PostgreSQL is at {stored.seq}",
        )


def contents(stored: Stored, live: Live) -> Texts:
    """The session has what PostgreSQL has, and then what its own entries did."""
    ahead = [(entry.seq, entry.changes) for entry in live.entries if entry.seq > stored.seq]
    try:
        expected = Inventory(stored.seq, stored.items, stored.actor).after(ahead)
    except ReplayError as error:
        yield findings.REPLAY, f"its session's journal does not follow from PostgreSQL's items: {error}"
        return
    if wrong := difference(expected.items, live.session.items):
        yield findings.REPLAY, f"its session is not PostgreSQL's items and its own journal: {wrong}"
    if expected.actor is not None and same_actor(expected.actor) != same_actor(live.session.actor):
        yield findings.REPLAY, "its session's actor is not PostgreSQL's, nor one that its own journal set"


def operations(stored: Stored, live: Live) -> Texts:
    """What both remember in one place of the ring is the same, once PostgreSQL has the entry."""
    done = live.kept.done
    for slot, kept in stored.operations.items():
        op_id = done.get(b"ring:%d" % slot)
        value = done.get(b"op:" + op_id) if op_id is not None else None
        if op_id is None or value is None:
            continue
        told = DONE.fullmatch(value)
        if told is None:
            # What cannot be read is the session's own fault, and told as that.
            continue
        seq = int(told[1])
        digest = hashlib.md5(value, usedforsecurity=False).hexdigest()
        spelled = op_id.decode("utf-8", "replace")
        if seq <= stored.seq and (spelled, seq, digest) != (kept.op_id, kept.seq, kept.done):
            yield (
                findings.OPERATIONS,
                f"place {slot} of its ring has {spelled!r} of {seq} in its session,"
                f" and {kept.op_id!r} of {kept.seq} in PostgreSQL",
            )
