"""Where sessions stand, as the functions of the mirror tell it."""

import re
from collections.abc import Sequence
from typing import ClassVar, Final, Self

import msgspec
from msgspec import Struct

from persistence.records import JournalEntry

_entry = msgspec.json.Decoder(JournalEntry).decode

LIVE, CLOSING, QUARANTINED = '"LIVE"', '"CLOSING"', '"QUARANTINED"'


# Beyond so many digits a number of a head is none that was ever given out, and Lua would not have it exactly.
_DIGITS_MAX: Final = 15
# The same of all that a probe tells, at once; the fifth, the time it is dirty since, is not always there.
_are_numbers = re.compile(rb"(?:\d{1,15} ){4}\d{0,15} \d{1,15}").fullmatch


def number_of(text: bytes | None) -> int:
    """A number of a session's head as the functions read one too; ``ValueError`` for what is none."""
    if text is None or not text.isdigit() or len(text) > _DIGITS_MAX:
        raise ValueError(f"{'nothing' if text is None else ascii(text[:40])[1:]} where a number belongs")
    return int(text)


class Probe(Struct, frozen=True):
    """Where a session stands; ``status`` is "" when there is none. Times in ms by Redis's clock.

    ``damage`` says what of its head cannot be understood; its numbers are 0 then, and it is of no node.
    """

    node_gen: str
    now_ms: int
    status: str
    gen: str
    epoch: int
    incarnation: int
    seq: int
    flushed_seq: int
    dirty_since: int
    ruleset: str
    catalog: int
    damage: str = ""

    @property
    def on_this_node(self) -> bool:
        """Whether the session is live and was opened, or adopted, on the node as it is now."""
        return self.status == LIVE and self.gen == f'"{self.node_gen}"'

    @property
    def is_closing_here(self) -> bool:
        """Whether the session's last flush is under way, on the node that it was played on."""
        return self.status == CLOSING and self.gen == f'"{self.node_gen}"'

    @property
    def tag(self) -> str:
        """The entity tag: ``<incarnation>.<seq>``."""
        return f"{self.incarnation}.{self.seq}"

    @classmethod
    def of(cls, reply: Sequence[bytes]) -> Self:
        """Read the reply of ``session_probe``; what is damaged is told, since it is one character's alone."""
        node_gen, now_ms, status, gen, epoch, incarnation, seq, flushed, dirty, ruleset, catalog = reply
        node, now, state = node_gen.decode(), int(now_ms), status.decode("utf-8", "replace")
        numbers = b" ".join((epoch, incarnation, seq, flushed, dirty, catalog))
        if not status or not _are_numbers(numbers):
            damage = f"its session cannot be read: {ascii(numbers[:200])[1:]} where numbers belong"
            return cls(node, now, state, "", 0, 0, 0, 0, 0, "", 0, damage if status else "")
        return cls(
            node_gen=node,
            now_ms=now,
            status=state,
            gen=gen.decode("utf-8", "replace"),
            epoch=int(epoch),
            incarnation=int(incarnation),
            seq=int(seq),
            flushed_seq=int(flushed),
            dirty_since=int(dirty or 0),
            ruleset=ruleset.decode("utf-8", "replace"),
            catalog=int(catalog),
        )


class Pending(Struct, frozen=True, gc=False):
    """What a session has for PostgreSQL: its head, and the oldest entries of its journal.

    ``texts``: the entries as they are kept. ``damage`` says what of it cannot be understood; it has
    no entries then.
    """

    status: str
    epoch: int
    seq: int
    flushed_seq: int
    incarnation: int
    entries: tuple[JournalEntry, ...]
    texts: Sequence[bytes] = ()
    damage: str = ""

    HEAD: ClassVar = ("status", "epoch", "seq", "flushed_seq", "incarnation")

    @classmethod
    def of(cls, head: Sequence[bytes], texts: Sequence[bytes]) -> Self:
        """Read the fields ``HEAD`` of a session that there is, and entries of its journal."""
        status = head[0].decode(errors="replace")
        try:
            entries = tuple(map(_entry, texts))
            epoch, seq, flushed_seq, incarnation = map(number_of, head[1:])
        except ValueError as error:
            # Only this character's: one that cannot be read must never keep the others from being flushed.
            return cls(status, 0, 0, 0, 0, (), damage=f"its session cannot be read: {error}")
        return cls(status, epoch, seq, flushed_seq, incarnation, entries, texts)


class Replied(Struct, frozen=True):
    """A call that was applied, now or before: the finished body, and the seq it has."""

    body: bytes
    seq: int
    incarnation: int
