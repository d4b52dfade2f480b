"""Processes that are stopped in the middle of something, overtaken by others, and then go on."""

import asyncio
import signal
import time
from pathlib import Path

import aiohttp
import pytest

import lua.library
from persistence.orchestrator import InventoryOrchestrator
from tests.adversity.site import HERO, Site, play, quantity, stopped, until
from tests.service.play import grant
from tests.serving import TOKEN, Serving, serving


def client(service: Serving) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(service.url, headers={"Authorization": f"Bearer {TOKEN}"})


async def post(http: aiohttp.ClientSession, path: str, **body: object) -> dict[str, object]:
    async with http.post(f"/v1/characters/{HERO}{path}", json=body) as reply:
        assert reply.status < 300, await reply.text()
        answer: dict[str, object] = await reply.json()
        return answer


@pytest.mark.parametrize("committed", [True, False])
async def test_a_flusher_stopped_past_its_lease_and_woken(
    site: Site, tmp_path: Path, committed: bool
) -> None:
    """Others take its work over; when it wakes up, what it still means to do is known to be old."""
    with serving(tmp_path / "stopped", env=site.environ) as flusher:
        direct = {"redis_url": site.valkey.url, "database_url": site.database_url}
        async with client(flusher) as http, site.gateway(flushing=False, **direct) as others:
            await post(http, "/session")
            site.to_postgres.stall_before(b"gold")
            await post(http, "/inventory/grant", template_id="gold", quantity=1)
            await until(lambda: site.to_postgres.hits == 1, "a flush is on its way")
            with stopped(flusher.process.pid):
                if committed:
                    site.to_postgres.flow()
                    await until(lambda: _durable_seq(others, 1), "PostgreSQL has it")
                else:
                    site.to_postgres.cut()
                    site.to_postgres.flow()
                for _ in range(3):
                    await play(others, grant("gold"))
                async with site.gateway(**direct) as healthy:
                    await until(lambda: _durable_seq(healthy, 4), "its work is taken over")
                    for _ in range(3):
                        await play(others, grant("gold"))
            async with client(flusher) as again:
                for _ in range(3):
                    await post(again, "/inventory/grant", template_id="gold", quantity=1)
                await post(again, "/session/save")
            assert await quantity(others, "gold") == 10
        assert flusher.stop() == 0
    assert "quarantined" not in (tmp_path / "stopped").read_text()
    await site.audit()


async def _durable_seq(gateway: InventoryOrchestrator, seq: int) -> bool:
    head = await gateway.store.character(HERO)
    return head is not None and head.seq >= seq


@pytest.mark.parametrize("overtaken_by", ["play", "eviction", "time"])
async def test_a_loader_that_stands_still_between_reading_and_installing(
    site: Site, monkeypatch: pytest.MonkeyPatch, overtaken_by: str
) -> None:
    """What it has read is old when it gets there, so it must read again, and end with what is newest."""
    sources = lua.library.shipped_sources()
    aged = {
        stem: text.replace("SNAPSHOT_AGE_MAX_MS = 30000", "SNAPSHOT_AGE_MAX_MS = 300")
        for stem, text in sources.items()
    }
    assert aged != sources
    monkeypatch.setattr(lua.library, "shipped_sources", lambda: aged)
    async with (
        site.gateway(flushing=False) as slow,
        site.gateway(flushing=False, redis_url=site.valkey.url) as quick,
    ):
        await play(quick, grant("gold"))
        await quick.save_session(HERO, evict=True)
        site.to_redis.stall_before(b"session_open")
        loading = asyncio.create_task(slow.load_session(HERO))
        await until(lambda: site.to_redis.hits == 1, "the loader has read")
        if overtaken_by == "time":
            began = time.monotonic()
            await until(lambda: time.monotonic() - began > 0.4, "what it has read is too old")
        else:
            await play(quick, grant("gold"), durable=True)
            await play(quick, grant("gold"))
            if overtaken_by == "eviction":
                await quick.save_session(HERO, evict=True)
        site.to_redis.flow()
        state, _ = await loading
        if overtaken_by == "time":
            assert state.epoch == 3, "what was read under epoch 2 was installed although it was too old"
        wanted = 1 if overtaken_by == "time" else 3
        assert state.live and state.seq == wanted
        assert await quantity(slow, "gold") == await quantity(quick, "gold") == wanted
        await slow.save_session(HERO)
    await site.audit()


async def test_a_loader_that_is_killed_between_reading_and_installing(site: Site, tmp_path: Path) -> None:
    """It has raised the epoch, and nobody holds it: the next load, or the next flush, takes it over."""
    async with site.gateway(redis_url=site.valkey.url) as quick:
        with serving(tmp_path / "dying", env=site.environ) as loader:
            await play(quick, grant("gold"))
            # The session is somebody else's node's, so the process has to load it.
            site.redis.hset(f"inventory:session:{HERO}", "gen", '"another:node"')
            site.to_redis.stall_before(b"session_open")
            async with client(loader) as http:
                asking = asyncio.create_task(post(http, "/inventory/grant", template_id="gold", quantity=1))
                await until(lambda: site.to_redis.hits == 1, "the loader has read")
                loader.process.send_signal(signal.SIGKILL)
                with pytest.raises(aiohttp.ClientError):
                    await asking
            loader.process.wait(10)
        site.to_redis.cut()
        site.to_redis.flow()
        await play(quick, grant("gold"), durable=True)
        assert await quantity(quick, "gold") == 2
    await site.audit()
