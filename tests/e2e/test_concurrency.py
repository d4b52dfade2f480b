"""64 clients at once on a served gateway, over HTTP; then every invariant is audited."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import aiohttp

from engine.ruleset import Ruleset
from tests.invariants import violations
from tests.servers import Servers
from tests.serving import TOKEN, serving

CLIENTS = 64
CHARACTERS = 12
SLOTS = 20
# How many commands are done, by all of them together, before they stop.
APPLIED = 2_000
EXPECTED = {200, 404, 422}


class Client:
    """Moves, splits, merges, wears and takes off what it last saw of a character's bag."""

    def __init__(
        self, http: aiohttp.ClientSession, characters: list[str], seed: int, statuses: Counter[int]
    ) -> None:
        """``statuses``: how often which was answered, to any of those who play."""
        self.http, self.characters, self.rng, self.statuses = http, characters, random.Random(seed), statuses
        self.items: dict[str, list[str]] = {char_id: [] for char_id in characters}

    async def play(self) -> None:
        while self.statuses[200] < APPLIED:
            # Every other call is on the one character that all clients share.
            char_id = self.characters[0] if self.rng.random() < 0.5 else self.rng.choice(self.characters)
            if not self.items[char_id] or self.rng.random() < 0.05:
                await self._look(char_id)
            else:
                await self._act(char_id)

    async def _look(self, char_id: str) -> None:
        async with self.http.get(f"/v1/characters/{char_id}/inventory") as reply:
            assert reply.status == 200, await reply.text()
            self.items[char_id] = [item["item_id"] for item in (await reply.json())["items"]]

    async def _act(self, char_id: str) -> None:
        item_id = self.rng.choice(self.items[char_id])
        place = {"container": self.rng.choice(("bag", "bag", "bank")), "slot": self.rng.randrange(SLOTS)}
        op, body = self.rng.choice(
            (
                ("move", {"item_id": item_id, "to": place}),
                ("move", {"item_id": item_id, "to": place}),
                ("move", {"item_id": item_id, "to": place, "quantity": 1}),
                ("equip", {"item_id": item_id}),
                ("unequip", {"item_id": item_id}),
            )
        )
        async with self.http.post(f"/v1/characters/{char_id}/inventory/{op}", json=body) as reply:
            self.statuses[reply.status] += 1
            assert reply.status in EXPECTED, await reply.text()


async def test_nothing_is_lost_or_doubled(
    servers: Servers, ruleset: Ruleset, tmp_path: Path, database_url: str
) -> None:
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    with serving(tmp_path / "log", "--demo", env=env) as service:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        connector = aiohttp.TCPConnector(limit=CLIENTS)
        async with aiohttp.ClientSession(service.url, headers=headers, connector=connector) as http:
            characters = [await _character(http) for _ in range(CHARACTERS)]
            before = [await _quantities(http, char_id) for char_id in characters]
            statuses: Counter[int] = Counter()
            players = [Client(http, characters, seed, statuses) for seed in range(CLIENTS)]
            await asyncio.gather(*(player.play() for player in players))
            after = [await _quantities(http, char_id) for char_id in characters]
            assert before == after
            assert statuses[422] > 0, "none was refused"
        assert service.stop() == 0
    assert await violations(servers.redis.url, database_url, ruleset) == []


async def _character(http: aiohttp.ClientSession) -> str:
    async with http.post("/v1/characters", json={"name": "x", "actor": {"level": 60}}) as reply:
        char_id: str = (await reply.json())["char_id"]
    async with http.get("/v1/items?limit=500") as reply:
        templates = [entry["facts"] for entry in (await reply.json())["items"]]
    consumables = [facts for facts in templates if facts["kind"] == "consumable"]
    stacks = [facts for facts in consumables if (facts["stack_limit"] or 1) > 4]
    worn = [facts for facts in templates if facts["slots"] and not facts["requires"]["classes"]]
    commands = [
        {"op": "grant", "template_id": facts["template_id"], "quantity": quantity}
        for facts, quantity in [*((facts, 4) for facts in stacks[:4]), *((facts, 1) for facts in worn[:6])]
    ]
    async with http.post(f"/v1/characters/{char_id}/inventory/execute", json={"commands": commands}) as reply:
        assert reply.status == 200, await reply.text()
    return char_id


async def _quantities(http: aiohttp.ClientSession, char_id: str) -> dict[str, int]:
    found: dict[str, int] = {}
    async with http.get(f"/v1/characters/{char_id}/inventory") as reply:
        for item in (await reply.json())["items"]:
            found[item["template_id"]] = found.get(item["template_id"], 0) + item["quantity"]
    return found
