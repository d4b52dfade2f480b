"""The example of a game server, run as it stands in the documentation, and played."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from haversack_client import Haversack
from tests.serving import TOKEN, Serving

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/game_server.py"
_SERVES = re.compile(r"http://127\.0\.0\.1:(\d+)")


@pytest.fixture
async def game(service: Serving, tmp_path: Path) -> AsyncIterator["Game"]:
    """Serving; it has ended by itself when the test has, or is told to."""
    environ = os.environ | {
        "HAVERSACK_URL": service.url,
        "HAVERSACK_TOKEN": TOKEN,
        "PORT": "0",
        "PYTHONPATH": str(ROOT / "client"),
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-P", str(EXAMPLE)], env=environ, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        found = None
        while found is None:
            line = process.stdout.readline()
            assert line, "it ended before it served"
            found = _SERVES.search(line)
        yield Game(f"http://127.0.0.1:{found[1]}", process)
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Game(NamedTuple):
    """The process, and where it serves."""

    url: str
    process: subprocess.Popen[str]


class Connection:
    """A player's."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, do: str, **rest: object) -> Any:
        await self.socket.send_json({"do": do, **rest})
        return await self.socket.receive_json(timeout=20)

    async def find(self, template_id: str) -> str:
        """Explore until it is found; the id under which it lies there."""
        while True:
            found = (await self.say("explore"))["found"]
            if found["template_id"] == template_id:
                return str(found["drop_id"])

    async def pick_up(self, template_id: str) -> Any:
        told = await self.say("pick_up", drop_id=await self.find(template_id))
        return told["changed"][0]


async def test_a_day_in_it(game: Game, client: Haversack) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{game.url}/play") as socket:
        runa = Connection(socket)
        assert await runa.say("explore") == {"error": "LOG_IN_FIRST"}
        assert await runa.say("login", name="Runa") == {"welcome": "Runa", "items": []}
        assert "error" in await runa.say("fly")
        assert "error" in await runa.say("equip", item_id=7)

        # Loot is picked up once, by one.
        drop_id = await runa.find("iron_sword")
        async with http.ws_connect(f"{game.url}/play") as other_socket:
            ulf = Connection(other_socket)
            await ulf.say("login", name="Ulf")
            (sword,) = (await runa.say("pick_up", drop_id=drop_id))["changed"]
            assert await ulf.say("pick_up", drop_id=drop_id) == {"error": "GONE"}
        longsword = await runa.pick_up("steel_longsword")
        letter = await runa.pick_up("sealed_letter")

        # What is refused stays where it was: only one letter may be carried, so the other lies there still.
        second = await runa.find("sealed_letter")
        for _ in range(2):
            assert (await runa.say("pick_up", drop_id=second))["refused"] == "CARRY_LIMIT"
        told = await runa.say("equip", item_id=longsword["item_id"])
        assert (told["refused"], told["params"]["required"]) == ("LEVEL_TOO_LOW", 8)
        (worn,) = (await runa.say("equip", item_id=sword["item_id"]))["changed"]
        assert worn["place"] == {"container": "equipment", "slot": "main_hand"}

        # No money, no goods.
        assert (await runa.say("buy", template_id="leather_cap"))["refused"] == "INSUFFICIENT_ITEMS"
        coins = await runa.pick_up("gold_coin")
        changed = (await runa.say("buy", template_id="leather_cap"))["changed"]
        assert {item["template_id"]: item["quantity"] for item in changed} == {
            "gold_coin": coins["quantity"] - 1,
            "leather_cap": 1,
        }

        # The trade window takes what may be traded.
        assert await runa.say("offer", item_id=letter["item_id"]) == {"refused": "ITEM_BOUND"}
        assert await runa.say("offer", item_id=sword["item_id"]) == {"refused": "ITEM_WORN"}
        offered = (await runa.say("offer", item_id=longsword["item_id"]))["offered"]
        assert offered["data"]["name"] == "Steel Longsword"

        # All is saved when she goes, and there when she is back.
        await socket.close()
        (character,) = [character async for character in client.characters(name="Runa")]
        async with asyncio.timeout(20):
            while character.live or character.durable_seq < 6:
                character = await client.character(character.char_id).read()
        assert character.seq == 6
        async with http.ws_connect(f"{game.url}/play") as again:
            items = (await Connection(again).say("login", name="Runa"))["items"]
        assert {item["template_id"] for item in items} == {
            "iron_sword", "steel_longsword", "sealed_letter", "gold_coin", "leather_cap",
        }  # fmt: skip

        # When the server ends, it parts from whoever is there, and saves them.
        async with http.ws_connect(f"{game.url}/play") as last:
            await Connection(last).say("login", name="Runa")
            assert (await client.character(character.char_id).read()).live
            game.process.terminate()
            assert (await last.receive(timeout=20)).data == aiohttp.WSCloseCode.GOING_AWAY
            assert await asyncio.to_thread(game.process.wait, 20) == 0
        assert not (await client.character(character.char_id).read()).live
