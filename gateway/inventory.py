"""The inventory of a character: read whole or in part, and changed by commands."""

import msgspec
from aiohttp import web

from gateway import commands, requests, views
from gateway.conditions import call
from gateway.execution import execute
from gateway.problems import invalid
from gateway.responses import encode, not_modified, tagged_reply
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import LiveSession


class InventoryGateway:
    """Handlers of ``/v1/characters/{char_id}/inventory``.

    Where the character has no live session they let ``SessionNotLive`` pass: the middleware
    loads it and calls them again. Every command replies with the reply of the API, 200.
    """

    def __init__(self, orchestrator: InventoryOrchestrator) -> None:
        """Speak to ``orchestrator``."""
        self._orchestrator = orchestrator
        self._ruleset = orchestrator.ruleset
        self._commands_max = orchestrator.ruleset.source.limits.commands_per_batch

    async def read(self, request: web.Request) -> web.Response:
        """``GET …/inventory?expand=items``: the whole session; 304 when the caller has it already.

        With names and texts in it the reply depends on the catalog too, so its tag is
        ``<tag>+<catalog version>``; as ``If-Match`` it means the tag before the plus.
        """
        query = requests.plain(request, "expand")
        expand = query.get("expand")
        if expand not in (None, "items"):
            raise invalid("expand", "expected items")
        live = await self._read(request)
        tag = live.tag if expand is None else f"{live.tag}+{self._orchestrator.items.version}"
        if (same := not_modified(request, tag)) is not None:
            return same
        items = list(live.session.items.values())
        shown = items if expand is None else views.expanded(self._orchestrator.items, items)
        return tagged_reply(encode(views.inventory(live, shown)), tag)

    async def equipment(self, request: web.Request) -> web.Response:
        """``GET …/inventory/equipment``: the paper doll, ``{"slots": {slot: item or null}}``."""
        requests.plain(request)
        live = await self._read(request)
        doll = views.paper_doll(self._ruleset, live.session.items.values())
        return not_modified(request, live.tag) or tagged_reply(encode(doll), live.tag)

    async def wallet(self, request: web.Request) -> web.Response:
        """``GET …/inventory/wallet``: a page with what is in all purses."""
        requests.plain(request)
        live = await self._read(request)
        purses = views.wallet(self._ruleset, live.session.items.values())
        return not_modified(request, live.tag) or tagged_reply(encode(purses), live.tag)

    async def capacity(self, request: web.Request) -> web.Response:
        """``GET …/inventory/capacity``: room in every container, and weight."""
        requests.plain(request)
        live = await self._read(request)
        return not_modified(request, live.tag) or tagged_reply(encode(live.capacity), live.tag)

    async def equip(self, request: web.Request) -> web.Response:
        """``POST …/inventory/equip``: the fields of ``EquipRequest``."""
        return await self._single(request, commands.EQUIP)

    async def unequip(self, request: web.Request) -> web.Response:
        """``POST …/inventory/unequip``: the fields of ``UnequipRequest``."""
        return await self._single(request, commands.UNEQUIP)

    async def move(self, request: web.Request) -> web.Response:
        """``POST …/inventory/move``: the fields of ``MoveRequest``."""
        return await self._single(request, commands.MOVE)

    async def grant(self, request: web.Request) -> web.Response:
        """``POST …/inventory/grant``: the fields of ``GrantRequest``."""
        return await self._single(request, commands.GRANT)

    async def consume(self, request: web.Request) -> web.Response:
        """``POST …/inventory/consume``: the fields of ``ConsumeRequest``."""
        return await self._single(request, commands.CONSUME)

    async def drop(self, request: web.Request) -> web.Response:
        """``POST …/inventory/drop``: the fields of ``DropRequest``."""
        return await self._single(request, commands.DROP)

    async def execute(self, request: web.Request) -> web.Response:
        """``POST …/inventory/execute``: commands in order, all or nothing."""
        char_id = requests.char_id(request)
        conditions = call(request)
        batch = commands.batch(await requests.json_body(request), self._commands_max)
        return await execute(self._orchestrator, char_id, batch, conditions)

    async def _single(self, request: web.Request, decoder: msgspec.json.Decoder[commands.C]) -> web.Response:
        char_id = requests.char_id(request)
        conditions = call(request)
        command = commands.single(decoder, await requests.json_body(request))
        return await execute(self._orchestrator, char_id, (command,), conditions)

    async def _read(self, request: web.Request) -> LiveSession:
        return await self._orchestrator.read_session(requests.char_id(request))
