"""The gateway with its flusher paused: ``python -m benchmarks.paused``, settings from ``HAVERSACK_*``.

Everything else is as ``haversack serve`` has it. Nothing that is played here gets to PostgreSQL. With
``--no-checks`` what it always checks and could do without is left out: today the token. What comes to be
counted or measured on every request belongs here too.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch

from aiohttp import web

from benchmarks.serving import serve
from engine.shipped import read_ruleset
from gateway import app
from gateway.auth.bearer import BearerAuth
from gateway.configuration.settings import UNFLUSHED_MAX_S_MAX, Settings
from gateway.http.identity import SERVICE, Identity
from gateway.http.operation import Scope
from persistence.service import ServiceSettings, open_service

_ANYBODY = Identity(SERVICE, Scope)


class _AdmitsAll(BearerAuth):
    def identify(self, request: web.Request) -> Identity:
        return _ANYBODY


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
        # Nothing is ever flushed, and that must not be held against anybody.
        unflushed_max_s=UNFLUSHED_MAX_S_MAX,
    )
    async with open_service(service, read_ruleset(settings.ruleset), flushing=False) as orchestrator:
        yield app.init_app(settings, orchestrator)


if __name__ == "__main__":
    if "--no-checks" in sys.argv[1:]:
        with patch.object(app, "BearerAuth", _AdmitsAll):
            serve(paused)
    else:
        serve(paused)
