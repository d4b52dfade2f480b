"""What comes next for a follower, by what was read of its character. Pure: nothing is asked here.

The rule: an entry that PostgreSQL has is there for good. One that only a session had may be lost with
Redis's data, and its seq may come again. A follower goes on where it was if its position is of the
incarnation that the character has now, since a tag never stands for two contents; or if the entry that
it was told of last is still there, as its check shows. Else it is told that what it knows has
not lasted.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from persistence.events.position import Event, Position, change, position_after, reset
from persistence.records import JournalEntry

BEGAN: Final = "began"
LOST: Final = "lost"
DROPPED: Final = "dropped"

# Of one follower at a time: entries, and the bytes of their events.
PAGE: Final = 100
PAGE_BYTES: Final = 128 * 1024


class Present(Struct, frozen=True):
    """Where a character stands.

    Of a session that counts: what its head says. Else PostgreSQL's head, which has flushed all that it has;
    ``line`` is the incarnation of the session whose flush moved it last. ``settled`` is False while
    there is a session of which nobody can say yet whether it counts: then nothing is lost yet.
    """

    incarnation: int
    seq: int
    flushed_seq: int
    line: int | None = None
    settled: bool = True

    def knows(self, position: Position) -> bool:
        """Whether the position is certainly one that this state has come from, if it is not beyond it."""
        return position.seq == 0 or position.incarnation in (self.incarnation, self.line)


class Step(Struct, frozen=True):
    """What becomes of a follower: events, and where it is then; ``lost`` says why it cannot go on."""

    events: tuple[Event, ...] = ()
    position: Position | None = None
    lost: str = ""


WAIT: Final = Step()


def read_after(position: Position | None, present: Present) -> int:
    """The seq after which entries are needed to judge by; at least ``present.seq`` where none are."""
    if position is None:
        return present.seq - 1
    if present.knows(position):
        return position.seq
    return position.seq - 1


def judge(
    position: Position | None, present: Present, entries: Sequence[JournalEntry], reason: str = BEGAN
) -> Step:
    """The next step of who is at ``position``; None: of who is to be told the present, for ``reason``.

    ``entries``: in order, from after ``read_after`` on, as far as they were found in a session and then in
    PostgreSQL, which was asked where a session did not have the first.
    """
    found = {entry.seq: entry for entry in entries}
    if position is None:
        last = found.get(present.seq)
        at = position_after(last, present.incarnation) if last else Position(present.incarnation, present.seq)
        return Step((reset(at, reason),), at)
    if position.seq > present.seq:
        return Step(lost=LOST) if present.settled else WAIT
    told = found.get(position.seq)
    if told is not None and position.check:
        lasted = position_after(told, 0).check == position.check
    else:
        lasted = present.knows(position)
    if not lasted:
        if told is None and position.seq > present.flushed_seq:
            # It is on its way from the session to PostgreSQL, and will be found the next time.
            return WAIT
        return Step(lost=DROPPED if told is None else LOST) if present.settled else WAIT
    return _advanced(position, present, found)


def _advanced(position: Position, present: Present, found: dict[int, JournalEntry]) -> Step:
    events: list[Event] = []
    at, size = position, 0
    while (entry := found.get(at.seq + 1)) is not None and len(events) < PAGE and size < PAGE_BYTES:
        at = position_after(entry, present.incarnation)
        events.append(change(entry, at))
        size += len(events[-1].data)
    if not events and position.seq < present.flushed_seq:
        # PostgreSQL had it and was asked, so its week has gone.
        return Step(lost=DROPPED) if present.settled else WAIT
    if not events and present.settled:
        at = Position(present.incarnation, position.seq, position.check)
    return Step(tuple(events), at)
