"""`haversack flush`: what a gateway left dirty is written by a flusher alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import asyncpg
import redis

from tests.servers import Servers
from tests.serving import TOKEN, serving

CHAR_ID = "5e1f0000-0000-4000-8000-000000000002"
BASE = f"/v1/characters/{CHAR_ID}"


async def test_a_flusher_takes_over_what_a_dead_gateway_left(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    env = {"HAVERSACK_REDIS_URL": servers.redis.url, "HAVERSACK_DATABASE_URL": database_url}
    # A flush every minute: this gateway dies before its first.
    slow = env | {"HAVERSACK_FLUSH_INTERVAL_MS": "60000"}
    with serving(tmp_path / "gateway", "--demo", env=slow) as gateway:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(gateway.url, headers=headers) as http:
            async with http.post("/v1/characters", json={"char_id": CHAR_ID, "name": "x"}) as reply:
                assert reply.status == 201
            coins = {"template_id": "gold_coin", "quantity": 5}
            async with http.post(f"{BASE}/inventory/grant", json=coins) as reply:
                assert (await reply.json())["durable_seq"] == 0
        gateway.kill()
    # Due when the gateway's minute is over, or when it was let go: as if that had passed.
    with redis.Redis.from_url(servers.redis.url) as client:
        client.zadd("inventory:due:", {CHAR_ID: 0})
    log = tmp_path / "flusher"
    with log.open("wb") as output:
        flusher = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "flush"], env=os.environ | env, stdout=output, stderr=output
        )
    try:
        connection = await asyncpg.connect(database_url)
        deadline = time.monotonic() + 30
        while await connection.fetchval("SELECT seq FROM characters WHERE char_id = $1", CHAR_ID) != 1:
            assert flusher.poll() is None and time.monotonic() < deadline, log.read_text()
        assert await connection.fetchval("SELECT quantity FROM items WHERE owner = $1", CHAR_ID) == 5
        await connection.close()
        flusher.send_signal(signal.SIGTERM)
        assert flusher.wait(timeout=20) == 0
    finally:
        flusher.kill()
    assert "Haversack flushes, ruleset haversack" in log.read_text()
