"""On servers of one's own, named by URL: each pair in turn, from an empty database on."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
import redis

from persistence.demo.content import demo_catalog
from tests.e2e.playing import haversack
from tests.servers import Servers
from tests.serving import TOKEN, Serving, serving


async def test_from_an_empty_database_to_play(each_servers: Servers, tmp_path: Path) -> None:
    with redis.Redis.from_url(each_servers.redis.url) as client:
        client.flushall()
    env = {
        "HAVERSACK_REDIS_URL": each_servers.redis.url,
        "HAVERSACK_DATABASE_URL": await each_servers.empty_database(),
    }
    with pytest.raises(AssertionError, match=r"migrations are pending.*Run `haversack migrate`"):
        Serving(tmp_path / "too early", env=env)
    assert "applied 0001_characters_and_items" in haversack(env, "migrate")
    assert "applied" not in haversack(env, "migrate")
    catalog = tmp_path / "catalog.jsonl"
    catalog.write_bytes(b"\n".join(demo_catalog()))
    assert "version 1: 115 templates" in haversack(env, "catalog", "import", str(catalog))

    with serving(tmp_path / "log", env=env) as service:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(service.url, headers=headers) as http:
            async with http.post("/v1/characters", json={"name": "Ida"}) as reply:
                base = f"/v1/characters/{(await reply.json())['char_id']}"
            grant = {"template_id": "iron_sword", "quantity": 1}
            async with http.post(f"{base}/inventory/grant", json=grant) as reply:
                assert reply.status == 200, await reply.text()
            async with http.delete(f"{base}/session") as reply:
                assert (await reply.json())["durable_seq"] == 1
            # A catalog imported beside the running service reaches it by itself.
            zither = b'{"facts": {"template_id": "zither", "kind": "quest"}, "data": {}}'
            catalog.write_bytes(b"\n".join([*demo_catalog(), zither]))
            assert "version 2: 116 templates" in haversack(env, "catalog", "import", str(catalog))
            async with asyncio.timeout(10):
                while (await http.get("/v1/items/zither")).status == 404:
                    await asyncio.sleep(0.05)
            grant = {"template_id": "zither", "quantity": 1}
            async with http.post(f"{base}/inventory/grant", json=grant) as reply:
                assert (await reply.json())["seq"] == 2
        assert service.stop() == 0
