"""Clients that play over HTTP whatever happens, and write down every answer."""

import asyncio
import random
import time
from typing import Any

import aiohttp
import msgspec

from tests.chaos.process import Process
from tests.chaos.records import NO_ANSWER, NO_CONNECTION, UNKNOWN, Attempt, Records
from tests.serving import TOKEN

TIMEOUT_S = 15.0
THINK_S = 0.06
REPEATS_MAX = 6
STACKS = ("gold_coin", "small_healing_potion", "brown_bread", "ash_arrow")
WEAR = ("iron_sword", "leather_cap", "rope_belt", "steel_longsword", "ash_spear")

Command = dict[str, Any]


class Client:
    """Plays a few characters of its own, and now and then one of all."""

    def __init__(
        self,
        number: int,
        http: aiohttp.ClientSession,
        gateways: list[Process],
        own: list[str],
        everyone: list[str],
        records: Records,
        seed: int,
    ) -> None:
        self._number, self._http, self._gateways, self._records = number, http, gateways, records
        self._own, self._everyone = own, everyone
        self._rng = random.Random(f"{seed} {number}")
        self._items: dict[str, dict[str, Any]] = {}
        # Calls that were done, to be asked for again while their ids are remembered.
        self._again: list[tuple[str, list[Command], str, bool]] = []
        self._calls = 0

    async def play(self, playing: asyncio.Event) -> None:
        while playing.is_set():
            rng = self._rng
            char_id = rng.choice(self._own if rng.random() < 0.9 else self._everyone)
            what = rng.random()
            if what < 0.08 or char_id not in self._items:
                await self._look(char_id)
            elif what < 0.10:
                await self._session("DELETE", char_id, "/session")
            elif what < 0.12:
                await self._session("POST", char_id, "/session/save")
            elif what < 0.16 and self._again:
                await self._attempt(*self._again.pop(0))
            else:
                await self._act(char_id)
            await asyncio.sleep(rng.random() * 2 * THINK_S)

    async def _act(self, char_id: str) -> None:
        rng = self._rng
        commands = [self._command(char_id) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        self._calls += 1
        op_id = f"{self._records.phase}:{self._number}-{self._calls}" if rng.random() < 0.7 else ""
        durable = rng.random() < 0.15
        for repeat in range(REPEATS_MAX):
            attempt = await self._attempt(char_id, commands, op_id, durable)
            if attempt.status == 200:
                if op_id and rng.random() < 0.2:
                    self._again.append((char_id, commands, op_id, durable))
                    del self._again[:-6]
                return
            if attempt.status and attempt.status < 500:
                return
            if attempt.code in (UNKNOWN, NO_ANSWER) and not op_id:
                # It may have been done, so it must not be repeated; look instead.
                self._items.pop(char_id, None)
                return
            await asyncio.sleep(0.1 * (repeat + 1) * (0.5 + rng.random()))

    async def _attempt(self, char_id: str, commands: list[Command], op_id: str, durable: bool) -> Attempt:
        request_id = f"{self._records.phase}:{next(self._records.numbers)}"
        headers = {"X-Request-Id": request_id}
        if op_id:
            headers["Idempotency-Key"] = op_id
        if durable:
            headers["Inventory-Durability"] = "durable"
        sent = time.time()
        status, code, reply = await self._send(
            "POST", char_id, "/inventory/execute", headers, {"commands": commands}
        )
        attempt = Attempt(request_id, char_id, op_id, durable, sent, time.time(), status, code, reply)
        self._records.add(attempt)
        if attempt.applied:
            items = self._items.setdefault(char_id, {})
            for item_id in reply["changes"]["removed"]:
                items.pop(item_id, None)
            for item in reply["changes"]["changed"]:
                items[item["item_id"]] = item
        return attempt

    async def _look(self, char_id: str) -> None:
        status, _, shown = await self._send("GET", char_id, "/inventory", {}, None)
        if status == 200:
            self._items[char_id] = {item["item_id"]: item for item in shown["items"]}
            content = sorted(shown["items"], key=lambda item: item["item_id"])
            self._records.read(char_id, shown["tag"], hash(msgspec.json.encode(content)))

    async def _session(self, method: str, char_id: str, path: str) -> None:
        status, code, _ = await self._send(method, char_id, path, {}, None)
        self._records.answers[f"{method} {path}: {status or ''} {code}".strip()] += 1

    async def _send(
        self, method: str, char_id: str, path: str, headers: dict[str, str], body: object
    ) -> tuple[int, str, Any]:
        """Status, code and reply; status 0 where there was no answer."""
        front = self._rng.choice(self._gateways).front
        assert front is not None
        url = f"http://127.0.0.1:{front.port}/v1/characters/{char_id}{path}"
        try:
            async with self._http.request(method, url, headers=headers, json=body) as reply:
                content = msgspec.json.decode(await reply.read())
                if reply.status >= 500 and reply.status != 503:
                    self._records.unexpected.append(f"{method} {path} was answered {reply.status}: {content}")
                return reply.status, content.get("code", "") if reply.status >= 400 else "", content
        except aiohttp.ClientConnectorError:
            return 0, NO_CONNECTION, None
        except (aiohttp.ClientError, TimeoutError, ConnectionError, msgspec.DecodeError):
            return 0, NO_ANSWER, None

    def _command(self, char_id: str) -> Command:
        rng, items = self._rng, self._items[char_id]
        kind = rng.choices(
            ("grant", "give", "move", "split", "consume", "equip", "unequip", "sort", "use", "drop"),
            (8, 4, 12, 4, 6, 4, 3, 1, 2, 2),
        )[0]
        if kind == "grant" or not items:
            return {"op": "grant", "template_id": rng.choice(STACKS), "quantity": rng.randint(1, 5)}
        item = rng.choice(list(items.values()))
        item_id, place = item["item_id"], {"container": rng.choice(("bag", "bag", "bank"))}
        match kind:
            case "give":
                return {"op": "grant", "template_id": rng.choice(WEAR), "quantity": 1}
            case "move":
                return {"op": "move", "item_id": item_id, "to": place | {"slot": rng.randrange(20)}}
            case "split":
                to = place | {"slot": rng.randrange(20)}
                return {"op": "move", "item_id": item_id, "to": to, "quantity": 1}
            case "consume":
                return {"op": "consume", "template_id": rng.choice(STACKS), "quantity": 1}
            case "sort":
                return {"op": "sort", "container": "bag"}
        return {"op": kind, "item_id": item_id}


async def play(
    gateways: list[Process],
    characters: list[str],
    records: Records,
    *,
    clients: int,
    seed: int,
    playing: asyncio.Event,
) -> None:
    """Let so many clients play until ``playing`` is cleared; they end their last calls first."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession(
            headers=headers, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)
        ) as http,
        asyncio.TaskGroup() as group,
    ):
        for number in range(clients):
            own = characters[number::clients]
            client = Client(number, http, gateways, own, characters, records, seed)
            group.create_task(client.play(playing))
