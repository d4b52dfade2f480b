"""Sessions as an audit reads them: everything that Redis has of a character, of one moment."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from redis.exceptions import ResponseError

from engine.state import InventorySessionDTO
from persistence.audit import findings
from persistence.audit.findings import Violation
from persistence.errors import PersistenceError, Unavailable
from persistence.keys import Keys
from persistence.link.redis_link import Argument, RedisLink
from persistence.records import JournalEntry
from persistence.sessions.mirror import value_of
from persistence.sessions.session_fields import session_of
from persistence.sessions.session_state import CLOSING, LIVE, QUARANTINED

_entry = msgspec.json.Decoder(JournalEntry).decode
# So many sessions in one round trip.
_AT_ONCE = 50
_PAGE = 1000
# A journal entry weighs as much as so many fields of a session.
_ENTRY_WEIGHT = 8

Fields = dict[bytes, bytes]


class Kept(Struct, frozen=True):
    """What Redis has of one character.

    ``due``: whether it is in its due queue. ``damage``: why there is nothing more.
    """

    char_id: str
    fields: Fields
    journal: list[bytes]
    due: bool
    done: Fields
    damage: str = ""


def _word(text: str) -> str:
    """A status as it is, out of the JSON that a session has."""
    return text.strip('"')


STATUSES = frozenset(map(_word, (LIVE, CLOSING, QUARANTINED)))


class Live(Struct, frozen=True):
    """A session that can be read: its head, its items, its own entries, and what it was read from."""

    kept: Kept
    status: str
    gen: str
    epoch: int
    incarnation: int
    flushed_seq: int
    session: InventorySessionDTO
    entries: tuple[JournalEntry, ...]

    @property
    def seq(self) -> int:
        """How many calls it has applied."""
        return self.session.seq

    @property
    def is_quarantined(self) -> bool:
        """Whether it is out of play until an operator has looked."""
        return self.status == _word(QUARANTINED)

    def is_playable_on(self, node_gen: str) -> bool:
        """Whether a command would be carried out, were it of the right rules."""
        return self.status == _word(LIVE) and self.gen == node_gen

    @property
    def stands(self) -> tuple[str, int, int, int]:
        """Two readings that are equal in this are of the same state."""
        return self.gen, self.epoch, self.incarnation, self.session.seq


def live_of(kept: Kept) -> Live | Violation:
    """The session in what was kept, or what of it cannot be read."""
    fields = kept.fields
    if kept.damage:
        return Violation(findings.RECOUNT, kept.char_id, f"its session cannot be read: {kept.damage}")
    try:
        entries = tuple(map(_entry, kept.journal))
    except ValueError as error:
        return Violation(findings.JOURNAL, kept.char_id, f"its session's journal cannot be read: {error}")
    try:
        return Live(
            kept,
            msgspec.json.decode(fields[b"status"], type=str),
            msgspec.json.decode(fields[b"gen"], type=str),
            int(fields[b"epoch"]),
            int(fields[b"incarnation"]),
            int(fields[b"flushed_seq"]),
            session_of(kept.char_id, fields),
            entries,
        )
    except KeyError as error:
        text = f"its session has no field {error.args[0].decode()}"
    except ValueError as error:
        text = f"its session cannot be read: {error}"
    return Violation(findings.RECOUNT, kept.char_id, text)


class Sessions:
    """Reads what is in Redis, and writes nothing."""

    def __init__(self, link: RedisLink, keys: Keys) -> None:
        """Sessions under ``keys``."""
        self._link = link
        self.keys = keys

    async def check_shards(self) -> None:
        """Raise ``PersistenceError`` where keys are for another number of shards: none would be found."""
        (kept,) = await self.send([("GET", self.keys.shard_count)])
        if kept is not None and int(kept) != self.keys.shards:
            raise PersistenceError(
                f"sessions here are kept in {int(kept)} shards, not {self.keys.shards}: set HAVERSACK_SHARDS"
            )

    async def node_gen(self) -> str:
        """Which node this is, spelled as sessions spell it."""
        text = b"\n".join(await self.send([("INFO", "server"), ("INFO", "replication")])).decode()
        found = dict(line.strip().partition(":")[::2] for line in text.splitlines())
        return f"{found.get('run_id')}:{found.get('master_replid')}"

    async def weights(self, char_ids: Sequence[str]) -> list[int]:
        """How much there is to read of each, in fields; 0 where there is no session."""
        commands: list[tuple[Argument, ...]] = []
        for char_id in char_ids:
            keys = self.keys.of(char_id)
            commands += (("HLEN", keys.session), ("LLEN", keys.journal))
        replies = await self._link.send(commands, harmless=True) if commands else []
        return [
            _length(fields) + _ENTRY_WEIGHT * _length(entries)
            for fields, entries in zip(replies[::2], replies[1::2], strict=True)
        ]

    async def read(self, char_ids: Sequence[str]) -> dict[str, Kept]:
        """What is kept of those who have a session, each of one moment."""
        found: dict[str, Kept] = {}
        for first in range(0, len(char_ids), _AT_ONCE):
            part = char_ids[first : first + _AT_ONCE]
            replies = await self.send([command for char_id in part for command in self._whole(char_id)])
            for char_id, reply in zip(part, replies[5::6], strict=True):
                if damage := [part for part in reply if isinstance(part, Exception)]:
                    found[char_id] = Kept(char_id, {}, [], due=False, done={}, damage=str(damage[0]))
                elif reply[0]:
                    fields, journal, due, done = reply
                    found[char_id] = Kept(char_id, _mapping(fields), journal, due is not None, _mapping(done))
        return found

    async def keys_like(self, match: str) -> AsyncIterator[list[bytes]]:
        """All keys that match, in pages; one may come twice."""
        async for page in self._pages(("SCAN",), ("MATCH", match)):
            yield page

    async def queued(self, due: str) -> AsyncIterator[list[bytes]]:
        """Everyone in a due queue, in pages; one may come twice."""
        async for page in self._pages(("ZSCAN", due), ()):
            yield page[::2]

    async def send(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """Replies to commands that only read; raises ``Unavailable`` where one is an error."""
        try:
            return list(map(value_of, await self._link.send(commands, harmless=True))) if commands else []
        except ResponseError as error:
            raise Unavailable(f"Redis: {error}") from error

    async def _pages(
        self, command: tuple[Argument, ...], options: tuple[Argument, ...]
    ) -> AsyncIterator[list[bytes]]:
        cursor: Argument = 0
        while cursor != b"0":
            ((cursor, page),) = await self.send([(*command, cursor, "COUNT", _PAGE, *options)])
            if page:
                yield page

    def _whole(self, char_id: str) -> list[tuple[Argument, ...]]:
        keys = self.keys.of(char_id)
        return [
            ("MULTI",),
            ("HGETALL", keys.session),
            ("LRANGE", keys.journal, 0, -1),
            ("ZSCORE", keys.due, char_id),
            ("HGETALL", keys.done),
            ("EXEC",),
        ]


def _length(reply: object) -> int:
    # What is of another type than it should be is short, and is found out when it is read.
    return reply if isinstance(reply, int) else 1


def _mapping(flat: Sequence[bytes]) -> Fields:
    return dict(zip(flat[::2], flat[1::2], strict=True))
