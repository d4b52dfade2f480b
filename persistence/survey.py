"""What the whole deployment has just now: sessions, what waits for PostgreSQL, who is set aside.

It is looked up when somebody wants to know, and not counted: it outlives processes, and others change it.
"""

from itertools import islice
from typing import Any, Final

from msgspec import Struct
from redis.exceptions import RedisError

from persistence.errors import PersistenceError
from persistence.items.item_gateway import ItemGateway
from persistence.keys import Keys
from persistence.link.redis_link import Argument, RedisLink
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore
from persistence.sessions.mirror import value_of

# Of sessions that may have changes so many are looked at. While flushes go well there are fewer.
LOOKED_AT_MAX: Final = 5_000
# Answers of one round trip; to write and read more at a time would hold up everybody else's.
_PAGE: Final = 250
# Who has changes is due in so long at the most: after the flush interval, or when a claim's lease ends.
_HORIZON_MIN_MS: Final = 5_000


class Backlog(Struct, frozen=True):
    """What Redis holds. ``oldest_ms``: the age of the oldest change that is not flushed, 0 without any."""

    sessions: int
    unflushed: int
    oldest_ms: int


class Memory(Struct, frozen=True):
    """Redis's memory in bytes; ``most`` is its ``maxmemory``, 0 without one."""

    used: int
    most: int


class Aside(Struct, frozen=True):
    """Characters in quarantine, and those whose changes the receiver of deliveries does not take."""

    quarantined: int
    outbox_refused: int


class Surveyed(Struct, frozen=True):
    """What was found; None of what could not be asked."""

    redis: bool
    postgresql: bool
    backlog: Backlog | None = None
    memory: Memory | None = None
    aside: Aside | None = None
    item_service_age_ms: int | None = None


class Survey:
    """Looks around in Redis and PostgreSQL."""

    def __init__(
        self,
        link: RedisLink,
        keys: Keys,
        store: InventoryStore,
        items: ItemGateway,
        *,
        flush_interval_ms: int,
    ) -> None:
        """``link`` had better not be the one that players' calls go by."""
        self._items = items
        self._link = link
        self._keys = keys
        self._store = store
        self._horizon_ms = max(_HORIZON_MIN_MS, 3 * flush_interval_ms)

    async def take(self) -> Surveyed:
        """Look once. Nothing is raised for what is away: the answer tells."""
        backlog = memory = aside = age_ms = None
        redis = postgresql = False
        try:
            await self._ask([("PING",)])
            redis = True
            memory = await self._memory()
            backlog = await self._backlog()
        except (PersistenceError, RedisError):
            # It has gone away meanwhile, or keeps something to itself.
            pass
        try:
            aside = await self._aside()
            postgresql = True
            age_ms = await self._item_service_age_ms()
        except PersistenceError:
            pass
        return Surveyed(redis, postgresql, backlog, memory, aside, age_ms)

    async def _backlog(self) -> Backlog:
        queues = self._keys.due_queues()
        time, *counts = await self._ask([("TIME",), *(("ZCARD", queue) for queue in queues)])
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        most = max(1, LOOKED_AT_MAX // len(queues))
        due = await self._ask(
            [
                ("ZRANGEBYSCORE", queue, "-inf", now_ms + self._horizon_ms, "LIMIT", 0, most)
                for queue, count in zip(queues, counts, strict=True)
                if count
            ]
        )
        since: list[int] = []
        # One that no character can be is the audit's to find.
        members = (member.decode("utf-8", "replace") for found in due for member in found)
        while page := list(islice(members, _PAGE)):
            sessions = (self._keys.of_flush(char_id)[0] for char_id in page)
            found = await self._ask([("HGET", session, "dirty_since") for session in sessions])
            # One that is damaged is the flusher's to find.
            since += [int(text) for text in found if text and text.isdigit()]
        return Backlog(sum(counts), len(since), max(0, now_ms - min(since)) if since else 0)

    async def _memory(self) -> Memory | None:
        """None where the server keeps it to itself."""
        try:
            (told,) = await self._ask([("INFO", "memory")])
        except RedisError:
            return None
        lines = (line.partition(b":") for line in told.split())
        known = {name: value for name, _, value in lines if name in (b"used_memory", b"maxmemory")}
        if not known.keys() >= {b"used_memory"}:
            return None
        return Memory(int(known[b"used_memory"]), int(known.get(b"maxmemory", 0)))

    async def _aside(self) -> Aside:
        async with self._store.database.connection() as connection:
            row = await connection.fetchrow(query("survey_aside"))
        assert row is not None
        return Aside(row["quarantined"], row["outbox_refused"])

    async def _item_service_age_ms(self) -> int | None:
        """None where no service is followed, or where it has never answered."""
        if self._items.feed is None:
            return None
        age_s = (await self._items.feed.state()).age_s
        return None if age_s is None else round(age_s * 1000)

    async def _ask(self, commands: list[tuple[Argument, ...]]) -> list[Any]:
        if not commands:
            return []
        return list(map(value_of, await self._link.send(commands, harmless=True)))
