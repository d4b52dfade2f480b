"""``GET /v1/characters/{char_id}/export``: all that is kept of a character, as one document."""

import asyncio
import logging
from contextlib import aclosing
from typing import Any, Final, Literal

from aiohttp import web
from msgspec import Struct

from engine.state import Actor
from gateway.http import requests
from gateway.http.conditions import REQUEST_ID
from gateway.http.responses import SERVER
from persistence.orchestrator import InventoryOrchestrator

_log = logging.getLogger("haversack.gateway")

# Each has a connection to PostgreSQL for as long as its caller reads; most of them are for those who play.
AT_ONCE: Final = 2


class CharacterExport(Struct, frozen=True):
    """What the document has, in this order; times in milliseconds since 1970.

    ``items`` have the names of their templates, where the catalog knows them. ``unflushed`` and
    ``set_aside`` are entries that Redis holds and that have no way into the ledger as it stands.
    """

    char_id: str
    name: str
    created_at: int
    imported_at: int | None
    exported_at: int
    seq: int
    quarantined: str | None
    actor: Actor
    items: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    baselines: list[dict[str, Any]]
    operations: list[dict[str, Any]]
    incidents: list[dict[str, Any]]
    granted_ids: list[dict[str, Any]]
    unflushed: list[Any]
    set_aside: list[Any]
    complete: Literal[True]


class ExportGateway:
    """The handler of the call."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Speak to ``orchestrator``."""
        self._orchestrator = orchestrator
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def export(self, request: web.Request) -> web.StreamResponse:
        """200 with the document, which is sent while it is made.

        Where it cannot be brought to its end, the connection is: a document without ``complete`` is a part.
        """
        char_id = requests.char_id(request)
        requests.plain(request)
        async with self._turns, aclosing(self._orchestrator.desk().exporter.document(char_id)) as parts:
            first = await anext(parts)
            response = web.StreamResponse(headers=_headers(request, char_id))
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            try:
                await response.write(first)
                async for part in parts:
                    await response.write(part)
                await response.write_eof()
            except Exception:
                # Its head has been sent, so no problem document can tell of it any more.
                transport = request.transport
                if transport is not None:
                    # Callers may hang up, and that is no error.
                    if not transport.is_closing():
                        _log.exception("the export of character %s was cut off", char_id)
                    transport.abort()
        return response


def _headers(request: web.Request, char_id: str) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "Content-Disposition": f'attachment; filename="character-{char_id}.json"',
        "Cache-Control": "no-store",
        "Server": SERVER,
    }
    if REQUEST_ID in request.headers:
        # What is set when the handler has ended comes too late for this response.
        headers[REQUEST_ID] = request.headers[REQUEST_ID]
    return headers
