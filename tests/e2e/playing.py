"""A character of another game: a catalog imported by the command line, and commands over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.commands import command, without_log
from tests.servers import Servers
from tests.serving import TOKEN, serving


def haversack(env: dict[str, str], *arguments: str, status: int = 0) -> str:
    """Run a command to its end; its output, of both kinds."""
    ran = command(env, *arguments)
    said = without_log(ran.output + ran.errors)
    assert ran.status == status, said
    return said


class Player:
    """A character and what it does. Calls that must succeed answer the reply, others the problem."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self.http, self.base = http, base

    @classmethod
    async def create(cls, http: aiohttp.ClientSession, **actor: object) -> Self:
        async with http.post("/v1/characters", json={"actor": actor}) as reply:
            assert reply.status == 201, await reply.text()
            return cls(http, f"/v1/characters/{(await reply.json())['char_id']}")

    async def get(self, path: str) -> Any:
        async with self.http.get(f"{self.base}/inventory{path}") as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()

    async def do(self, op: str, **body: object) -> Any:
        async with self.http.post(f"{self.base}/inventory/{op}", json=body) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()

    async def refused(self, op: str, **body: object) -> tuple[str, Any]:
        """The code of the refusal, and its params."""
        async with self.http.post(f"{self.base}/inventory/{op}", json=body) as reply:
            assert reply.status in (404, 422), await reply.text()
            problem = await reply.json()
            return problem["code"], problem["params"]

    async def become(self, **actor: object) -> None:
        async with self.http.patch(self.base, json=actor) as reply:
            assert reply.status == 200, await reply.text()

    async def grant(self, template_id: str, quantity: int = 1, **how: object) -> list[str]:
        """The ids of the items that changed, in order of their places."""
        reply = await self.do("grant", template_id=template_id, quantity=quantity, **how)
        changed = sorted(reply["changes"]["changed"], key=lambda item: item["place"]["slot"])
        return [item["item_id"] for item in changed]

    async def get_and_wear(self, template_id: str) -> str:
        (item_id,) = await self.grant(template_id)
        await self.do("equip", item_id=item_id)
        return item_id

    async def worn(self) -> dict[str, str]:
        """Templates by slot."""
        slots = (await self.get("/equipment"))["slots"]
        return {slot: item["template_id"] for slot, item in slots.items() if item is not None}

    async def stacks(self, container: str) -> list[tuple[int, str, int]]:
        """Slot, template and quantity of what is in a container."""
        items = (await self.get(""))["items"]
        there = [item for item in items if item["place"]["container"] == container]
        return sorted((item["place"]["slot"], item["template_id"], item["quantity"]) for item in there)


@asynccontextmanager
async def playing(
    servers: Servers, database_url: str, log: Path, ruleset: str, templates: int, *catalog: str
) -> AsyncIterator[aiohttp.ClientSession]:
    """A service of a shipped ruleset with an imported catalog of so many templates."""
    env = {
        "HAVERSACK_REDIS_URL": servers.redis.url,
        "HAVERSACK_DATABASE_URL": database_url,
        "HAVERSACK_RULESET": ruleset,
    }
    said = haversack(env, "catalog", "import", *catalog)
    assert f"version 1: {templates:,} templates" in said
    with serving(log, env=env) as service:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(service.url, headers=headers) as http:
            yield http
        assert service.stop() == 0
    assert "Traceback" not in log.read_text()
