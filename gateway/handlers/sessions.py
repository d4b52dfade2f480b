"""Sessions: loaded, saved, evicted. No caller must; who knows when a player comes and goes, may."""

from aiohttp import web

from gateway.http import requests
from gateway.http.responses import encode, json_reply
from persistence.orchestrator import InventoryOrchestrator


class SessionGateway:
    """Handlers of ``/v1/characters/{char_id}/session``."""

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Speak to ``orchestrator``."""
        self._orchestrator = orchestrator

    async def load(self, request: web.Request) -> web.Response:
        """``POST …/session``: 201 when it was not live before, else 200."""
        char_id = await self._char_id(request)
        state, created = await self._orchestrator.load_session(char_id)
        return json_reply(encode(state), 201 if created else 200)

    async def save(self, request: web.Request) -> web.Response:
        """``POST …/session/save``: 200 once PostgreSQL has what the session had at the call."""
        char_id = await self._char_id(request)
        return json_reply(encode(await self._orchestrator.save_session(char_id)))

    async def evict(self, request: web.Request) -> web.Response:
        """``DELETE …/session``: save, then end the session."""
        char_id = await self._char_id(request)
        return json_reply(encode(await self._orchestrator.save_session(char_id, evict=True)))

    async def _char_id(self, request: web.Request) -> str:
        char_id = requests.char_id(request)
        requests.plain(request)
        await requests.no_body(request)
        return char_id
