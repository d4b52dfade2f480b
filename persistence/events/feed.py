"""One look at all followed characters, again and again; followers are told of what is new.

Who follows is not polled for by itself: a look asks Redis in a few round trips where all followed sessions
stand, reads entries only of those that have moved, once for all who are at the same position, and asks
PostgreSQL only for what sessions do not have any more. Nobody is asked while nobody follows. A look may
take a tenth of the time at most, so with very many followers events come somewhat later.

A follower that has not taken what it was told is not looked for, so nothing is ever kept for it: it is told
the rest, from wherever that is by then, when it comes back.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from persistence.errors import PersistenceError
from persistence.events.follower import NEVER, Follower, Wanted
from persistence.events.judging import PAGE, WAIT, Present, Step, judge, read_after
from persistence.events.position import Position
from persistence.events.reading import EventReader, Look
from persistence.records import JournalEntry

_log = logging.getLogger(__name__)

PAUSE_S: Final = 0.05
# How much longer a pause is than the look before it, and what it comes to at the most.
PAUSE_RATIO: Final = 9
PAUSE_MAX_S: Final = 0.5
# While a server is away.
RETRY_S: Final = 1.0
# Without a session only operators change anything, so PostgreSQL is asked seldom.
STORED_S: Final = 2.0
# Characters that are looked at in one round trip, and positions that are read for in one: nobody else of
# the process runs while their answers are taken apart.
CHARACTERS_AT_ONCE: Final = 250
READINGS_AT_ONCE: Final = 16
# After so many events made in one go others have their turn.
EVENTS_AT_ONCE: Final = 20


class _Reading(Struct):
    """What is read for those of a character who want the same."""

    char_id: str
    wanted: Wanted
    look: Look
    followers: list[Follower]


# Of each character, by what they want, who waits.
_Waiting = Mapping[str, Mapping[Wanted, list[Follower]]]


class EventFeed:
    """Tells followers of one process what is new, from the first one to ``close``."""

    def __init__(self, reader: EventReader) -> None:
        """Nothing is asked before somebody follows."""
        self._reader = reader
        # In the order in which they came, so that none is passed over for ever.
        self._waiting: dict[Follower, None] = {}
        self._somebody = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._stored_from = NEVER

    async def known(self, char_id: str) -> bool:
        """Whether there is such a character; raises ``Unavailable``."""
        return await self._reader.known(char_id)

    def follow(self, char_id: str, position: Position | None) -> Follower:
        """One more follower, from ``position`` on; None begins at the present, with a reset."""
        return Follower(char_id, position, self._expect, self._forget)

    async def close(self) -> None:
        """End; who still waits is interrupted."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
        for follower in self._waiting:
            follower.interrupt()

    def _expect(self, follower: Follower) -> None:
        self._waiting[follower] = None
        self._somebody.set()
        if self._loop is None:
            self._loop = asyncio.get_running_loop().create_task(self._run(), name="events")

    def _forget(self, follower: Follower) -> None:
        self._waiting.pop(follower, None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                self._somebody.clear()
                await self._somebody.wait()
            began = loop.time()
            try:
                more = await self._look()
                took_s = loop.time() - began
                pause_s = took_s if more else max(PAUSE_S, PAUSE_RATIO * took_s)
            except PersistenceError as error:
                _log.debug("followers wait: %s", error)
                pause_s = RETRY_S
            except Exception:
                _log.exception("followers wait")
                pause_s = RETRY_S
            await asyncio.sleep(min(pause_s, PAUSE_MAX_S))

    async def _look(self) -> bool:
        """Look once for all who wait; True where there is more to be told at once."""
        waiting: defaultdict[str, dict[Wanted, list[Follower]]] = defaultdict(dict)
        for follower in self._waiting:
            if follower.waits:
                waiting[follower.char_id].setdefault(follower.wanted, []).append(follower)
        char_ids, more = list(waiting), False
        for first in range(0, len(char_ids), CHARACTERS_AT_ONCE):
            page = char_ids[first : first + CHARACTERS_AT_ONCE]
            looks = await self._reader.looks(page)
            readings = list(_moved(zip(page, looks, strict=True), waiting))
            for begin in range(0, len(readings), READINGS_AT_ONCE):
                more |= await self._read(readings[begin : begin + READINGS_AT_ONCE])
        return more

    async def _read(self, readings: Sequence[_Reading]) -> bool:
        """Read for some, from sessions and then from PostgreSQL, and tell them; True where there is more."""
        asked = []
        for reading in readings:
            if (present := reading.look.present) is not None:
                # One at the least, although nobody may need it.
                after = read_after(reading.wanted.position, present)
                asked.append((reading.char_id, max(1, present.seq - after)))
        tails = iter(await self._reader.tails(asked, PAGE + 1))
        lacking: list[tuple[_Reading, Sequence[JournalEntry]]] = []
        more = False
        for reading in readings:
            if (present := reading.look.present) is None:
                lacking.append((reading, ()))
                continue
            entries = next(tails)
            if _has_all(entries, read_after(reading.wanted.position, present), present):
                more |= await _tell(reading, present, entries)
            else:
                lacking.append((reading, entries))
        if lacking and asyncio.get_running_loop().time() >= self._stored_from:
            more |= await self._read_stored(lacking)
        return more

    async def _read_stored(self, lacking: Sequence[tuple[_Reading, Sequence[JournalEntry]]]) -> bool:
        """The same for those whose sessions, if there are any, lack entries that they need."""
        now = asyncio.get_running_loop().time()
        try:
            asked = [(reading.char_id, _stored_after(reading)) for reading, _ in lacking]
            found = await self._reader.stored(asked, PAGE + 1)
        except PersistenceError as error:
            # Those whose sessions have all that they need go on meanwhile.
            _log.debug("followers wait for PostgreSQL: %s", error)
            self._stored_from = now + RETRY_S
            return False
        more = False
        for (reading, entries), stored in zip(lacking, found, strict=True):
            if stored is None:
                for follower in reading.followers:
                    follower.end()
                continue
            for follower in reading.followers:
                follower.stored_at = now
            present = reading.look.present or stored.present(settled=not reading.look.there)
            # An entry that is in both by now is the same.
            more |= await _tell(reading, present, (*stored.entries, *entries))
        return more


def _moved(looks: Iterable[tuple[str, Look]], waiting: _Waiting) -> Iterator[_Reading]:
    """What has to be read: of sessions that have moved, and now and then of characters without one."""
    now = asyncio.get_running_loop().time()
    for char_id, look in looks:
        for wanted, followers in waiting[char_id].items():
            if (present := look.present) is not None:
                for follower in followers:
                    # As soon as the session has gone, what it left to PostgreSQL is to be seen.
                    follower.stored_at = NEVER
                at = wanted.position
                if at is not None and (at.incarnation, at.seq) == (present.incarnation, present.seq):
                    continue
            elif all(now - follower.stored_at < STORED_S for follower in followers):
                continue
            yield _Reading(char_id, wanted, look, followers)


def _has_all(entries: Sequence[JournalEntry], after: int, present: Present) -> bool:
    return after >= present.seq or any(entry.seq == after + 1 for entry in entries)


def _stored_after(reading: _Reading) -> int | None:
    """After which seq PostgreSQL's entries are needed; None where its newest is."""
    present, position = reading.look.present, reading.wanted.position
    if present is not None:
        return read_after(position, present)
    # With the entry itself: only the answer tells whether it is needed.
    return None if position is None else position.seq - 1


async def _tell(reading: _Reading, present: Present, entries: Sequence[JournalEntry]) -> bool:
    """Have those who wait take their next step; True where there is more to be told at once."""
    step: Step = judge(reading.wanted.position, present, entries, reading.wanted.reason)
    if step is WAIT:
        return False
    for follower in reading.followers:
        follower.take(step)
    if len(step.events) >= EVENTS_AT_ONCE:
        await asyncio.sleep(0)
    return bool(step.lost) or len(step.events) >= PAGE
