"""The ways that a command may take to the service, and characters to whom the same happens by each."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp

from gateway.app import init_app
from gateway.configuration.settings import Settings
from persistence.orchestrator import InventoryOrchestrator
from tests.gateway.standin import HEADERS, TOKEN, GatewayTestServer
from tests.gateway.streaming import JSON, MSGPACK, Stream, connect
from tests.parity.world import ACTOR
from tests.service.conftest import Site

SINGLE = ("equip", "unequip", "move", "grant", "consume", "use", "drop", "lock", "unlock", "sort")


@asynccontextmanager
async def served(site: Site) -> AsyncIterator[tuple[InventoryOrchestrator, aiohttp.ClientSession]]:
    """A gateway process's worth of service, and a client of it."""
    async with AsyncExitStack() as stack:
        orchestrator = await stack.enter_async_context(site.gateway())
        server = GatewayTestServer(init_app(Settings(token=TOKEN), orchestrator))
        await server.start_server()
        stack.push_async_callback(server.close)
        http = aiohttp.ClientSession(server.make_url("/"), headers=HEADERS)
        yield orchestrator, await stack.enter_async_context(http)


async def new_characters(orchestrator: InventoryOrchestrator, count: int) -> list[str]:
    char_ids = [str(uuid4()) for _ in range(count)]
    for char_id in char_ids:
        await orchestrator.create_character(char_id, "Twin", ACTOR)
    return char_ids


class Twin:
    """One of several characters to whom the same happens, and what its items are called at the first's."""

    def __init__(self, char_id: str, number: int) -> None:
        self.char_id, self.number = char_id, number
        self.own: dict[str, str] = {}

    def translated(self, command: dict[str, Any]) -> dict[str, Any]:
        """A command for the first one's items, for its own."""
        item_id = command.get("item_id")
        if item_id is None or item_id[0] == "@":
            return command
        if command["op"] == "grant" and item_id not in self.own:
            # An instance from elsewhere, of which each has its own.
            self.own[item_id] = f"{item_id[:31]}{self.number:x}"
        return command | {"item_id": self.own.get(item_id, item_id)}

    def told(self, answer: Any, firsts: Any) -> Any:
        """An answer in the first one's words; items that are new in it are taken note of."""
        changed = answer.get("changes", {}).get("changed", [])
        for mine, other in zip(changed, firsts.get("changes", {}).get("changed", []), strict=False):
            self.own.setdefault(other["item_id"], mine["item_id"])
        text = json.dumps(answer)
        for other, mine in self.own.items():
            text = text.replace(mine, other)
        return json.loads(text)


class Ways:
    """The ways to the service: each carries a batch out under conditions and gives the answer."""

    def __init__(self, http: aiohttp.ClientSession, streams: list[Stream]) -> None:
        self.http, self.streams = http, streams
        self.all = (self.single, self.bulk, self.by_json, self.by_msgpack)

    async def single(self, char_id: str, commands: list[Any], terms: dict[str, Any]) -> Any:
        names = {
            "idempotency_key": "Idempotency-Key",
            "if_match": "If-Match",
            "durability": "Inventory-Durability",
        }
        headers = {names[name]: value for name, value in terms.items() if name in names}
        query = "?dry_run=true" if terms.get("dry_run") else ""
        op, body = "execute", {"commands": commands}
        if len(commands) == 1 and commands[0]["op"] in SINGLE and commands[0].get("item_id", "x")[0] != "@":
            op, body = commands[0]["op"], commands[0]
        url = f"/v1/characters/{char_id}/inventory/{op}{query}"
        async with self.http.post(url, json=body, headers=headers) as response:
            return await response.json(content_type=None)

    async def bulk(self, char_id: str, commands: list[Any], terms: dict[str, Any]) -> Any:
        body = {"requests": [{"char_id": char_id, "commands": commands, **terms}]}
        async with self.http.post("/v1/execute", json=body) as response:
            assert response.status == 200, await response.text()
            (reply,) = (await response.json())["replies"]
            return reply

    async def by_json(self, char_id: str, commands: list[Any], terms: dict[str, Any]) -> Any:
        return await self._streamed(self.streams[0], char_id, commands, terms)

    async def by_msgpack(self, char_id: str, commands: list[Any], terms: dict[str, Any]) -> Any:
        return await self._streamed(self.streams[1], char_id, commands, terms)

    async def _streamed(
        self, stream: Stream, char_id: str, commands: list[Any], terms: dict[str, Any]
    ) -> Any:
        await stream.send({"id": char_id, "char_id": char_id, "commands": commands, **terms})
        answer = await stream.receive()
        assert answer.pop("id") == char_id
        return answer


@asynccontextmanager
async def ways_to(site: Site) -> AsyncIterator[tuple[InventoryOrchestrator, Ways]]:
    async with served(site) as (orchestrator, http):
        streams = [await connect(http, JSON), await connect(http, MSGPACK)]
        yield orchestrator, Ways(http, streams)
        for stream in streams:
            await stream.socket.close()
