"""What a session takes in Redis, beside the same session as compact JSON.

Sessions are opened as a load opens them, with nothing unflushed and no operation ids. ``MEMORY USAGE``
counts the hash with all its fields, its key and what the allocator rounds up to.
"""

import random

import msgspec
import redis
from msgspec import Struct

from benchmarks.world import ACTOR, catalog, inventory
from engine.ruleset import Ruleset
from engine.state import InventorySessionDTO
from gateway.handlers import views
from gateway.http.responses import encode
from lua.library import Library
from persistence.keys import Keys
from persistence.link.redis_link import RedisLink
from persistence.sessions.mirror import Mirror
from persistence.sessions.session_manager import InventorySessionManager

SIZES = (20, 80, 400, 2000)
PREFIX = "memory:"


class Memory(Struct, frozen=True):
    """Bytes by number of items: of the session in Redis, of the DTO as JSON, of the reply to a GET."""

    session_bytes: dict[int, int]
    json_bytes: dict[int, int]
    reply_bytes: dict[int, int]


async def measure(redis_url: str, ruleset: Ruleset, seed: int) -> Memory:
    """Open a session of each size, look, and delete it."""
    rng = random.Random(seed)
    link = RedisLink(redis_url)
    client = redis.Redis.from_url(redis_url)
    keys = Keys(PREFIX)
    manager = InventorySessionManager(
        Mirror(link, Library(ruleset)), ruleset, keys, flush_interval_ms=100, idle_evict_ms=900_000
    )
    memory = Memory({}, {}, {})
    try:
        for size in SIZES:
            session = _session(rng, ruleset, size)
            probe = await manager.probe(session.char_id)
            await manager.open(session, probe=probe, epoch=1, incarnation=1, catalog=1)
            key = keys.of(session.char_id).session
            memory.session_bytes[size] = client.memory_usage(key, samples=0) or 0
            memory.json_bytes[size] = len(msgspec.json.encode(session))
            live = await manager.read(session.char_id)
            memory.reply_bytes[size] = len(encode(views.inventory(live, list(session.items.values()))))
    finally:
        await link.close()
        client.delete(*client.scan_iter(f"{PREFIX}*"), PREFIX)
        client.close()
    return memory


def _session(rng: random.Random, ruleset: Ruleset, size: int) -> InventorySessionDTO:
    facts = {template.facts.template_id: template.facts for template in catalog()}
    of = inventory(rng, size)
    items = {item.item_id: item for item in of.items()}
    known = {item.template_id: facts[item.template_id] for item in items.values()}
    return InventorySessionDTO(of.char_id, 0, ruleset.hash, ACTOR, items, known)
