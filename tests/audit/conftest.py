"""A small deployment that was played: somebody live and clean, somebody dirty, somebody evicted."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
import redis

from engine.ruleset import Ruleset
from persistence.audit import Options, Report, audit
from persistence.keys import Keys, SessionKeys
from persistence.postgres.store import InventoryStore
from tests.parity.world import ACTOR
from tests.servers import Servers
from tests.service.conftest import Site, new_site
from tests.service.play import do, grant

CLEAN, DIRTY, EVICTED = (f"0f0e0d0c-0b0a-4908-8706-05040302010{n}" for n in range(1, 4))


@dataclass
class Stored:
    """A site and a connection that is allowed to break it; ``client`` breaks sessions."""

    site: Site
    database: "asyncpg.Connection[asyncpg.Record]"

    @property
    def client(self) -> redis.Redis:
        return self.site.client

    def keys(self, char_id: str) -> SessionKeys:
        return Keys().of(char_id)

    async def ledger_of(self, char_id: str, change: str) -> None:
        """Do what the ledger's trigger keeps everybody from doing; ``change`` may say ``{char_id}``."""
        async with self.database.transaction():
            await self.database.execute("SET LOCAL session_replication_role = replica")
            await self.database.execute(change.format(char_id=char_id))

    async def audit(self, options: Options = Options()) -> Report:  # noqa: B008 - frozen
        return await audit(self.site.settings, self.site.ruleset, options)

    async def violated(self) -> set[int]:
        return set((await self.audit()).violated)


async def create(site: Site, *char_ids: str) -> None:
    store = await InventoryStore.connect(site.settings.database_url, site.ruleset, pool_size=1)
    for char_id in char_ids:
        await store.create_character(char_id, "Tess", ACTOR)
    await store.close()


async def play(site: Site) -> None:
    """Every kind of entry: items that come, change and go, an actor, operations, a removal."""
    async with site.gateway(flushing=False) as gateway:
        for char_id in (CLEAN, DIRTY, EVICTED):
            await gateway.load_session(char_id)
            await do(gateway, grant("dagger"), grant("potion", 7), char_id=char_id, op_id="first")
            await do(gateway, {"op": "consume", "template_id": "potion", "quantity": 3}, char_id=char_id)
            await do(gateway, {"op": "set_actor", "level": 9}, char_id=char_id, op_id="second")
            await gateway.save_session(char_id)
        await gateway.save_session(EVICTED, evict=True)
        await do(gateway, grant("gold", 5), char_id=DIRTY, op_id="third")
        await do(gateway, {"op": "set_actor", "level": 10}, char_id=DIRTY)


@pytest.fixture
async def stored(servers: Servers, ruleset: Ruleset) -> AsyncIterator[Stored]:
    with redis.Redis.from_url(servers.redis.url) as client:
        site = await new_site(servers, ruleset, client)
        await create(site, CLEAN, DIRTY, EVICTED)
        await play(site)
        connection = await asyncpg.connect(site.settings.database_url)
        try:
            yield Stored(site, connection)
        finally:
            await connection.close()
