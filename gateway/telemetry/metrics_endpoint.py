"""``GET /metrics``: who may see the metrics, and what is looked up for them."""

import asyncio
import ipaddress
import logging
from collections.abc import Iterator
from time import monotonic_ns
from typing import Final

from aiohttp import web

from gateway.auth.access import denied
from gateway.auth.bearer import BearerAuth
from gateway.http import requests
from gateway.http.identity import IDENTITY
from gateway.http.operation import Scope
from gateway.http.problems import Problem
from gateway.http.responses import SERVER
from gateway.telemetry.measures import SURVEYED_NS
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.metrics_text import BoardCollector
from persistence import measures
from persistence.meters import NS_PER_S, UNKNOWN, Meter
from persistence.orchestrator import InventoryOrchestrator
from persistence.survey import Survey, Surveyed

# Scrapes that come sooner share what was looked up, whichever workers they come to.
SURVEY_EVERY_S: Final = 4.0
# A scrape waits for so long; what is found later is for the next one.
SURVEY_WAIT_S: Final = 2.0
_SCOPES: Final = frozenset({Scope.READ, Scope.OPERATE})
# Who writes one of these speaks for somebody else, who may be anywhere.
_FORWARDED: Final = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
)

_log = logging.getLogger("haversack.gateway")


class MetricsGateway:
    """The handler of ``/metrics``."""

    def __init__(
        self,
        access: str,
        metrics: Metrics,
        orchestrator: InventoryOrchestrator,
        auth: BearerAuth,
    ) -> None:
        """``access`` is the setting; ``auth`` tells whose tokens are sent."""
        self._access = access
        self._auth = auth
        self._metrics = metrics
        self._collector = BoardCollector(metrics.board)
        self._orchestrator = orchestrator
        self._surveying: asyncio.Task[None] | None = None

    async def read(self, request: web.Request) -> web.Response:
        """``GET /metrics``: the metrics of all workers, in the format that the caller accepts.

        Who may see them is a setting, for they tell how the game goes, and to make them costs some
        milliseconds. 404 where they are off, 403 from elsewhere, 401 or 403 for the wrong token.
        """
        requests.plain(request)
        self._check(request)
        self._metrics.beat()
        await self._survey()
        accept = request.headers.get("Accept", "")
        # Beside the loop, where players' requests go on meanwhile.
        text, content_type = await asyncio.to_thread(self._collector.text, accept)
        return web.Response(body=text, headers={"Content-Type": content_type, "Server": SERVER})

    def _check(self, request: web.Request) -> None:
        if self._access == "off":
            raise Problem("NOT_FOUND")
        if self._access == "loopback" and not is_near(request):
            raise Problem("ACCESS_DENIED", "Metrics are told on this machine alone: see HAVERSACK_METRICS.")
        if self._access == "token":
            request[IDENTITY] = identity = self._auth.identify(request)
            if identity.char_id is not None or not identity.scopes & _SCOPES:
                raise denied(Scope.READ)

    async def _survey(self) -> None:
        """Have the deployment looked at, unless some worker has done so a moment ago."""
        newest = max(part.get(SURVEYED_NS) for part in self._metrics.board.parts)
        survey = self._orchestrator.survey
        if survey is None or (newest and monotonic_ns() - newest < SURVEY_EVERY_S * NS_PER_S):
            return
        if self._surveying is None or self._surveying.done():
            self._surveying = asyncio.create_task(self._taken(survey), name="survey")
        await asyncio.wait([self._surveying], timeout=SURVEY_WAIT_S)

    async def _taken(self, survey: Survey) -> None:
        try:
            found = await survey.take()
        except Exception:
            _log.exception("looking around for the metrics failed")
            return
        meters = self._metrics.meters
        for meter, value in _values(found):
            meters.set(meter, UNKNOWN if value is None else value)
        meters.set(SURVEYED_NS, monotonic_ns())


def is_near(request: web.Request) -> bool:
    """Whether the request comes from this machine, and not through a proxy that runs on it."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.remote or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _values(found: Surveyed) -> Iterator[tuple[Meter, int | None]]:
    yield measures.REDIS_UP, int(found.redis)
    yield measures.POSTGRESQL_UP, int(found.postgresql)
    backlog, memory, aside = found.backlog, found.memory, found.aside
    yield measures.SESSIONS, None if backlog is None else backlog.sessions
    yield measures.UNFLUSHED_SESSIONS, None if backlog is None else backlog.unflushed
    yield measures.OLDEST_UNFLUSHED, None if backlog is None else backlog.oldest_ms
    yield measures.QUARANTINED, None if aside is None else aside.quarantined
    yield measures.OUTBOX_REFUSED, None if aside is None else aside.outbox_refused
    yield measures.ITEM_SERVICE_AGE, found.item_service_age_ms
    yield measures.REDIS_MEMORY, None if memory is None else memory.used
    yield measures.REDIS_MEMORY_MAX, None if memory is None else memory.most
