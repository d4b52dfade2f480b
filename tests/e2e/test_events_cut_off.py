"""Who follows a character and is cut off again and again sees every call once, in order.

Meanwhile sessions are flushed, evicted and loaded anew all the time, and a worker is killed.
"""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg

from engine.ruleset import Ruleset
from tests.e2e.deployment import until, workers_of
from tests.e2e.following import Subscriber
from tests.invariants import violations
from tests.servers import Servers
from tests.serving import TOKEN, serving

CHARACTERS = 3
CUTS = 50
EVICT_EVERY = 25


async def play(http: aiohttp.ClientSession, char_id: str, subscriber: Subscriber) -> None:
    """Call after call, and an eviction now and then, until its follower was cut off often enough."""
    path, calls = f"/v1/characters/{char_id}", 0
    while subscriber.cut_off < CUTS:
        calls += 1
        grant = {"template_id": "gold_coin", "quantity": 1}
        with suppress(aiohttp.ClientError):
            async with http.post(f"{path}/inventory/grant", json=grant) as reply:
                assert reply.status in (200, 503), await reply.text()
        if calls % EVICT_EVERY == 0:
            with suppress(aiohttp.ClientError):
                async with http.delete(f"{path}/session") as reply:
                    await reply.read()


async def ledger(database_url: str, char_id: str) -> list[int]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT seq FROM journal WHERE char_id = $1 ORDER BY seq", char_id)
    await connection.close()
    return [row["seq"] for row in rows]


async def kill_a_worker(workers: Sequence[int], subscribers: Sequence[Subscriber]) -> None:
    await until(lambda: all(one.cut_off >= CUTS // 3 for one in subscribers), "a third of the cuts")
    os.kill(random.choice(workers), signal.SIGKILL)


async def test_every_seq_once_in_order(
    servers: Servers, ruleset: Ruleset, tmp_path: Path, database_url: str
) -> None:
    env: dict[str, str] = {
        "HAVERSACK_REDIS_URL": servers.redis.url,
        "HAVERSACK_DATABASE_URL": database_url,
        "HAVERSACK_WORKERS": "2",
        "HAVERSACK_FLUSH_INTERVAL_MS": "20",
    }
    chance = random.Random(7)
    subscribers = [Subscriber(str(uuid4()), last_id="0.0") for _ in range(CHARACTERS)]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with serving(tmp_path / "log", "--demo", env=env) as service:
        # A connection for each request, so that both workers get some.
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(service.url, headers=headers, connector=connector) as http:
            for one in subscribers:
                async with http.post("/v1/characters", json={"char_id": one.char_id}) as reply:
                    assert reply.status == 201
            following = [asyncio.create_task(one.follow(http, chance, CUTS)) for one in subscribers]
            playing: list[Any] = [play(http, one.char_id, one) for one in subscribers]
            await asyncio.gather(*playing, kill_a_worker(workers_of(service), subscribers))
            for one in subscribers:
                async with http.delete(f"/v1/characters/{one.char_id}/session") as reply:
                    assert reply.status == 200
            done = {one.char_id: await ledger(database_url, one.char_id) for one in subscribers}
            await until(
                lambda: all(len(one.seqs) >= len(done[one.char_id]) for one in subscribers), "the last events"
            )
            for task in following:
                assert not task.done(), task.exception()
                task.cancel()
    assert service.process.returncode == 0
    for one in subscribers:
        assert one.seqs == done[one.char_id] == list(range(1, len(one.seqs) + 1))
        assert one.resets == []
        assert one.cut_off >= CUTS
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert await violations(servers.redis.url, database_url, ruleset) == []
