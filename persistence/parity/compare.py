"""What both must agree on: refusal or reply, journal entry, and every field of the session's hash."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.outcome import Applied, Outcome
from engine.refusals import Refusal
from engine.ruleset import Ruleset
from engine.state import InventorySessionDTO
from persistence.parity.case import Difference
from persistence.sessions.replies import reply_parts
from persistence.sessions.session_fields import HEAD_FIELDS, actor_text, fields_of

# What a parity session is opened with, and what the journal is told of each call's origin.
CATALOG, EPOCH, INCARNATION = 1, 1, 0
ORIGIN = '"at":0,"by":"parity"'

_ABSENT = "absent"
_encode = msgspec.json.encode
_decode = msgspec.json.decode


def compare_call(
    outcome: Outcome,
    reply: Any,  # noqa: ANN401 - as Redis has it
    entry: bytes | None,
    text: bytes,
    before: InventorySessionDTO,
    flushed: int,
) -> Difference | None:
    """Compare what one call came to.

    ``reply`` is that of ``session_execute``, ``entry`` the journal entry it left, ``text`` the
    commands as they were sent, ``flushed`` the seq that the session was opened with.
    """
    if isinstance(reply, Exception):
        return Difference("error in Lua", _shown(outcome), str(reply))
    if isinstance(outcome, Refusal):
        return _refused(outcome, reply, entry)
    try:
        return _applied(outcome, reply, entry, text, before.seq + 1, flushed)
    except msgspec.DecodeError as error:
        return Difference("no JSON", _shown(outcome), f"{error}: {_text(reply)} {_text(entry)}")


def _refused(outcome: Refusal, reply: Sequence[Any], entry: bytes | None) -> Difference | None:
    if reply[0] != b"REFUSED" or reply[1] != outcome.code.encode():
        return Difference("refusal", _shown(outcome), _text(reply))
    if _decode(reply[2]) != outcome.params:
        return Difference("params", _shown(outcome), _text(reply))
    if reply[3] != outcome.op_index:
        return Difference("op_index", _shown(outcome), _text(reply))
    if entry is not None:
        return Difference("journal", "no entry for a refusal", _text(entry))
    return None


def _applied(
    outcome: Applied, reply: Sequence[Any], entry: bytes | None, text: bytes, seq: int, flushed: int
) -> Difference | None:
    if reply[0] != b"OK":
        return Difference("refusal", _shown(outcome), _text(reply))
    parts = reply_parts(outcome)
    head = f'"seq":{seq},"durable_seq":{flushed},"tag":"{INCARNATION}.{seq}","replayed":false'.encode()
    body = b'{%b,"changes":%b%b,"capacity":%b}' % (head, parts.changes, parts.told, parts.capacity)
    if reply[1] != body and (difference := _by_name(_decode(body), _decode(reply[1]))):
        return difference
    if reply[2:] != [seq, INCARNATION]:
        return Difference("seq and incarnation", f"{seq}, {INCARNATION}", _text(reply[2:]))
    wanted = b'{"seq":%d,%b,"commands":%b,"changes":%b}' % (seq, ORIGIN.encode(), text, parts.changes)
    if entry != wanted and (entry is None or _decode(entry) != _decode(wanted)):
        return Difference("journal", _text(wanted), _text(entry))
    return None


def _by_name(python: dict[str, Any], lua: dict[str, Any]) -> Difference | None:
    """The first name on which two bodies differ once the order of names is no matter."""
    for name in dict.fromkeys([*python, *lua]):
        if python.get(name, _ABSENT) != lua.get(name, _ABSENT):
            where, one, other = _deepest(name, python.get(name, _ABSENT), lua.get(name, _ABSENT))
            return Difference(f"reply: {name}", f"{where} = {one}", f"{where} = {other}")
    return None


def _deepest(where: str, python: Any, lua: Any) -> tuple[str, Any, Any]:  # noqa: ANN401 - as JSON has it
    """The innermost value on which two values differ, and the way to it."""
    if isinstance(python, dict) and isinstance(lua, dict):
        steps = [
            (f".{name}", python.get(name, _ABSENT), lua.get(name, _ABSENT)) for name in {**python, **lua}
        ]
    elif isinstance(python, list) and isinstance(lua, list) and len(python) == len(lua):
        steps = [(f"[{at}]", *pair) for at, pair in enumerate(zip(python, lua, strict=True))]
    else:
        return where, python, lua
    step, one, other = next(entry for entry in steps if entry[1] != entry[2])
    return _deepest(where + step, one, other)


def compare_hash(
    ruleset: Ruleset, session: InventorySessionDTO, flushed: int, pairs: Sequence[bytes]
) -> Difference | None:
    """Compare a whole hash, as HGETALL answers, with the recount of the session's items."""
    mirrored = dict(zip(pairs[::2], pairs[1::2], strict=True))
    recount = {name.encode(): value for name, value in fields_of(ruleset, session).items()}
    recount |= _head(ruleset, session, flushed)
    odd = [
        name
        for name in sorted(recount.keys() | mirrored.keys())
        if recount.get(name) != mirrored.get(name) and name not in _UNTOLD
    ]
    if odd:
        return Difference("hash", _some(recount, odd), _some(mirrored, odd))
    if (b"dirty_since" in mirrored) != (session.seq > flushed):
        return Difference(
            "dirty_since", f"seq {session.seq}, flushed {flushed}", _some(mirrored, [b"dirty_since"])
        )
    return None


# Fields that hold the server's name and time.
_UNTOLD = frozenset({b"gen", b"dirty_since"})


def _head(ruleset: Ruleset, session: InventorySessionDTO, flushed: int) -> dict[bytes, bytes]:
    head = {
        b"status": b'"LIVE"',
        b"ruleset": f'"{ruleset.hash}"'.encode(),
        b"catalog": b"%d" % CATALOG,
        b"epoch": b"%d" % EPOCH,
        b"incarnation": b"%d" % INCARNATION,
        b"seq": b"%d" % session.seq,
        b"flushed_seq": b"%d" % flushed,
        b"actor": actor_text(ruleset, session.actor),
    }
    assert {name.decode() for name in head.keys() | _UNTOLD} == HEAD_FIELDS
    return head


def _some(fields: Mapping[bytes, bytes], names: Sequence[bytes]) -> str:
    return ", ".join(f"{name.decode()} = {_text(fields.get(name))}" for name in names)


def _shown(outcome: Outcome) -> str:
    if isinstance(outcome, Refusal):
        return f"{outcome.code.value} {outcome.params} op_index {outcome.op_index}"
    return f"applied {_encode(outcome.changes).decode()}"


def _text(value: Any) -> str:  # noqa: ANN401 - as Redis has it
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return value.decode() if isinstance(value, bytes) else "absent" if value is None else str(value)
