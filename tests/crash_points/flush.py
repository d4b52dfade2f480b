"""FLUSH: by the loop and for a caller; and each thing that PostgreSQL's head may turn out to say."""

import asyncio

import asyncpg

from persistence.orchestrator import InventoryOrchestrator
from persistence.protocol import flusher, write_behind
from tests.crash_points.aside import once
from tests.crash_points.doomed import Doomed
from tests.crash_points.scenarios import scenario
from tests.loading import begin_load

GOLD = {"op": "grant", "template_id": "gold", "quantity": 7}


async def flushed(gateway: InventoryOrchestrator, *char_ids: str) -> write_behind.Flushed:
    return await gateway._flusher._writes.flush(char_ids)


async def written(gateway: InventoryOrchestrator, char_id: str) -> None:
    """In PostgreSQL, and Redis does not know: as a flusher leaves it that dies before it settles."""
    pending = await gateway._work.pending([char_id], limit=100)
    await gateway.store.flush([write_behind.work_of(char_id, pending[char_id])])


@scenario("FLUSH")
async def the_loop_claims_what_is_due(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
    doomed.act()
    async with doomed.gateway(flushing=True) as gateway:
        await clean(gateway, doomed)


async def clean(gateway: InventoryOrchestrator, doomed: Doomed) -> None:
    while doomed.redis.exists(doomed.keys.journal):
        await asyncio.sleep(0.005)


@scenario("FLUSH")
async def a_process_stops(doomed: Doomed) -> None:
    """Its loop sleeps until it is told to stop; then it flushes what is dirty."""
    flusher.LOOKS_PER_INTERVAL = 0.001  # type: ignore[assignment]
    async with doomed.gateway(flushing=True) as gateway:
        await doomed.played(gateway)
        doomed.act()


@scenario("FLUSH")
async def a_process_stops_while_it_flushes(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
    async with doomed.gateway(flushing=True) as gateway:
        begun = asyncio.Event()

        async def until_it_stops() -> None:
            begun.set()
            await gateway._flusher._stopping.wait()

        once(gateway.store, "flush", before=until_it_stops)
        doomed.act()
        await begun.wait()


@scenario("FLUSH")
async def as_much_is_under_way_as_may_be(doomed: Doomed) -> None:
    flusher.BATCHES_AT_ONCE = 1
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
    doomed.act()
    async with doomed.gateway(flushing=True) as gateway:
        await clean(gateway, doomed)


@scenario("FLUSH")
async def two_want_it_written_at_once(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        doomed.act()
        await asyncio.gather(flushed(gateway, doomed.char_id), flushed(gateway, doomed.char_id))


@scenario("FLUSH")
async def a_caller_wants_it_saved(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        doomed.act()
        await gateway.save_session(doomed.char_id)


@scenario("FLUSH")
async def in_pages(doomed: Doomed) -> None:
    write_behind.ENTRIES_PER_PAGE = 2
    async with doomed.gateway() as gateway:
        await doomed.played(gateway, calls=3)
        doomed.act()
        await flushed(gateway, doomed.char_id)


@scenario("FLUSH")
async def written_before_but_not_settled(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await written(gateway, doomed.char_id)
        await doomed.call(gateway, GOLD)
        doomed.act()
        await flushed(gateway, doomed.char_id)


@scenario("FLUSH")
async def a_load_that_never_reached_redis(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await begin_load(gateway.store, doomed.char_id)
        doomed.act()
        await flushed(gateway, doomed.char_id)


@scenario("FLUSH")
async def an_old_state_that_came_back(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        old = doomed.saved()
        await doomed.call(gateway, GOLD)
        await flushed(gateway, doomed.char_id)
        doomed.put_back(old)
        doomed.act()
        await flushed(gateway, doomed.char_id)


@scenario("FLUSH")
async def a_head_that_somebody_else_holds(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        other = await asyncpg.connect(doomed.database_url)
        held = other.transaction()
        await held.start()
        await other.execute("SELECT FROM characters WHERE char_id = $1 FOR UPDATE", doomed.char_id)
        once(gateway.store, "flush", after=held.rollback)
        doomed.act()
        await flushed(gateway, doomed.char_id)


@scenario("FLUSH", poisoned=(2,))
async def one_of_many_is_refused(doomed: Doomed) -> None:
    first, second, poisoned = doomed.char_ids
    async with doomed.gateway() as gateway:
        for char_id in (first, second):
            await doomed.played(gateway, char_id=char_id)
        taken = await doomed.call(gateway, GOLD)
        await flushed(gateway, first)
        await doomed.born(gateway, poisoned)
        # The same id again, for somebody else: PostgreSQL must refuse that row.
        prefix = taken["changes"]["changed"][0]["item_id"][:24]
        await doomed.call(gateway, GOLD, char_id=poisoned, id_prefix=prefix)
        await doomed.call(gateway, GOLD)
        doomed.act()
        await flushed(gateway, first, second, poisoned)


@scenario("FLUSH", poisoned=(1,))
async def one_that_cannot_be_read(doomed: Doomed) -> None:
    sound, damaged = doomed.char_ids[:2]
    async with doomed.gateway() as gateway:
        for char_id in (sound, damaged):
            await doomed.played(gateway, char_id=char_id)
        doomed.redis.lset(gateway._sessions.keys.of(damaged).journal, 0, "not an entry")
        doomed.act()
        await flushed(gateway, sound, damaged)


@scenario("FLUSH", poisoned=(1,))
async def one_with_a_gap(doomed: Doomed) -> None:
    sound, damaged = doomed.char_ids[:2]
    async with doomed.gateway() as gateway:
        for char_id in (sound, damaged):
            await doomed.played(gateway, char_id=char_id)
        doomed.redis.lpop(gateway._sessions.keys.of(damaged).journal)
        doomed.act()
        await flushed(gateway, sound, damaged)
