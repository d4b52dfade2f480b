"""The gateway with its flusher paused: ``python -m benchmarks.paused``, settings from ``HAVERSACK_*``.

Everything else is as ``haversack serve`` has it. Nothing that is played here gets to PostgreSQL.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from benchmarks.serving import serve
from engine.shipped import read_ruleset
from gateway.app import init_app
from gateway.settings import Settings
from persistence.service import ServiceSettings, open_service


@asynccontextmanager
async def paused() -> AsyncIterator[web.Application]:
    """The gateway's application over a service that does not flush."""
    settings = Settings.read(os.environ)
    assert settings.redis_url is not None and settings.database_url is not None
    service = ServiceSettings(
        redis_url=settings.redis_url,
        database_url=settings.database_url,
        key_prefix=settings.key_prefix,
        shards=settings.shards,
    )
    async with open_service(service, read_ruleset(settings.ruleset), flushing=False) as orchestrator:
        yield init_app(settings, orchestrator)


if __name__ == "__main__":
    serve(paused)
