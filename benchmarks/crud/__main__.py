"""``python -m benchmarks.crud``: serves in CRUD mode, with settings from ``HAVERSACK_*``.

With ``--function`` a move is one PL/pgSQL function.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from aiohttp import web

from benchmarks.crud import function
from benchmarks.crud.orchestrator import CrudOrchestrator
from benchmarks.serving import serve
from engine.shipped import read_ruleset
from gateway.app import init_app
from gateway.configuration.settings import Settings
from persistence.items.item_gateway import ItemGateway
from persistence.items.postgres_catalog import PostgresCatalog
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres.store import InventoryStore

# One for each connection of the load: no smaller pool was faster, spread or on one inventory.
POOL_SIZE = 32
ACQUIRE_TIMEOUT_S = 30.0
TEMPLATES_MAX = 10_000


@asynccontextmanager
async def crud() -> AsyncIterator[web.Application]:
    """The gateway's application over PostgreSQL alone."""
    settings = Settings.read(os.environ)
    assert settings.database_url is not None
    ruleset = read_ruleset(settings.ruleset)
    store = await InventoryStore.connect(
        settings.database_url,
        ruleset,
        pool_size=int(os.environ.get("BENCHMARKS_CRUD_POOL", POOL_SIZE)),
        acquire_timeout_s=ACQUIRE_TIMEOUT_S,
    )
    items = ItemGateway(PostgresCatalog(store))
    await items.start()
    kind = CrudOrchestrator
    if "--function" in sys.argv[1:]:
        kind = function.FunctionOrchestrator
        await function.install(
            settings.database_url,
            ruleset,
            [template.facts for template in items.templates(limit=TEMPLATES_MAX)],
        )
    try:
        # It has what the handlers use of an orchestrator: the rest would never be called here.
        yield init_app(settings, cast(InventoryOrchestrator, kind(ruleset, store, items)))
    finally:
        await items.close()
        await store.close()


if __name__ == "__main__":
    serve(crud)
