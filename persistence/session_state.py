"""Where sessions stand, as the functions of the mirror tell it."""

from collections.abc import Sequence
from typing import ClassVar, Self

import msgspec
from msgspec import Struct

from persistence.records import JournalEntry

_entry = msgspec.json.Decoder(JournalEntry).decode

LIVE, CLOSING, QUARANTINED = '"LIVE"', '"CLOSING"', '"QUARANTINED"'


class Probe(Struct, frozen=True):
    """Where a session stands; ``status`` is "" when there is none. Times in ms by Redis's clock."""

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

    @property
    def on_this_node(self) -> bool:
        """Whether the session is live and was opened, or adopted, on the node as it is now."""
        return self.status == LIVE and self.gen == f'"{self.node_gen}"'

    @property
    def tag(self) -> str:
        """The entity tag: ``<incarnation>.<seq>``."""
        return f"{self.incarnation}.{self.seq}"

    @classmethod
    def of(cls, reply: Sequence[bytes]) -> Self:
        """Read the reply of ``session_probe``."""
        texts = [part.decode() for part in reply]
        epoch, incarnation, seq, flushed_seq, dirty_since = (int(text or 0) for text in texts[4:9])
        return cls(
            node_gen=texts[0],
            now_ms=int(texts[1]),
            status=texts[2],
            gen=texts[3],
            epoch=epoch,
            incarnation=incarnation,
            seq=seq,
            flushed_seq=flushed_seq,
            dirty_since=dirty_since,
            ruleset=texts[9],
            catalog=int(texts[10] or 0),
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
        status, numbers = head[0].decode(), head[1:]
        try:
            entries = tuple(map(_entry, texts))
            epoch, seq, flushed_seq, incarnation = map(int, numbers)
        except (ValueError, TypeError) as error:
            # Only this character's: one that cannot be read must never keep the others from being flushed.
            return cls(status, 0, 0, 0, 0, (), damage=f"its session cannot be read: {error}")
        return cls(status, epoch, seq, flushed_seq, incarnation, entries, texts)


class Replied(Struct, frozen=True):
    """A call that was applied, now or before: the finished body, and the seq it has."""

    body: bytes
    seq: int
    incarnation: int
