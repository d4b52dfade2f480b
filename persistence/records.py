"""What passes between sessions, the flusher, PostgreSQL and the gateway."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Raw, Struct

from engine.outcome import Capacity, Changes
from engine.state import Actor, InventorySessionDTO, Item

# gc=False: thousands of these live through a flush, none is part of a circle, and to look through them
# takes the collector longer than to make them.


class Done(Struct, frozen=True, array_like=True):
    """What is remembered of an operation: slot in the ring, hash of the payload, the reply as it was sent."""

    slot: int
    payload_hash: str
    reply: Raw


class JournalEntry(Struct, frozen=True, omit_defaults=True, gc=False):
    """One applied call: ``at`` in Unix milliseconds by the caller's clock, ``commands`` as JSON.

    ``done`` is there as long as the entry is in Redis, if the call had an operation id.
    """

    seq: int
    at: int
    by: str
    request_id: str
    op_id: str
    commands: Raw
    changes: Changes
    done: Done | None = None


class Operation(Struct, frozen=True):
    """An operation that was done, as PostgreSQL remembers it; ``reply`` is the body's text."""

    slot: int
    op_id: str
    seq: int
    payload_hash: str
    reply: str


class CharacterHead(Struct, frozen=True):
    """A character as PostgreSQL has it; ``created_at`` in Unix milliseconds."""

    char_id: str
    name: str
    actor: Actor
    epoch: int
    open: bool
    incarnation: int
    seq: int
    created_at: int


class Snapshot(Struct, frozen=True):
    """What a load reads in its one transaction: the raised head, items and operations as they are stored.

    ``operations`` are in the order in which they were done. ``line``: the incarnation of the session
    whose flush moved the head last, None where nobody has said.
    """

    head: CharacterHead
    items: tuple[Item, ...]
    operations: tuple[Operation, ...] = ()
    line: int | None = None


class FlushWork(Struct, frozen=True, gc=False):
    """What one character has for PostgreSQL: the entries after ``base_seq``, contiguous.

    ``incarnation`` is the session's; work without entries only asks whether the session fits.
    ``texts``: the entries as the session's journal has them, empty where they come from elsewhere.
    """

    char_id: str
    epoch: int
    base_seq: int
    entries: tuple[JournalEntry, ...]
    incarnation: int = 0
    texts: Sequence[bytes] = ()

    @property
    def last_seq(self) -> int:
        """The seq that PostgreSQL has after this work."""
        return self.base_seq + len(self.entries)


class FlushResult(Struct, frozen=True, gc=False):
    """What became of one ``FlushWork``; the head's values are PostgreSQL's, for who must decide.

    ``flushed``: written. ``passed_over``: the guard on epoch and seq did not hold, nothing was
    written. ``busy``: somebody else holds the head, try again soon. ``absent``: no such character.
    """

    status: Literal["flushed", "passed_over", "busy", "absent"]
    epoch: int = 0
    seq: int = 0


class Character(Struct, frozen=True):
    """A character as callers see it; seqs and actor are the live session's where there is one."""

    char_id: str
    name: str
    actor: Actor
    live: bool
    seq: int
    durable_seq: int
    created_at: int


class SessionState(Struct, frozen=True):
    """Where a session stands: the reply of load, save and evict."""

    char_id: str
    live: bool
    seq: int
    durable_seq: int
    epoch: int


class LiveSession(Struct, frozen=True):
    """A session read whole from Redis, its running totals as room and weight, and where it stands."""

    session: InventorySessionDTO
    capacity: Capacity
    epoch: int
    incarnation: int
    durable_seq: int
    catalog: int

    @property
    def tag(self) -> str:
        """The entity tag: ``<incarnation>.<seq>``."""
        return f"{self.incarnation}.{self.session.seq}"


class Call(Struct, frozen=True):
    """Who calls and under which conditions; what the journal keeps of it, and what APPLY checks."""

    by: str = ""
    request_id: str = ""
    op_id: str = ""
    if_match: str = ""
    durable: bool = False


class TagMismatch(Struct, frozen=True):
    """The session is not at the tag the caller expected; ``tag`` is the one it is at."""

    tag: str
