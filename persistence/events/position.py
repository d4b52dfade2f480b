"""Where a follower is in a character's changes, and what it is told of each."""

import hashlib
import re
from typing import Final, Self

import msgspec
from msgspec import Struct

from engine.outcome import Changes
from persistence.records import JournalEntry

# Fifteen digits are beyond any seq. A tag of the API may be followed by "+" and a catalog's version, which
# says nothing here; a check is always longer than one of those.
_POSITION: Final = re.compile(r'("?)(0|[1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,14})(?:\+([0-9]{1,19}))?\1')
_CHECK_DIGITS: Final = 19
_CHECK_LEAST: Final = 10 ** (_CHECK_DIGITS - 1)

_encode = msgspec.json.Encoder().encode
# PostgreSQL keeps the members of an object in an order of its own.
_encode_in_order = msgspec.json.Encoder(order="deterministic").encode


class _Op(Struct):
    op: str


_ops = msgspec.json.Decoder(list[_Op]).decode


class Position(Struct, frozen=True):
    """Right after the entry ``seq`` of an incarnation; ``check`` tells the entry from another of that seq.

    After a loss of Redis's data a seq may come again with other content. ``check`` is what shows that
    an entry is still the one that was told; it is empty where none was.
    """

    incarnation: int
    seq: int
    check: str = ""

    def __str__(self) -> str:
        return f"{self.tag}+{self.check}" if self.check else self.tag

    @property
    def tag(self) -> str:
        """The entity tag: ``<incarnation>.<seq>``."""
        return f"{self.incarnation}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` gives, or an entity tag, in quotes or without; ``ValueError`` for all else."""
        found = _POSITION.fullmatch(text)
        if found is None:
            raise ValueError("expected an event's id, or an entity tag of the inventory")
        check = found[4] or ""
        return cls(int(found[2]), int(found[3]), check if len(check) == _CHECK_DIGITS else "")


def position_after(entry: JournalEntry, incarnation: int) -> Position:
    """Where a follower is that has been told of the entry."""
    said = _encode_in_order((entry.at, entry.by, entry.request_id, entry.op_id, entry.changes))
    number = int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big")
    return Position(incarnation, entry.seq, str(_CHECK_LEAST + number % (9 * _CHECK_LEAST)))


class ChangeEvent(Struct, frozen=True):
    """``event: change``. One applied call: what it changed, in the shape of a reply.

    ``at`` in Unix milliseconds; ``ops``: the commands' names, in their order. Who called and how is for
    the ledger: everybody who follows a character is told the same.
    """

    tag: str
    seq: int
    at: int
    ops: list[str]
    changes: Changes


class ResetEvent(Struct, frozen=True):
    """``event: reset``. The inventory is at ``tag``, and how it came there is not told: read it.

    ``reason``: "began" for who has not said where to go on, "lost" where what was told has not lasted,
    "dropped" where the ledger does not reach back so far any more.
    """

    tag: str
    seq: int
    reason: str


class Event(Struct, frozen=True):
    """An event as it is sent: its name, where who has it is then, and its JSON."""

    name: str
    position: Position
    data: bytes


def change(entry: JournalEntry, position: Position) -> Event:
    """The event of an entry, after which a follower is at ``position``."""
    try:
        ops = [command.op for command in _ops(entry.commands)]
    except msgspec.MsgspecError:
        # Written by another hand than ours: what has changed is told all the same, and all others go on.
        ops = []
    return Event(
        "change", position, _encode(ChangeEvent(position.tag, entry.seq, entry.at, ops, entry.changes))
    )


def reset(position: Position, reason: str) -> Event:
    """The event that puts a follower at ``position``."""
    return Event("reset", position, _encode(ResetEvent(position.tag, position.seq, reason)))
