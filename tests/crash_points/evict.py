"""EVICT: asked for, for idleness, begun by somebody who died, and failing in the middle."""

import asyncio

from persistence.errors import Unavailable
from persistence.postgres.store import InventoryStore
from tests.crash_points.aside import once, raising
from tests.crash_points.doomed import Doomed
from tests.crash_points.flush import written
from tests.crash_points.scenarios import scenario
from tests.loading import begin_load


@scenario("EVICT")
async def asked_for(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        doomed.act()
        await gateway.save_session(doomed.char_id, evict=True)


@scenario("EVICT")
async def idle(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
    doomed.act()
    async with doomed.gateway(flushing=True, idle_evict_s=0):
        await gone(doomed)


async def gone(doomed: Doomed) -> None:
    while doomed.redis.exists(doomed.keys.session):
        await asyncio.sleep(0.005)


@scenario("EVICT")
async def begun_by_somebody_who_died(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await gateway._sessions.close(doomed.char_id, "begin", lease_ms=0)
    doomed.act()
    async with doomed.gateway(flushing=True):
        await gone(doomed)


@scenario("EVICT")
async def written_before_but_not_deleted(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await written(gateway, doomed.char_id)
        doomed.act()
        await gateway.save_session(doomed.char_id, evict=True)


@scenario("EVICT")
async def its_final_flush_fails(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        once(InventoryStore, "flush", instead=raising(Unavailable("PostgreSQL: it is away")))
        doomed.act()
        try:
            await gateway.save_session(doomed.char_id, evict=True)
        except Unavailable:
            await gateway.save_session(doomed.char_id, evict=True)


@scenario("EVICT")
async def after_a_load_that_never_reached_redis(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await begin_load(gateway.store, doomed.char_id)
        doomed.act()
        await gateway.save_session(doomed.char_id, evict=True)
