"""A gateway that is killed between two steps of the protocol, while another one plays on."""

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from engine.ruleset import Ruleset
from tests.invariants import violations
from tests.servers import Servers
from tests.serving import TOKEN, Serving, serving

DYING = str(Path(__file__).with_name("dying.py"))
CHAR_ID = "5e1f0000-0000-4000-8000-000000000001"
BASE = f"/v1/characters/{CHAR_ID}"


def client(service: Serving) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(service.url, headers={"Authorization": f"Bearer {TOKEN}"})


async def grant(http: aiohttp.ClientSession) -> int:
    async with http.post(
        f"{BASE}/inventory/grant", json={"template_id": "gold_coin", "quantity": 1}
    ) as reply:
        assert reply.status == 200, await reply.text()
        seq: int = (await reply.json())["seq"]
        return seq


async def until_dead(service: Serving) -> None:
    async with asyncio.timeout(20):
        while service.process.poll() is None:
            await asyncio.sleep(0.01)
    assert service.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("step", ["settle", "open"])
async def test_the_others_heal_it(
    servers: Servers, ruleset: Ruleset, database_url: str, tmp_path: Path, step: str
) -> None:
    """Killed between COMMIT and settle, and between a load's transaction and its session_open."""
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    with serving(tmp_path / "living", "--demo", env=env) as living:
        async with client(living) as http:
            async with http.post("/v1/characters", json={"char_id": CHAR_ID, "name": "x"}) as reply:
                assert reply.status == 201
            if step == "settle":
                await grant(http)
            program = (sys.executable, DYING, step)
            with serving(tmp_path / "dying", env=env, program=program) as dying:
                async with client(dying) as doomed:
                    # Its own flush, or its own load, is its death; who asked for it gets no answer.
                    with pytest.raises(aiohttp.ClientError):
                        for _ in range(1000):
                            path = "/session/save" if step == "settle" else "/session"
                            await grant(http) if step == "settle" else None
                            async with doomed.post(BASE + path) as reply:
                                assert reply.status < 500
                await until_dead(dying)
            seq = 0
            for _ in range(20):
                seq = await grant(http)
            async with http.post(f"{BASE}/session/save") as reply:
                assert (await reply.json())["durable_seq"] == seq
        assert living.stop() == 0
    assert await violations(servers.redis.url, database_url, ruleset) == []
