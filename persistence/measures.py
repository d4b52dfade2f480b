"""What persistence measures; the names are those that metrics are exported under."""

from typing import Final

from persistence.meters import Meter, Spread, counter, gauge, histogram

# Players' calls have a connection of their own, beside that of loads, flushes and evictions.
LINKS: Final = ("calls", "background")

REDIS_SECONDS: Final = histogram(
    "haversack_redis_seconds",
    "From sending a call to Redis to its reply; of replies that are read together, that of the oldest call.",
    link=LINKS,
)
REDIS_CONNECTIONS: Final = counter(
    "haversack_redis_connections",
    "Connections made to Redis; after the first, each replaces one that was lost.",
    link=LINKS,
)
REDIS_IN_FLIGHT: Final = gauge(
    "haversack_redis_in_flight", "Commands sent to Redis and not answered yet.", link=LINKS
)
REDIS_WAITING: Final = gauge("haversack_redis_waiting", "Calls that wait to be sent to Redis.", link=LINKS)

POSTGRESQL_CONNECTIONS: Final = gauge(
    "haversack_postgresql_connections", "Connections to PostgreSQL.", state=("used", "idle")
)
POSTGRESQL_CONNECTIONS_MAX: Final = gauge(
    "haversack_postgresql_connections_max", "So many connections to PostgreSQL may be open."
)

FLUSH_OUTCOMES: Final = ("written", "refused", "unavailable", "unknown")
FLUSH_BATCHES: Final = counter(
    "haversack_flush_batches",
    "Batches of changes sent to PostgreSQL: written; refused because of a row, and then sent in parts;"
    " not sent because PostgreSQL is away; sent without an answer.",
    outcome=FLUSH_OUTCOMES,
)
FLUSH_SESSIONS: Final = counter("haversack_flush_sessions", "Sessions whose changes were written.")
FLUSH_ENTRIES: Final = counter(
    "haversack_flush_entries", "Journal entries written: one for each applied call."
)
FLUSH_SECONDS: Final = histogram("haversack_flush_seconds", "PostgreSQL's time for a batch that was written.")
FLUSH_LAG: Final = histogram(
    "haversack_flush_lag_seconds", "The age of the oldest change of each batch when PostgreSQL had it."
)
FLUSHER_PAUSES: Final = counter(
    "haversack_flusher_pauses", "Times that the flusher has put its work off, after something went wrong."
)

QUARANTINES: Final = counter("haversack_quarantines", "Characters that were set aside.")
INCIDENTS: Final = counter(
    "haversack_incidents",
    "Sessions that had to give way to PostgreSQL's state; what they had is in incidents.",
)

LOAD_RESULTS: Final = ("loaded", "live", "refused", "failed")
LOADS: Final = counter(
    "haversack_loads",
    "Loads that were asked for: done; not needed, because the session was live; refused, because there is no"
    " such character or it is quarantined; failed.",
    result=LOAD_RESULTS,
)
LOAD_SECONDS: Final = histogram(
    "haversack_load_seconds", "From asking for a session to its being live, where that took a load."
)
EVICTION_RESULTS: Final = ("ended", "failed")
EVICTIONS: Final = counter(
    "haversack_evictions",
    "Sessions that were ended, and ends that failed and are tried again.",
    result=EVICTION_RESULTS,
)

OUTBOX_DELIVERED: Final = counter(
    "haversack_outbox_entries", "Journal entries that were delivered to other systems."
)
OUTBOX_STALLED: Final = gauge(
    "haversack_outbox_stalled_seconds",
    "For how long the receiver of deliveries has been away, or has put off what waits for it; 0 while it"
    " answers, and while nothing waits.",
    unit=1e-3,
)
ITEM_SERVICE_CHECKS: Final = counter(
    "haversack_item_service_checks",
    "Times that the item service was asked for its catalog, and what came of it.",
    result=("done", "failed"),
)
CATALOG_VERSION: Final = gauge("haversack_catalog_version", "The version of the item catalog that is served.")

PERSISTENCE: Final[tuple[Meter, ...]] = (
    REDIS_SECONDS,
    REDIS_CONNECTIONS,
    REDIS_IN_FLIGHT,
    REDIS_WAITING,
    POSTGRESQL_CONNECTIONS,
    POSTGRESQL_CONNECTIONS_MAX,
    FLUSH_BATCHES,
    FLUSH_SESSIONS,
    FLUSH_ENTRIES,
    FLUSH_SECONDS,
    FLUSH_LAG,
    FLUSHER_PAUSES,
    QUARANTINES,
    INCIDENTS,
    LOADS,
    LOAD_SECONDS,
    EVICTIONS,
    OUTBOX_DELIVERED,
    OUTBOX_STALLED,
    ITEM_SERVICE_CHECKS,
    CATALOG_VERSION,
)

# What belongs to the whole deployment is looked up, not counted; any process may be the one that looks.
REDIS_UP: Final = gauge("haversack_redis_up", "1 when Redis answers, else 0.", spread=Spread.NEWEST)
POSTGRESQL_UP: Final = gauge(
    "haversack_postgresql_up", "1 when PostgreSQL answers, else 0.", spread=Spread.NEWEST
)
SESSIONS: Final = gauge("haversack_sessions", "Sessions in Redis.", spread=Spread.NEWEST)
UNFLUSHED_SESSIONS: Final = gauge(
    "haversack_unflushed_sessions",
    "Sessions with changes that PostgreSQL does not have yet; at most 5,000 are looked at.",
    spread=Spread.NEWEST,
)
OLDEST_UNFLUSHED: Final = gauge(
    "haversack_oldest_unflushed_seconds",
    "The age of the oldest change that PostgreSQL does not have yet, of the sessions that are looked at.",
    unit=1e-3,
    spread=Spread.NEWEST,
)
QUARANTINED: Final = gauge(
    "haversack_quarantined_characters", "Characters that are set aside now.", spread=Spread.NEWEST
)
OUTBOX_REFUSED: Final = gauge(
    "haversack_outbox_refused_characters",
    "Characters whose changes the receiver of deliveries does not take; they are tried again and again.",
    spread=Spread.NEWEST,
)
ITEM_SERVICE_AGE: Final = gauge(
    "haversack_item_service_age_seconds",
    "How long ago the item service last answered with a catalog that was taken, or with nothing new.",
    unit=1e-3,
    spread=Spread.NEWEST,
)
REDIS_MEMORY: Final = gauge(
    "haversack_redis_memory_bytes", "Memory that Redis uses for data, where it tells.", spread=Spread.NEWEST
)
REDIS_MEMORY_MAX: Final = gauge(
    "haversack_redis_memory_max_bytes", "Redis's maxmemory, 0 without one.", spread=Spread.NEWEST
)

SURVEYED: Final[tuple[Meter, ...]] = (
    REDIS_UP,
    POSTGRESQL_UP,
    SESSIONS,
    UNFLUSHED_SESSIONS,
    OLDEST_UNFLUSHED,
    QUARANTINED,
    OUTBOX_REFUSED,
    ITEM_SERVICE_AGE,
    REDIS_MEMORY,
    REDIS_MEMORY_MAX,
)
