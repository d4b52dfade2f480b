"""The inventory of a character: read whole or in part, and changed by commands."""

from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import web

from engine.commands import Command
from gateway.auth.access import charge_commands, refused_commands
from gateway.handlers import commands, views
from gateway.handlers.execution import execute, preview
from gateway.handlers.shown import READINGS, ShownInventories
from gateway.handlers.with_catalog import tag_with_catalog
from gateway.http import requests
from gateway.http.conditions import call, dry_run
from gateway.http.identity import IDENTITY
from gateway.http.problems import invalid
from gateway.http.responses import encode, not_modified, tagged_reply
from persistence.meters import Meters
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call, LiveSession

_CHARGED: Final = web.RequestKey("charged", bool)


class InventoryGateway:
    """Handlers of ``/v1/characters/{char_id}/inventory``.

    Where the character has no live session they let ``SessionNotLive`` pass: the middleware
    loads it and calls them again. Every command replies with the reply of the API, 200.
    """

    def __init__(self, orchestrator: InventoryOrchestrator, meters: Meters) -> None:
        """Speak to ``orchestrator``; ``meters`` count which readings cost nothing."""
        self._orchestrator = orchestrator
        self._hits = meters.counter(READINGS, "hit")
        self._misses = meters.counter(READINGS, "miss")
        self._ruleset = orchestrator.ruleset
        self._shown = ShownInventories()
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
        if expand is None:
            return await self._whole(request)
        live = await self._read(request)
        tag = tag_with_catalog(live, self._orchestrator.items)
        if (same := not_modified(request, tag)) is not None:
            return same
        shown = views.expanded(self._orchestrator.items, live.session.items.values())
        return tagged_reply(encode(views.inventory(live, shown)), tag)

    async def _whole(self, request: web.Request) -> web.Response:
        char_id = requests.char_id(request)
        if self._shown.has(char_id):
            standing = await self._orchestrator.standing(char_id)
            if (shown := self._shown.still_true(char_id, standing)) is not None:
                self._hits.add()
                tag = shown.tag
                return not_modified(request, tag) or tagged_reply(shown.body(standing.flushed_seq), tag)
        live = await self._read(request)
        if (same := not_modified(request, live.tag)) is not None:
            return same
        self._misses.add()
        body = encode(views.inventory(live, list(live.session.items.values())))
        self._shown.keep(char_id, tag=live.tag, catalog=live.catalog, body=body, durable_seq=live.durable_seq)
        return tagged_reply(body, live.tag)

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

    async def use(self, request: web.Request) -> web.Response:
        """``POST …/inventory/use``: the fields of ``UseRequest``; ``effect`` says of which template."""
        return await self._single(request, commands.USE)

    async def lock(self, request: web.Request) -> web.Response:
        """``POST …/inventory/lock``: the fields of ``LockRequest``."""
        return await self._single(request, commands.LOCK)

    async def unlock(self, request: web.Request) -> web.Response:
        """``POST …/inventory/unlock``: the fields of ``UnlockRequest``."""
        return await self._single(request, commands.UNLOCK)

    async def sort(self, request: web.Request) -> web.Response:
        """``POST …/inventory/sort``: the fields of ``SortRequest``; 409 when others are always faster."""
        return await self._single(request, commands.SORT)

    async def execute(self, request: web.Request) -> web.Response:
        """``POST …/inventory/execute``: commands in order, all or nothing.

        403 where the token has not the scope of one of them.
        """
        terms = self._terms(request)
        batch = commands.batch(await requests.json_body(request), self._commands_max)
        identity = request[IDENTITY]
        if (problem := refused_commands(identity, batch)) is not None:
            return problem.response()
        if identity.limited and _CHARGED not in request:
            # Once, however often this is begun again because a session had to be loaded.
            request[_CHARGED] = True
            charge_commands(identity, terms[0], batch)
        return await self._run(batch, terms)

    async def _single(self, request: web.Request, decoder: msgspec.json.Decoder[commands.C]) -> web.Response:
        terms = self._terms(request)
        return await self._run((commands.single(decoder, await requests.json_body(request)),), terms)

    def _terms(self, request: web.Request) -> tuple[str, Call, bool]:
        """Whose inventory, under which conditions, and whether it is only asked."""
        return requests.char_id(request), call(request), dry_run(request)

    async def _run(self, batch: Sequence[Command], terms: tuple[str, Call, bool]) -> web.Response:
        char_id, conditions, only_asked = terms
        run = preview if only_asked else execute
        return await run(self._orchestrator, char_id, batch, conditions)

    async def _read(self, request: web.Request) -> LiveSession:
        return await self._orchestrator.read_session(requests.char_id(request))
