"""What followers need to know of characters: from sessions in Redis, and from PostgreSQL's ledger.

The session is always asked first. What it has flushed by then is in PostgreSQL by the time that is asked,
so no entry falls between the two.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from persistence.events.judging import Present
from persistence.keys import Keys
from persistence.link.redis_link import Argument
from persistence.postgres import store_rows
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query
from persistence.records import JournalEntry
from persistence.sessions.mirror import Mirror, is_missing, value_of
from persistence.sessions.session_state import CLOSING, LIVE, Probe

_HEAD: Final = ("status", "gen", "incarnation", "seq", "flushed_seq")
# A quarantined session's entries are in dispute, and those of one that was not adopted on this node yet may
# be of a past that has gone another way.
_COUNTING: Final = (LIVE.encode(), CLOSING.encode())
# So many entries may come between two questions, and what was asked for is still among the answer.
_SLACK: Final = 32

_entry = msgspec.json.Decoder(JournalEntry).decode


class Look(Struct, frozen=True):
    """A session as it was seen: ``present`` where it counts; whether there is one at all."""

    present: Present | None
    there: bool


class Stored(Struct, frozen=True):
    """What PostgreSQL has: its head, and entries in order."""

    incarnation: int
    seq: int
    line: int | None
    entries: tuple[JournalEntry, ...]

    def present(self, *, settled: bool) -> Present:
        """Where the character stands if no session counts."""
        return Present(self.incarnation, self.seq, self.seq, self.line, settled)


NOTHING: Final = Look(None, there=False)
IN_DISPUTE: Final = Look(None, there=True)


class EventReader:
    """Asks for many characters at a time. Every method raises ``Unavailable``."""

    def __init__(self, mirror: Mirror, keys: Keys, database: Database) -> None:
        """Over ``mirror``, whose link had better not be the one that players' calls go by."""
        self._mirror = mirror
        self._keys = keys
        self._database = database

    async def known(self, char_id: str) -> bool:
        """Whether there is such a character; PostgreSQL is asked only where there is no session."""
        (look,) = await self.looks([char_id])
        if look.there:
            return True
        async with self._database.connection() as connection:
            known: bool = await connection.fetchval(query("event_known"), char_id)
        return known

    async def looks(self, char_ids: Sequence[str]) -> list[Look]:
        """Where the sessions of these, of which there are some, stand; in one round trip."""
        keys = self._keys.of(char_ids[0])
        heads = (("HMGET", self._keys.of_flush(char_id)[0], *_HEAD) for char_id in char_ids)
        commands = [self._mirror.command("session_probe", keys), *heads]
        probed, *found = await self._mirror.link.send(commands, harmless=True)
        if is_missing(probed):
            # The library is loaded by that; heads that were read on another node do not fit the answer.
            probed = await self._mirror.call("session_probe", keys, harmless=True)
        gen = f'"{Probe.of(value_of(probed)).node_gen}"'.encode()
        return [_look(head, gen) for head in found]

    async def tails(self, asked: Sequence[tuple[str, int]], limit: int) -> list[tuple[JournalEntry, ...]]:
        """Of each character's newest so many entries the first ``limit``, as far as its session has them."""
        commands: list[tuple[Argument, ...]] = []
        for char_id, newest in asked:
            # From the journal's end: its beginning is trimmed at any moment, its end only ever grows.
            first = -(newest + _SLACK)
            last = min(-1, first + _SLACK + limit - 1)
            commands.append(("LRANGE", self._keys.of_flush(char_id)[1], first, last))
        replies = await self._mirror.link.send(commands, harmless=True) if commands else []
        return [_entries(reply) for reply in replies]

    async def stored(self, asked: Sequence[tuple[str, int | None]], limit: int) -> list[Stored | None]:
        """Heads, and up to ``limit`` entries after a seq of each: None for the newest. None: no character."""
        found: dict[int, Stored] = {}
        entries: dict[int, list[JournalEntry]] = {}
        char_ids, seqs = [char_id for char_id, _ in asked], [seq for _, seq in asked]
        async with self._database.connection() as connection:
            rows = await connection.fetch(query("events_after"), char_ids, seqs, limit)
        for row in rows:
            n = row["n"] - 1
            found[n] = Stored(row["incarnation"], row["head_seq"], row["line"], ())
            if row["seq"] is not None:
                entries.setdefault(n, []).append(store_rows.entry(row))
        return [
            msgspec.structs.replace(found[n], entries=tuple(entries.get(n, ()))) if n in found else None
            for n in range(len(asked))
        ]


def _look(head: Any, gen: bytes) -> Look:  # noqa: ANN401 - values, or an error
    if isinstance(head, Exception):
        # Somebody has put something else there, which is nobody else's trouble.
        return IN_DISPUTE
    status, own_gen, incarnation, seq, flushed_seq = head
    if status is None:
        return NOTHING
    if status not in _COUNTING or own_gen != gen:
        return IN_DISPUTE
    try:
        return Look(Present(int(incarnation), int(seq), int(flushed_seq)), there=True)
    except (ValueError, TypeError):
        # Damaged; the flusher says so, and sets the character aside.
        return IN_DISPUTE


def _entries(texts: Any) -> tuple[JournalEntry, ...]:  # noqa: ANN401 - texts, or an error
    if isinstance(texts, Exception):
        return ()
    try:
        return tuple(map(_entry, texts))
    except ValueError:
        return ()
