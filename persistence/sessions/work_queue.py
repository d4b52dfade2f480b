"""What sessions have for PostgreSQL: who is due, what waits, and what has become of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from redis.exceptions import ResponseError

from persistence.keys import Keys
from persistence.link.redis_link import Argument
from persistence.sessions.mirror import Mirror, value_of
from persistence.sessions.session_state import Pending

# Sessions that one call settles: the server does nothing else meanwhile, so it is kept below a millisecond.
SETTLED_AT_ONCE: Final = 100


class WorkQueue:
    """The flusher's side of sessions in Redis: due queues, journals, and incidents.

    Every method raises ``Unavailable``; whatever it has done may be done again.
    """

    def __init__(self, mirror: Mirror, keys: Keys, *, flush_interval_ms: int, idle_evict_ms: int) -> None:
        """Over ``mirror``, whose link had better not be the one that players' calls go by."""
        self._mirror = mirror
        self._keys = keys
        self._flush_interval_ms = flush_interval_ms
        self._idle_evict_ms = idle_evict_ms

    async def claim(self, *, limit: int, lease_ms: int, horizon_ms: int = 0) -> list[str]:
        """Lease sessions that need attention within ``horizon_ms``, longest due first, ``limit`` a queue."""
        commands = [
            self._mirror.command_of_many("work_claim", [due], limit, lease_ms, horizon_ms)
            for due in self._keys.due_queues()
        ]
        replies = await self._mirror.send(commands, harmless=True)
        return [member.decode() for reply in replies for member in reply]

    async def pending(self, char_ids: Sequence[str], *, limit: int) -> dict[str, Pending]:
        """Heads and up to ``limit`` journal entries each, in one round trip; absent sessions are left out."""
        commands: list[tuple[Argument, ...]] = []
        for char_id in char_ids:
            session, journal, _ = self._keys.of_flush(char_id)
            commands.append(("HMGET", session, *Pending.HEAD))
            commands.append(("LRANGE", journal, 0, limit - 1))
        if not commands:
            return {}
        replies = await self._mirror.link.send(commands, harmless=True)
        found: dict[str, Pending] = {}
        for char_id, head, texts in zip(char_ids, replies[::2], replies[1::2], strict=True):
            if damage := _wrong_type(head) or _wrong_type(texts):
                found[char_id] = Pending("", 0, 0, 0, 0, (), damage=damage)
            elif value_of(head)[0] is not None:
                found[char_id] = Pending.of(head, value_of(texts))
        return found

    async def leave(self, char_id: str) -> None:
        """Let nobody claim the character any more, until it is played again."""
        due = self._keys.of_flush(char_id)[2]
        await self._mirror.link.call("ZREM", due, char_id, harmless=True)

    async def settle(self, flushed: Mapping[str, tuple[int, int]]) -> None:
        """Tell sessions, by character, a flush's epoch and the seq that PostgreSQL has; in one round trip."""
        by_queue: defaultdict[str, list[tuple[str, str, int, int]]] = defaultdict(list)
        for char_id, (epoch, seq) in flushed.items():
            session, journal, due = self._keys.of_flush(char_id)
            by_queue[due].append((session, journal, epoch, seq))
        commands = []
        for due, settled in by_queue.items():
            todo = iter(settled)
            while page := list(islice(todo, SETTLED_AT_ONCE)):
                keys, args = [due], [self._flush_interval_ms, self._idle_evict_ms]
                for session, journal, epoch, seq in page:
                    keys += (session, journal)
                    args += (epoch, seq)
                commands.append(self._mirror.command_of_many("session_settle", keys, *args))
        if commands:
            await self._mirror.send(commands, harmless=True)

    async def incident(self, char_id: str) -> list[bytes]:
        """Journal entries, as JSON, that were set aside and are still kept here."""
        found: list[bytes] = await self._mirror.link.call(
            "LRANGE", self._keys.of(char_id).incident, 0, -1, harmless=True
        )
        return found

    async def forget_incident(self, char_id: str, entries: Sequence[bytes]) -> None:
        """Drop those of them that are kept elsewhere now, and no others that have come since."""
        incident = self._keys.of(char_id).incident
        await self._mirror.link.send([("LREM", incident, 1, text) for text in entries], harmless=True)


def _wrong_type(reply: object) -> str:
    """What is wrong where something else stands under a session's key; "" for any other reply."""
    is_wrong = isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE")
    return f"its session cannot be read: {reply}" if is_wrong else ""
