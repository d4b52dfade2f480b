"""The same over HTTP: clients of two processes that serve, first in peace, then as connections are killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import redis.asyncio

from engine.ruleset import Ruleset
from persistence.postgres.store import InventoryStore
from tests.linearizability.doors import HttpDoor
from tests.linearizability.model import Model
from tests.linearizability.prefixes import with_prefixes
from tests.linearizability.recording import Habits
from tests.linearizability.sites import judge, record_many, small_site
from tests.linearizability.world import RULESET_FILE
from tests.servers import Servers
from tests.service.conftest import Site
from tests.serving import TOKEN, serving

IN_PEACE, WHILE_KILLING = 12, 14
KILL_EVERY_S = 0.02
HABITS = Habits(named=0.6)


async def test_histories_over_http(
    each_servers: Servers, small: Ruleset, model: Model, tmp_path: Path
) -> None:
    with redis.Redis.from_url(each_servers.redis.url) as client:
        site = await small_site(each_servers, small, client)
    store = await InventoryStore.connect(site.settings.database_url, small, pool_size=1)
    async with _doors(site, tmp_path) as doors:
        peace = await record_many(store, doors, [f"http {n}" for n in range(IN_PEACE)], HABITS)
        async with _killing_connections(site.settings.redis_url):
            killed = await record_many(store, doors, [f"killed {n}" for n in range(WHILE_KILLING)], HABITS)
    await store.close()
    await site.audit()
    assert (len(peace), len(killed)) == (IN_PEACE, WHILE_KILLING)
    for each in (*peace, *killed):
        judge(each._replace(operations=with_prefixes(each.operations)), model)
    lost = sum(operation.answer is None for each in killed for operation in each.operations)
    assert lost >= 5, lost


@asynccontextmanager
async def _doors(site: Site, logs: Path) -> AsyncIterator[list[HttpDoor]]:
    """Two processes that serve."""
    env = {
        "HAVERSACK_REDIS_URL": site.settings.redis_url,
        "HAVERSACK_DATABASE_URL": site.settings.database_url,
        "HAVERSACK_RULESET": str(RULESET_FILE),
        "HAVERSACK_FLUSH_INTERVAL_MS": "10",
    }
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with AsyncExitStack() as stack:
        doors = []
        for name in ("one", "two"):
            process = stack.enter_context(serving(logs / name, env=env))
            http = await stack.enter_async_context(aiohttp.ClientSession(process.url, headers=headers))
            doors.append(HttpDoor(http))
        yield doors
    for name in ("one", "two"):
        assert "Traceback" not in (logs / name).read_text()


@asynccontextmanager
async def _killing_connections(url: str) -> AsyncIterator[None]:
    """All connections to Redis are closed again and again, whatever is under way on them."""

    # Told by a flag: a cancellation that meets an answer is lost in Python 3.11's wait_for.
    over = asyncio.Event()

    async def kill() -> None:
        async with redis.asyncio.Redis.from_url(url, single_connection_client=True) as client:
            while not over.is_set():
                await asyncio.sleep(KILL_EVERY_S)
                await client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    async with asyncio.TaskGroup() as group:
        group.create_task(kill())
        try:
            yield
        finally:
            over.set()
