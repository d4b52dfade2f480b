"""Deployments of the small world, and the judgement of what was recorded on them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import redis

from engine.ruleset import Ruleset
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.postgres.store import InventoryStore
from persistence.service import ServiceSettings
from tests.linearizability.by_seq import legal_by_seq
from tests.linearizability.checker import check
from tests.linearizability.doors import Door, ServiceDoor
from tests.linearizability.model import Model
from tests.linearizability.recording import Habits, Recorded, record
from tests.linearizability.show import report
from tests.linearizability.world import ACTOR, TEMPLATES
from tests.servers import Servers
from tests.service.conftest import Site

# Characters that are played at the same time.
AT_ONCE = 8
FLUSH_INTERVAL_MS = 20
# Every call ends; so long only a call takes that never does.
RECORDING_MAX_S = 300.0


async def small_site(
    servers: Servers, ruleset: Ruleset, client: redis.Redis, *, idle_evict_s: int = 900
) -> Site:
    client.flushall()
    settings = ServiceSettings(
        servers.redis.url,
        await servers.fresh_database(),
        flush_interval_ms=FLUSH_INTERVAL_MS,
        idle_evict_s=idle_evict_s,
    )
    store = await InventoryStore.connect(settings.database_url, ruleset, pool_size=1)
    await import_catalog(store, [Template(facts, {}) for facts in TEMPLATES.values()])
    await store.close()
    return Site(settings, ruleset, client)


async def record_many(
    store: InventoryStore, doors: Sequence[Door], seeds: Sequence[str], habits: Habits
) -> list[Recorded]:
    """A history each, a few at a time, each on a character of its own."""
    recorded: list[Recorded] = []
    left = iter(seeds)

    async def one_after_the_other() -> None:
        for seed in left:
            char_id = str(uuid.uuid4())
            await store.create_character(char_id, "contended", ACTOR)
            recorded.append(await record(char_id, doors, seed, habits))

    async with asyncio.timeout(RECORDING_MAX_S), asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_the_other())
    return recorded


@asynccontextmanager
async def service_doors(*sites: Site) -> AsyncIterator[tuple[InventoryStore, list[Door]]]:
    """A gateway's service for each site given, all on the same servers."""
    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(site.gateway()) for site in sites]
        yield gateways[0].store, [ServiceDoor(gateway) for gateway in gateways]


def judge(recorded: Recorded, model: Model) -> None:
    """Fail with a report unless some order explains the history, and both ways to the verdict agree."""
    history = recorded.operations
    if recorded.failure is not None:
        raise recorded.failure
    if not check(history, model).legal:
        pytest.fail(report(history, model, f"seed {recorded.seed!r}"))
    if all(operation.answered is not None for operation in history):
        assert legal_by_seq(history, model), f"seed {recorded.seed!r}: the two checkers disagree"
