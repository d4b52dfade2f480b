"""Players while a deployment rolls on: what each was told, and by which version."""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.serving import TOKEN
from tests.upgrade.balancer import Balancer
from tests.upgrade.versions import SLOTS

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
CHARACTERS = [f"5e1f0000-0000-4000-8000-0000000000b{number}" for number in range(3)]
# Two callers for each: who else asks for a character may be sent to another version.
CALLERS_EACH = 2
COINS = {"template_id": "gold_coin", "quantity": 1}


@dataclass
class Told:
    """Everything that was answered: calls by character and seq; answers by version; moves to the far slot."""

    calls: dict[tuple[str, int], str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    far: Counter[tuple[str, str]] = field(default_factory=Counter)
    replayed_elsewhere: int = 0
    attempts: int = 0

    async def more(self, version: str, count: int) -> None:
        """Wait for further answers of a version."""
        wanted = self.answers[version] + count
        await self.until(lambda: self.answers[version] >= wanted)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for what players bring about by and by."""
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.01)


class Caller:
    """One caller for one character; every request has a connection of its own, so each may go elsewhere."""

    def __init__(self, balancer: Balancer, told: Told, char_id: str, seed: int) -> None:
        self.balancer, self.told, self.char_id = balancer, told, char_id
        self.dice = random.Random(seed)
        self.local: socket.socket | None = None
        connector = aiohttp.TCPConnector(limit=1, force_close=True, socket_factory=self._socket)
        self.http = aiohttp.ClientSession(balancer.url, headers=HEADERS, connector=connector)
        self.sword = ""

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        self.local = socket.socket(*info[:3])
        return self.local

    async def post(self, op: str, body: dict[str, Any], **headers: str) -> tuple[str, int, Any]:
        """The version that answered, the status, and the answer."""
        self.told.attempts += 1
        request_id = headers.setdefault("X-Request-Id", f"call-{self.told.attempts}")
        url = f"/v1/characters/{self.char_id}/inventory/{op}"
        async with self.http.post(url, json=body, headers=headers) as reply:
            answer = await reply.json()
            assert self.local is not None
        with suppress(OSError):
            self.port = self.local.getsockname()[1]
        version = self.balancer.of[self.port]
        self.told.answers[version] += 1
        assert reply.status in (200, 422), (version, op, body, reply.status, answer)
        if reply.status == 200:
            bag = answer["capacity"]["containers"].get("bag")
            assert bag is None or bag["total"] == SLOTS[version], (version, answer)
            if not answer["replayed"]:
                known = self.told.calls.setdefault((self.char_id, answer["seq"]), request_id)
                assert known == request_id, "one seq for two calls"
        return version, reply.status, answer

    async def play(self, stop: asyncio.Event) -> None:
        """Coins, some of them durable, some asked for twice; and a sword that goes to and fro."""
        async with self.http:
            _, _, answer = await self.post("grant", {"template_id": "iron_sword", "quantity": 1})
            self.sword = answer["changes"]["changed"][0]["item_id"]
            while not stop.is_set():
                await self.dice.choice([self.coin, self.coin, self.coin_again, self.near, self.far])()

    async def coin(self) -> None:
        durable = {"Inventory-Durability": "durable"} if self.dice.random() < 0.2 else {}
        _, status, answer = await self.post("grant", COINS, **durable)
        assert status == 200, answer
        assert not durable or answer["durable_seq"] >= answer["seq"]

    async def coin_again(self) -> None:
        """The repeat may reach the other version, and gets the first answer."""
        key = f"{self.char_id[-2:]}-{self.told.attempts}"
        first, _, answer = await self.post("grant", COINS, **{"Idempotency-Key": key})
        self.told.attempts += 1
        url = f"/v1/characters/{self.char_id}/inventory/grant"
        async with self.http.post(url, json=COINS, headers={"Idempotency-Key": key}) as reply:
            again = await reply.json()
            assert reply.status == 200, again
            assert self.local is not None
        with suppress(OSError):
            self.port = self.local.getsockname()[1]
        assert again["replayed"] and again["seq"] == answer["seq"] and again["changes"] == answer["changes"]
        self.told.replayed_elsewhere += self.balancer.of[self.port] != first

    async def near(self) -> None:
        """Legal under both."""
        slot = self.dice.randrange(20)
        await self._move(slot)

    async def far(self) -> None:
        """Legal under the new rules alone."""
        version, status, answer = await self._move(22)
        if status == 200 and not answer["changes"]["changed"]:
            # It was there, and staying there is legal under any rules.
            return
        code = "moved" if status == 200 else answer["code"]
        self.told.far[version, code] += 1
        assert code == {"old": "SLOT_OUT_OF_RANGE", "new": "moved"}[version], (version, answer)

    async def _move(self, slot: int) -> tuple[str, int, Any]:
        return await self.post("move", {"item_id": self.sword, "to": {"container": "bag", "slot": slot}})
