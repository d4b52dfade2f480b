"""Whether the process is alive, and whether it can serve."""

import asyncio
import logging
from typing import Final

from aiohttp import web

from gateway.auth.bearer import BearerAuth
from gateway.http import requests
from gateway.http.operation import Scope
from gateway.http.problems import RETRY_AFTER, Problem
from gateway.http.reply_shapes import Alive, Ready
from gateway.http.responses import encode, json_reply
from persistence.orchestrator import InventoryOrchestrator

READINESS_TIMEOUT_S: Final = 5.0
_OK = "ok"
_ALIVE = encode(Alive("ok"))

_log = logging.getLogger("haversack.gateway")


class HealthGateway:
    """Handlers of ``/healthz`` and ``/readyz``, which need no token."""

    def __init__(self, orchestrator: InventoryOrchestrator, auth: BearerAuth) -> None:
        """Ask ``orchestrator``; tell reasons to those who may operate."""
        self._orchestrator = orchestrator
        self._auth = auth

    async def alive(self, request: web.Request) -> web.Response:
        """``GET /healthz``: 200 as long as the process answers at all."""
        requests.plain(request)
        return json_reply(_ALIVE)

    async def ready(self, request: web.Request) -> web.Response:
        """``GET /readyz``: 200 ``{"status", "checks": {name: "ok"}}``, else 503 with what is missing.

        A reason may name hosts and databases, so who may not operate reads "failed" in its place.
        """
        requests.plain(request)
        try:
            async with asyncio.timeout(READINESS_TIMEOUT_S):
                checks = await self._orchestrator.readiness()
        except TimeoutError:
            checks = {"readiness": f"no answer within {READINESS_TIMEOUT_S} s"}
        except Exception:
            _log.exception("looking whether everything is ready failed")
            checks = {"readiness": "failed"}
        if all(result == _OK for result in checks.values()):
            return json_reply(encode(Ready("ok", checks)))
        if not self._may_know(request):
            checks = {name: _OK if result == _OK else "failed" for name, result in checks.items()}
        raise Problem("UNAVAILABLE", "Not everything is ready.", params=checks, headers=RETRY_AFTER)

    def _may_know(self, request: web.Request) -> bool:
        try:
            return Scope.OPERATE in self._auth.identify(request).scopes
        except Problem:
            return False
