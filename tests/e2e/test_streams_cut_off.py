"""A service that stops or dies under its streams: what was answered is kept; what is repeated, done once."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from engine.ruleset import Ruleset
from tests.gateway.streaming import JSON, MSGPACK, Stream, connect
from tests.invariants import violations
from tests.servers import Servers
from tests.serving import TOKEN, Serving, serving

PLAYERS = 8
SECONDS = 2.0


class Player:
    """Grants coins one by one to a character of its own, 20 requests at a time under way."""

    def __init__(self, number: int) -> None:
        self.language = MSGPACK if number % 2 else JSON
        self.char_id = str(uuid4())
        self.sent = 0
        self.answered: dict[int, Any] = {}
        self.close_code: int | None = None

    def request(self, number: int) -> dict[str, Any]:
        command = {"op": "grant", "template_id": "gold_coin", "quantity": 1}
        return {
            "id": number,
            "char_id": self.char_id,
            "commands": [command],
            "idempotency_key": f"{self.char_id} {number}",
        }

    async def play(self, http: aiohttp.ClientSession) -> None:
        """Until the server closes, or is gone."""
        stream = await connect(http, self.language)
        try:
            while True:
                frame = []
                while self.sent - len(self.answered) < 20:
                    frame.append(self.request(self.sent))
                    self.sent += 1
                await stream.send(frame)
                await self._take(stream)
        except (aiohttp.ClientError, ConnectionError, AssertionError):
            self.close_code = stream.socket.close_code

    async def _take(self, stream: Stream) -> None:
        """Answers of a character come in the order of its requests, whatever was asked since."""
        for answer in await stream.receive():
            assert "code" not in answer, answer
            assert answer["id"] == len(self.answered)
            self.answered[answer["id"]] = answer

    async def repeat(self, http: aiohttp.ClientSession) -> None:
        """What was not answered is sent again; the last of what was answered, too."""
        stream = await connect(http, self.language)
        again = range(max(0, len(self.answered) - 20), self.sent)
        await stream.send([self.request(number) for number in again])
        for answer in await stream.answers(len(again)):
            if (known := self.answered.get(answer["id"])) is not None:
                assert answer["replayed"] is True
                assert answer["changes"] == known["changes"]
            self.answered[answer["id"]] = answer
        await stream.socket.close()

    async def coins(self, http: aiohttp.ClientSession) -> int:
        async with http.get(f"/v1/characters/{self.char_id}/inventory") as response:
            return sum(item["quantity"] for item in (await response.json())["items"])


def client(service: Serving) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(service.url, headers={"Authorization": f"Bearer {TOKEN}"})


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGKILL])
async def test_every_coin_once(
    servers: Servers, ruleset: Ruleset, tmp_path: Path, database_url: str, blow: signal.Signals
) -> None:
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    players = [Player(number) for number in range(PLAYERS)]
    with serving(tmp_path / "log", "--demo", env=env) as service:
        async with client(service) as http:
            for player in players:
                body = {"char_id": player.char_id}
                async with http.post("/v1/characters", json=body) as response:
                    assert response.status == 201
            playing = [asyncio.create_task(player.play(http)) for player in players]
            until = time.monotonic() + SECONDS
            while time.monotonic() < until or not all(player.answered for player in players):
                await asyncio.sleep(0.05)
            status = await asyncio.to_thread(service.stop, blow)
            await asyncio.gather(*playing)
    if blow is signal.SIGTERM:
        assert status == 0
        assert "Traceback" not in (tmp_path / "log").read_text()
        # What it had read is answered before it says that it goes away.
        assert {player.close_code for player in players} == {1001}
    with serving(tmp_path / "again", env=env) as service:
        async with client(service) as http:
            for player in players:
                await player.repeat(http)
                assert sorted(player.answered) == list(range(player.sent))
                assert await player.coins(http) == player.sent
        assert service.stop() == 0
    assert await violations(servers.redis.url, database_url, ruleset) == []
