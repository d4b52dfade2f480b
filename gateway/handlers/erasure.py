"""``DELETE /v1/characters/{char_id}``: the character goes, and its ledger stays without the person."""

from aiohttp import web

from gateway.http import requests
from gateway.http.identity import IDENTITY
from gateway.http.responses import SERVER
from persistence.desk.rewrite import Origin
from persistence.orchestrator import InventoryOrchestrator


class ErasureGateway:
    """The handler of the call."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Speak to ``orchestrator``."""
        self._orchestrator = orchestrator

    async def erase(self, request: web.Request) -> web.Response:
        """204 when nothing of the character is left, so also for one that was erased before.

        A call that was cut off, at whichever moment, is repeated until it answers 204.
        """
        char_id = requests.char_id(request)
        requests.plain(request)
        await requests.no_body(request)
        await self._orchestrator.desk().eraser.erase(char_id, Origin(by=request[IDENTITY].name))
        return web.Response(status=204, headers={"Server": SERVER})
