"""Wires sessions, store, item catalog and flusher together, and takes them apart again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct
from redis.exceptions import ResponseError

from engine.ruleset import Ruleset
from lua.library import Library
from persistence import measures
from persistence.desk.erasure import Eraser
from persistence.errors import PersistenceError
from persistence.events.feed import EventFeed
from persistence.events.reading import EventReader
from persistence.items.follower import CatalogFollower
from persistence.items.item_gateway import ItemGateway
from persistence.items.item_service import ItemService
from persistence.items.postgres_catalog import PostgresCatalog
from persistence.keys import Keys
from persistence.link.redis_link import RedisLink
from persistence.meters import Meters
from persistence.orchestrator import InventoryOrchestrator
from persistence.outbox.outbox import Outbox
from persistence.outbox.signing import secrets_of
from persistence.outbox.target import sink_of
from persistence.postgres.database import Database
from persistence.postgres.store import InventoryStore
from persistence.protocol.evictor import Evictor
from persistence.protocol.flusher import LEASE_MS, Flusher
from persistence.protocol.housekeeping import Housekeeper
from persistence.sessions.libraries import Libraries
from persistence.sessions.mirror import Mirror
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.work_queue import WorkQueue
from persistence.spans import Spans
from persistence.survey import Survey
from persistence.traced import parts_of


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
    items_url: str | None = None
    items_token: str | None = None
    items_poll_s: int = 30
    outbox_url: str | None = None
    outbox_secret: str | None = None


@asynccontextmanager
async def open_service(
    settings: ServiceSettings,
    ruleset: Ruleset,
    *,
    flushing: bool = True,
    last: bool = False,
    meters: Meters | None = None,
    spans: Spans | None = None,
) -> AsyncIterator[InventoryOrchestrator]:
    """A running service; at the end, what is dirty is flushed and connections are closed.

    Raises ``Unavailable`` when a server cannot be reached, ``PersistenceError`` when one is not
    fit to serve. Without ``flushing``, others must flush, and keep house. The ``last`` of a deployment
    flushes also what flushers that have died were about to. It counts in ``meters``, which know all that is
    ``measures.PERSISTENCE``, and is traced by ``spans``.
    """
    meters = meters or Meters(measures.PERSISTENCE)
    parts = parts_of(spans)
    async with AsyncExitStack() as stack:
        link = parts.link(settings.redis_url, meters=meters, name="calls")
        stack.push_async_callback(link.close)
        await check_redis(link)
        keys = Keys(settings.key_prefix, settings.shards)
        await check_shards(link, keys)
        library = Library(ruleset)
        mirror = Mirror(link, library)
        await mirror.load()
        # With a connection of their own: what flushes and loads send is large, and a player's call would
        # wait behind it.
        background = parts.link(settings.redis_url, meters=meters, name="background")
        stack.push_async_callback(background.close)
        behind = Mirror(background, library)
        store = await InventoryStore.connect(settings.database_url, ruleset)
        stack.push_async_callback(store.close)
        items = ItemGateway(PostgresCatalog(store))
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
        # other by way of these names. Where a new catalog has all sessions loaded anew, flushes are shared.
        loader = parts.loader(
            loading, work, store, items, ruleset, lambda char_id: flusher.flush_now(char_id), meters=meters
        )
        writes = parts.writes(sessions, work, store, loader.adopt, meters=meters)
        interval_ms = settings.flush_interval_ms
        # One lease for both: by its length a close tells a session that is claimed from one that has
        # been played since.
        lease_ms = max(LEASE_MS, 2 * interval_ms)
        evictor = Evictor(sessions, work, store, writes, lease_ms=lease_ms, meters=meters)
        flusher = Flusher(work, writes, evictor, interval_ms=interval_ms, lease_ms=lease_ms, meters=meters)
        _watch(meters, store.database, items)
        if flushing:
            eraser = Eraser(store, sessions, lambda char_id, **_: evictor.evict(char_id))
            housekeeper = Housekeeper(
                store.database, settings.journal_keep_days, also=[eraser.finish_abandoned]
            )
            housekeeper.start()
            stack.push_async_callback(housekeeper.stop)
            libraries = Libraries(behind)
            libraries.start()
            stack.push_async_callback(libraries.stop)
            if settings.items_url is not None and not last:
                items.feed = _follower(settings, store, settings.items_url)
                items.feed.start()
                _tally_feed(meters, items.feed)
                stack.push_async_callback(items.feed.stop)
            if settings.outbox_url is not None and not last:
                outbox = _outbox(settings, store, settings.outbox_url)
                writes.committed = outbox.note
                outbox.start()
                _watch_outbox(meters, outbox)
                stack.push_async_callback(outbox.stop)
            flusher.start()
            stack.push_async_callback(flusher.stop, last=last)
        events = EventFeed(EventReader(behind, keys, store.database))
        stack.push_async_callback(events.close)
        survey = Survey(background, keys, store, items, flush_interval_ms=interval_ms)
        yield InventoryOrchestrator(
            ruleset, items, store, sessions, work, loader, flusher, evictor, events, survey
        )


def _watch(meters: Meters, database: Database, items: ItemGateway) -> None:
    meters.watch(measures.POSTGRESQL_CONNECTIONS, lambda: database.connections[0], "used")
    meters.watch(measures.POSTGRESQL_CONNECTIONS, lambda: database.connections[1], "idle")
    meters.watch(measures.POSTGRESQL_CONNECTIONS_MAX, lambda: database.connections[2])
    meters.watch(measures.CATALOG_VERSION, lambda: items.version)


def _watch_outbox(meters: Meters, outbox: Outbox) -> None:
    meters.tally(measures.OUTBOX_DELIVERED, lambda: outbox.delivered)
    meters.watch(measures.OUTBOX_STALLED, lambda: round(outbox.stalled_s * 1000))


def _tally_feed(meters: Meters, feed: CatalogFollower) -> None:
    meters.tally(measures.ITEM_SERVICE_CHECKS, lambda: feed.checks - feed.failed_checks, "done")
    meters.tally(measures.ITEM_SERVICE_CHECKS, lambda: feed.failed_checks, "failed")


def _follower(settings: ServiceSettings, store: InventoryStore, url: str) -> CatalogFollower:
    service = ItemService(url, settings.items_token, store.ruleset)
    return CatalogFollower(store, service, url, poll_s=settings.items_poll_s)


def _outbox(settings: ServiceSettings, store: InventoryStore, url: str) -> Outbox:
    sink = sink_of(url, secrets_of(settings.outbox_secret) if settings.outbox_secret else ())
    return Outbox(settings.database_url, store.database, sink)


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
