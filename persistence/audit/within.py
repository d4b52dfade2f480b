"""What has to hold within one session: of one step of Redis, so never caught half done."""

import re
from collections.abc import Callable, Iterator

from engine.ruleset import Ruleset
from persistence.audit import findings
from persistence.audit.findings import Violation
from persistence.audit.live import STATUSES, Live
from persistence.sessions.session_fields import HEAD_FIELDS, fields_of

# ``RING_KEPT`` places, as DONE_KEPT in lua/functions/call.lua.
RING_KEPT = 64
DONE = re.compile(rb"[0-9a-f]+:([0-9]+) \{.*\}", re.DOTALL)

Texts = Iterator[str]


def violations(ruleset: Ruleset, live: Live) -> list[Violation]:
    """All that is wrong within a session; its totals are counted only where they were made by ``ruleset``."""
    char_id = live.kept.char_id
    checks: dict[int, Callable[[Live], Texts]] = {
        findings.PLACES: places,
        findings.JOURNAL: journal,
        findings.OPERATIONS: operations,
        findings.QUEUE: queue,
    }
    found = [Violation(number, char_id, text) for number, check in checks.items() for text in check(live)]
    if live.session.ruleset == ruleset.hash:
        found += [Violation(findings.RECOUNT, char_id, text) for text in totals(ruleset, live)]
    return found


def places(live: Live) -> Texts:
    """A place holds at most one item."""
    held: dict[tuple[str, str], str] = {}
    for item in live.session.items.values():
        container, slot = item.place.container, str(item.place.slot)
        other = held.setdefault((container, slot), item.item_id)
        if other != item.item_id:
            yield f"its session has two items in {container} {slot}: {other} and {item.item_id}"


def journal(live: Live) -> Texts:
    """The session's journal has the entries between what PostgreSQL has and what was applied."""
    if not 0 <= live.flushed_seq <= live.seq:
        yield f"its session is at {live.seq}, and flushed up to {live.flushed_seq}"
        return
    seqs = [entry.seq for entry in live.entries]
    if seqs != list(range(live.flushed_seq + 1, live.seq + 1)):
        has = f"{len(seqs)} entries from {seqs[0]} to {seqs[-1]}" if seqs else "none"
        yield f"its session's journal should have entries {live.flushed_seq + 1} to {live.seq}, and has {has}"


def queue(live: Live) -> Texts:
    """A session that needs attention, be it its eviction, has a turn; one in quarantine has none."""
    if live.status not in STATUSES:
        yield f"its session's status is {live.status!r}"
    dirty = live.seq > live.flushed_seq
    if dirty != (b"dirty_since" in live.kept.fields):
        says = "dirty and does not say since when" if dirty else "clean and says that it is dirty"
        yield f"its session is {says}"
    if live.is_quarantined:
        if live.kept.due:
            yield "its session is quarantined, and still in its due queue"
    elif not live.kept.due:
        yield f"its session is {'dirty' if dirty else live.status.lower()}, and not in its due queue"


def totals(ruleset: Ruleset, live: Live) -> Texts:
    """Everything that is derived from the items is what a recount gives, to the byte."""
    try:
        counted = fields_of(ruleset, live.session)
    except KeyError as error:
        yield f"its session cannot be recounted: nothing is known of {error.args[0]}"
        return
    kept = {_spelled(name): value for name, value in live.kept.fields.items()}
    kept = {name: value for name, value in kept.items() if name not in HEAD_FIELDS}
    if kept == counted:
        return
    wrong = sorted(name for name in kept.keys() | counted.keys() if kept.get(name) != counted.get(name))
    name = wrong[0]
    has, gives = (_spelled(fields.get(name, b"nothing")) for fields in (kept, counted))
    yield f"its session's {name} is {has}, and a recount gives {gives} ({len(wrong)} fields differ)"


def operations(live: Live) -> Texts:
    """Ring and operations stand for each other, and what waits for PostgreSQL says the same."""
    done = live.kept.done
    ring = {name[5:]: op_id for name, op_id in done.items() if name.startswith(b"ring:")}
    replies = {name[3:]: value for name, value in done.items() if name.startswith(b"op:")}
    if done and not done.get(b"count", b"").isdigit():
        yield "its session does not count its operations"
    if strange := done.keys() - {b"count", *(b"ring:" + n for n in ring), *(b"op:" + n for n in replies)}:
        yield f"its session remembers {_text(min(strange))}, which is no operation"
    if wrong := [n for n in ring if not n.isdigit() or int(n) >= RING_KEPT]:
        yield f"its ring of operations has a place {_text(min(wrong))}"
    if set(ring.values()) != replies.keys() or len(set(ring.values())) != len(ring):
        yield f"its ring of {len(ring)} operations does not fit the {len(replies)} replies that it remembers"
    for op_id, value in replies.items():
        match = DONE.fullmatch(value)
        if match is None or int(match[1]) > live.seq:
            yield f"what its session remembers of operation {_text(op_id)!r} cannot be, or be read"
    yield from _unflushed(live, ring, replies)


def _unflushed(live: Live, ring: dict[bytes, bytes], replies: dict[bytes, bytes]) -> Texts:
    # A later operation may have taken the place of an earlier one.
    latest = {entry.done.slot: entry for entry in live.entries if entry.done is not None}
    for slot, entry in latest.items():
        assert entry.done is not None
        op_id = entry.op_id.encode()
        said = f"{entry.done.payload_hash}:{entry.seq} ".encode() + bytes(entry.done.reply)
        if ring.get(b"%d" % slot) != op_id or replies.get(op_id) != said:
            yield f"operation {entry.op_id!r} of entry {entry.seq} is not what its session remembers"


def _spelled(text: bytes) -> str:
    """Whatever it is, told apart from all others."""
    return text.decode("utf-8", "backslashreplace")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
