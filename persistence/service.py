"""Wires sessions, store, item catalog and flusher together, and takes them apart again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct
from redis.exceptions import ResponseError

from engine.ruleset import Ruleset
from lua.library import Library
from persistence.errors import PersistenceError
from persistence.evictor import Evictor
from persistence.flusher import LEASE_MS, Flusher
from persistence.housekeeping import Housekeeper
from persistence.item_gateway import ItemGateway
from persistence.keys import Keys
from persistence.loader import Loader
from persistence.mirror import Mirror
from persistence.orchestrator import InventoryOrchestrator
from persistence.redis_link import RedisLink
from persistence.session_manager import InventorySessionManager
from persistence.store import InventoryStore
from persistence.work_queue import WorkQueue
from persistence.write_behind import WriteBehind


class ServiceSettings(Struct, frozen=True):
    """Where the servers are, and how sessions and ledger are kept; units stand at the names' ends."""

    redis_url: str
    database_url: str
    flush_interval_ms: int = 100
    idle_evict_s: int = 900
    unflushed_max_s: int = 30
    journal_keep_days: int = 0
    shards: int = 1
    key_prefix: str = "inventory:"


@asynccontextmanager
async def open_service(
    settings: ServiceSettings, ruleset: Ruleset, *, flushing: bool = True, last: bool = False
) -> AsyncIterator[InventoryOrchestrator]:
    """A running service; at the end, what is dirty is flushed and connections are closed.

    Raises ``Unavailable`` when a server cannot be reached, ``PersistenceError`` when one is not
    fit to serve. Without ``flushing``, others must flush, and keep house. The ``last`` of a deployment
    flushes also what flushers that have died were about to.
    """
    async with AsyncExitStack() as stack:
        link = RedisLink(settings.redis_url)
        stack.push_async_callback(link.close)
        await check_redis(link)
        keys = Keys(settings.key_prefix, settings.shards)
        await check_shards(link, keys)
        library = Library(ruleset)
        mirror = Mirror(link, library)
        await mirror.load()
        # With a connection of their own: what flushes and loads send is large, and a player's call would
        # wait behind it.
        background = RedisLink(settings.redis_url)
        stack.push_async_callback(background.close)
        behind = Mirror(background, library)
        store = await InventoryStore.connect(settings.database_url, ruleset)
        stack.push_async_callback(store.close)
        items = ItemGateway(store)
        await items.start()
        stack.push_async_callback(items.close)
        sessions, loading = (
            InventorySessionManager(
                over,
                ruleset,
                keys,
                flush_interval_ms=settings.flush_interval_ms,
                idle_evict_ms=settings.idle_evict_s * 1000,
                unflushed_max_ms=settings.unflushed_max_s * 1000,
            )
            for over in (mirror, behind)
        )
        work = WorkQueue(
            behind,
            keys,
            flush_interval_ms=settings.flush_interval_ms,
            idle_evict_ms=settings.idle_evict_s * 1000,
        )
        # A load may have to flush first and a flush may have to load first, so the two know each
        # other by way of these names.
        loader = Loader(loading, work, store, items, ruleset, lambda char_id: writes.flush([char_id]))
        writes = WriteBehind(sessions, work, store, loader.adopt)
        interval_ms = settings.flush_interval_ms
        # One lease for both: by its length a close tells a session that is claimed from one that has
        # been played since.
        lease_ms = max(LEASE_MS, 2 * interval_ms)
        evictor = Evictor(sessions, work, store, writes, lease_ms=lease_ms)
        flusher = Flusher(work, writes, evictor, interval_ms=interval_ms, lease_ms=lease_ms)
        if flushing:
            housekeeper = Housekeeper(store.database, settings.journal_keep_days)
            housekeeper.start()
            stack.push_async_callback(housekeeper.stop)
            flusher.start()
            stack.push_async_callback(flusher.stop, last=last)
        yield InventoryOrchestrator(ruleset, items, store, sessions, work, loader, flusher, evictor)


async def check_redis(link: RedisLink) -> None:
    """Refuse a server that may throw sessions away; raises ``PersistenceError``."""
    try:
        reply = await link.call("CONFIG", "GET", "maxmemory-policy", harmless=True)
    except ResponseError:
        # Managed servers keep CONFIG to themselves; INFO has it as well.
        info = await link.call("INFO", "memory", harmless=True)
        policy = next(
            (line.partition(b":")[2] for line in info.splitlines() if line.startswith(b"maxmemory_policy")),
            b"",
        )
    else:
        policy = reply[1]
    if policy != b"noeviction":
        raise PersistenceError(
            f"Redis runs with maxmemory-policy {policy.decode()}: it could throw away sessions that are"
            " not flushed yet. Set it to noeviction."
        )


async def check_shards(link: RedisLink, keys: Keys) -> None:
    """Refuse another number of shards than sessions were kept under: they would not be found again.

    Raises ``PersistenceError``.
    """
    await link.call("SETNX", keys.shard_count, keys.shards, harmless=True)
    kept = int(await link.call("GET", keys.shard_count, harmless=True))
    if kept != keys.shards:
        raise PersistenceError(
            f"sessions here are kept in {kept} shards, not {keys.shards}: HAVERSACK_SHARDS stays the same"
            " for the life of a deployment"
        )
