"""Kill -9 in the middle of play, and the next start: everything acknowledged is there."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from persistence.embedded import EmbeddedServers
from tests.serving import TOKEN, Serving, serving

HEDDA = "11111111-1111-4111-8111-111111111111"
PLAYERS = 16


def http(service: Serving) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(service.url, headers={"Authorization": f"Bearer {TOKEN}"})


async def create(session: aiohttp.ClientSession) -> str:
    async with session.post("/v1/characters", json={"name": "x"}) as reply:
        char_id: str = (await reply.json())["char_id"]
        return char_id


async def get(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.json()


async def play_until_cut_off(
    session: aiohttp.ClientSession, char_id: str, acknowledged: dict[str, int]
) -> None:
    """Grant coins one by one and count what was acknowledged, until the server is gone."""
    try:
        while True:
            body = {"template_id": "gold_coin", "quantity": 1}
            async with session.post(f"/v1/characters/{char_id}/inventory/grant", json=body) as reply:
                if reply.status == 200:
                    (coins,) = json.loads(await reply.read())["changes"]["changed"]
                    acknowledged[char_id] = coins["quantity"]
    except (aiohttp.ClientError, ConnectionError):
        return


async def play_and(service: Serving, blow: Any) -> dict[str, int]:
    """Play with many characters, strike in the middle, and answer what was acknowledged to each."""
    acknowledged: dict[str, int] = {}
    async with http(service) as session:
        characters = [await create(session) for _ in range(PLAYERS)]
        players = [
            asyncio.create_task(play_until_cut_off(session, char_id, acknowledged)) for char_id in characters
        ]
        while sum(acknowledged.values()) < 400:
            await asyncio.sleep(0.01)
        blow()
        await asyncio.wait_for(asyncio.gather(*players), 30)
    return acknowledged


async def coins(service: Serving) -> dict[str, int]:
    async with http(service) as session:
        found = {}
        for character in (await get(session, "/v1/characters?limit=500"))["characters"]:
            page = await get(session, f"/v1/characters/{character['char_id']}/inventory/wallet")
            for item in page["items"]:
                if item["template_id"] == "gold_coin":
                    found[character["char_id"]] = item["quantity"]
    return found


def child(pid: int, program: str) -> int:
    """The embedded server of that program: a child of the process that serves."""
    (found,) = (one.pid for one in psutil.Process(pid).children() if program in " ".join(one.cmdline()))
    return int(found)


@pytest.mark.parametrize("victim", ["haversack", "valkey-server", "postgres"])
async def test_kill_9_in_the_middle_of_play(tmp_path: Path, data_dir: Path, victim: str) -> None:
    options = ("--demo", "--data-dir", str(data_dir))
    with serving(tmp_path / "log", *options) as service:

        def blow() -> None:
            if victim == "haversack":
                service.kill()
            else:
                os.kill(child(service.process.pid, victim), signal.SIGKILL)

        acknowledged = await play_and(service, blow)
        if victim != "haversack":
            assert service.process.wait(30) == 1
            assert "SIGKILL" in service.log.read_text() or "killed" in service.log.read_text()
    with serving(tmp_path / "log", *options) as service:
        after = await coins(service)
        assert len(acknowledged) == PLAYERS
        # A grant that was done when its reply was cut off may be there too, but never one less.
        for char_id, quantity in acknowledged.items():
            assert quantity <= after[char_id] <= quantity + 1


async def test_ctrl_c_flushes_before_the_servers_go(tmp_path: Path, data_dir: Path) -> None:
    with serving(tmp_path / "log", "--demo", "--data-dir", str(data_dir)) as service:
        async with http(service) as session:
            body = {"template_id": "gold_coin", "quantity": 1000}
            async with session.post(f"/v1/characters/{HEDDA}/inventory/grant", json=body) as reply:
                seq = (await reply.json())["seq"]
        assert service.stop(signal.SIGINT) == 0
    with EmbeddedServers.start(data_dir, valkey=False) as servers:
        connection = await asyncpg.connect(servers.database_url)
        stored = await connection.fetchval("SELECT seq FROM characters WHERE char_id = $1", HEDDA)
        await connection.close()
    assert stored == seq


async def test_a_second_server_on_one_data_dir_is_refused(tmp_path: Path, data_dir: Path) -> None:
    options = ("--data-dir", str(data_dir))
    with serving(tmp_path / "log", *options) as service:
        with pytest.raises(AssertionError, match=f"process {service.process.pid}"):
            Serving(tmp_path / "second", *options)
        assert "Traceback" not in (tmp_path / "second").read_text()
        async with http(service) as session:
            assert (await get(session, "/readyz"))["status"] == "ok"
