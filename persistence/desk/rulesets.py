"""Under which ruleset a character is played, as far as that is known.

An operator's command judges by the ruleset of its own settings. Under another than the game's it would take
valid items for misplaced ones and move them, so it has to be asked before.
"""

from typing import Any, Final, Literal

from msgspec import Struct

from persistence.keys import Keys
from persistence.link.redis_link import Argument, RedisLink
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore
from persistence.sessions.mirror import value_of

# So many sessions are looked at, of those that are to be looked after last: they were played last.
LOOKED_AT: Final = 32


class Standing(Struct, frozen=True):
    """The hashes of rulesets, and whose they are.

    The character's own session's, other sessions', or the catalog's; none where nobody plays and no catalog
    was ever imported.
    """

    hashes: frozenset[str]
    of: Literal["session", "sessions", "catalog"]


async def standing(store: InventoryStore, link: RedisLink, keys: Keys, char_id: str) -> Standing:
    """What tells most: the character's session, else sessions that were played lately, else the catalog.

    Raises ``Unavailable``. The catalog's is the ruleset that its newest version was checked against.
    """
    if own := await _of_sessions(link, [keys.of(char_id).session]):
        return Standing(own, "session")
    latest = await _latest(link, keys)
    if others := await _of_sessions(link, [keys.of(one).session for one in latest]):
        return Standing(others, "sessions")
    async with store.database.connection() as connection:
        row = await connection.fetchrow(query("newest_catalog"))
    return Standing(frozenset() if row is None else frozenset({row["ruleset"]}), "catalog")


async def _latest(link: RedisLink, keys: Keys) -> list[str]:
    queues = keys.due_queues()
    counts = await _ask(link, [("ZCARD", queue) for queue in queues])
    full = [(queue, count) for queue, count in zip(queues, counts, strict=True) if count][:LOOKED_AT]
    most = LOOKED_AT // max(1, len(full))
    found = await _ask(
        link,
        [
            ("ZRANGEBYSCORE", queue, "-inf", "+inf", "LIMIT", max(0, count - most), most)
            for queue, count in full
        ],
    )
    return [member.decode() for members in found for member in members]


async def _of_sessions(link: RedisLink, sessions: list[str]) -> frozenset[str]:
    """The rulesets of those that are there; as heads keep them, without the quotes."""
    found = await _ask(link, [("HGET", session, "ruleset") for session in sessions])
    return frozenset(text.decode("utf-8", "replace").strip('"') for text in found if text)


async def _ask(link: RedisLink, commands: list[tuple[Argument, ...]]) -> list[Any]:
    return list(map(value_of, await link.send(commands, harmless=True))) if commands else []
