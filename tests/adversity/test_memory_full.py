"""Redis at its maxmemory: commands are refused with nothing done, and what frees memory goes on."""

from typing import Any

import pytest

from persistence.errors import OutcomeUnknown, Unavailable
from tests.adversity.site import HERO, Site, char_ids, play, quantity, until
from tests.loading import begin_load
from tests.service.play import grant


def fill_up(site: Site, below: int = 0) -> None:
    """No memory for anything that asks for it; or, with ``below``, not until less than that is used."""
    site.redis.config_set("maxmemory", below or 1)


def content(site: Site) -> dict[bytes, Any]:
    found: dict[bytes, Any] = {}
    for key in site.redis.scan_iter("inventory:*"):
        kind = site.redis.type(key)
        if kind == b"hash":
            found[key] = site.redis.hgetall(key)
        else:
            found[key] = site.redis.dump(key)
    return found


async def test_commands_are_refused_and_leave_no_trace(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, grant("gold"))
        before = content(site)
        fill_up(site)
        for commands in ((grant("gold", 10),), ({"op": "sort", "container": "bag"},)):
            for op_id in ("", "once"):
                with pytest.raises(Unavailable):
                    await play(gateway, *commands, op_id=op_id)
        with pytest.raises(Unavailable):
            await gateway.load_session(char_ids(2)[1])
        assert content(site) == before
        site.redis.config_set("maxmemory", 0)
        assert (await play(gateway, grant("gold", 10), op_id="once"))["replayed"] is False
        await gateway.save_session(HERO)
    await site.audit()


async def test_flushing_and_evicting_go_on(site: Site) -> None:
    async with site.gateway() as gateway:
        with_changes = char_ids(4)
        async with site.gateway(flushing=False, redis_url=site.valkey.url) as other:
            for char_id in with_changes:
                await play(other, grant("gold", 7), char_id=char_id)
            fill_up(site)
        await site.flushed()
        state = await gateway.save_session(HERO, evict=True)
        assert not state.live and state.durable_seq == 1
        assert not site.redis.exists(f"inventory:session:{HERO}")
        with pytest.raises(Unavailable):
            await play(gateway, grant("gold"))
        site.redis.config_set("maxmemory", 0)
        assert await quantity(gateway, "gold") == 7
    await site.audit()


async def test_a_session_whose_epoch_a_dead_load_has_raised_is_flushed_too(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, grant("gold", 7))
        await begin_load(gateway.store, HERO)
        fill_up(site)
        state = await gateway.save_session(HERO)
        assert state.durable_seq == 1
        site.redis.config_set("maxmemory", 0)
        await play(gateway, grant("gold"))
        await gateway.save_session(HERO)
    await site.audit()


async def test_play_resumes_when_idle_sessions_are_evicted(site: Site) -> None:
    """Nobody has to do anything: what frees the memory is the eviction of those who have gone."""
    async with site.gateway(idle_evict_s=1) as gateway:
        await play(gateway, grant("gold"))
        used = site.redis.info("memory")["used_memory"]
        for char_id in char_ids(24)[1:]:
            await play(gateway, grant("dagger", 200, overflow=True), char_id=char_id)
        grown = site.redis.info("memory")["used_memory"]
        fill_up(site, (used + grown) // 2)
        with pytest.raises((Unavailable, OutcomeUnknown)) as refused:
            await play(gateway, grant("gold"))
        assert refused.type is Unavailable

        async def resumed() -> bool:
            try:
                await play(gateway, grant("gold"))
            except Unavailable:
                return False
            return True

        await until(resumed, "play goes on")
    await site.audit()
