"""LOAD, and each answer that ``session_open`` has."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
from redis.exceptions import ResponseError

from persistence.errors import Unavailable
from persistence.items.item_gateway import ItemGateway
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres.store import InventoryStore
from persistence.protocol import ruleset_turns
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.session_state import Probe
from tests.crash_points.aside import once, raising
from tests.crash_points.doomed import LEASE_MS, Doomed, newer_rules
from tests.crash_points.scenarios import scenario


@scenario("LOAD")
async def a_process_starts_and_creates_a_session(doomed: Doomed) -> None:
    """Loaded in a life before: there are items to read, and operations to remember."""
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await gateway.save_session(doomed.char_id, evict=True)
    doomed.act()
    async with doomed.gateway() as gateway:
        await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def a_server_that_keeps_its_configuration_to_itself(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        link = type(gateway._sessions.mirror.link)
    real = link.call
    asked: list[Any] = []

    async def call(self: Any, *command: Any, **kwargs: Any) -> Any:
        reply = await real(self, *command, **kwargs)
        if command[0] == "CONFIG" and not asked:
            asked.append(command)
            raise ResponseError("unknown command 'CONFIG'")
        return reply

    link.call = call  # type: ignore[method-assign]
    doomed.act()
    async with doomed.gateway() as gateway:
        await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def redis_came_back_with_all_it_had(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        doomed.came_back()
        doomed.act()
        # It is flushed under the new gen by whoever claims it, so the load has nothing to flush first.
        await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def redis_came_back_with_an_old_state(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        old = doomed.saved()
        await doomed.call(gateway, {"op": "grant", "template_id": "gold", "quantity": 7}, durable=True)
        doomed.put_back(old)
        doomed.act()
        await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def redis_lost_everything(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await gateway.save_session(doomed.char_id)
        # All that was this character's; others are tried in the same Redis.
        doomed.redis.delete(*doomed.redis.keys(f"*{doomed.char_id}"))
        doomed.redis.zrem(doomed.keys.due, doomed.char_id)
        doomed.act()
        await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def a_dirty_session_under_an_older_catalog_is_flushed_and_refreshed(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await doomed.changed_catalog(gateway)
        doomed.act()
        await gateway.items.refresh()
        await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def a_newer_catalog_is_noticed(doomed: Doomed) -> None:
    (ItemGateway.__init__.__kwdefaults__ or {})["poll_s"] = 0.02
    async with doomed.gateway() as other:
        await doomed.played(other)
        doomed.act()
        async with doomed.gateway() as gateway:
            before = gateway.items.version
            # It looks when the import is done, and not in its midst, which does not count.
            async with gateway.items._reading:
                await doomed.changed_catalog(other)
            while gateway.items.version == before:
                await asyncio.sleep(0.005)
            await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def a_gateway_behind_the_sessions_catalog(doomed: Doomed) -> None:
    async with doomed.gateway() as slow, doomed.gateway() as quick:
        await slow.items.close()
        await doomed.changed_catalog(quick)
        await quick.items.refresh()
        await doomed.played(quick)
        doomed.act()
        await slow._loader.reload(doomed.char_id)


@scenario("LOAD")
async def two_callers_at_once(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        doomed.came_back()
        doomed.act()
        await asyncio.gather(*(gateway.load_session(doomed.char_id) for _ in range(2)))


@scenario("LOAD")
async def a_newer_load_comes_first_and_is_kept(doomed: Doomed) -> None:
    async with doomed.gateway() as slow, doomed.gateway() as quick:
        await doomed.played(quick)
        doomed.came_back()
        once(InventoryStore, "begin_loads", after=lambda: quick.load_session(doomed.char_id))
        doomed.act()
        await slow.load_session(doomed.char_id)


@scenario("LOAD")
async def an_eviction_comes_first_and_fences_it_off(doomed: Doomed) -> None:
    async with doomed.gateway() as slow, doomed.gateway() as quick:
        await doomed.played(quick)
        await quick.save_session(doomed.char_id, evict=True)

        async def meanwhile() -> None:
            await quick.load_session(doomed.char_id)
            await doomed.call(quick, {"op": "grant", "template_id": "gold", "quantity": 7})
            await quick.save_session(doomed.char_id, evict=True)

        once(InventoryStore, "begin_loads", after=meanwhile)
        doomed.act()
        await slow.load_session(doomed.char_id)


@scenario("LOAD")
async def the_node_is_another_one_by_the_time(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await gateway.save_session(doomed.char_id, evict=True)
        sessions = gateway._loader._sessions

        async def elsewhere(char_ids: Sequence[str]) -> list[Probe]:
            probes = await InventorySessionManager.probes(sessions, char_ids)
            return [msgspec.structs.replace(probe, node_gen="another:node") for probe in probes]

        once(sessions, "probes", instead=elsewhere)
        doomed.act()
        await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def many_at_once_and_one_of_nobody(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        for char_id in doomed.char_ids:
            await doomed.played(gateway, char_id=char_id)
            await gateway.save_session(char_id, evict=True)
        doomed.act()
        await _loaded(gateway, *doomed.char_ids, str(uuid.uuid4()))


@scenario("LOAD")
async def one_of_a_batch_is_refused(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await gateway.save_session(doomed.char_id, evict=True)
        doomed.act()
        await _loaded(gateway, doomed.char_id, "no id at all")


@scenario("LOAD")
async def a_head_that_somebody_holds(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await gateway.save_session(doomed.char_id, evict=True)
        other = await asyncpg.connect(doomed.database_url)
        held = other.transaction()
        await held.start()
        await other.execute("SELECT FROM characters WHERE char_id = $1 FOR UPDATE", doomed.char_id)
        once(InventoryStore, "begin_loads", after=held.rollback)
        doomed.act()
        await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def a_session_of_another_ruleset(doomed: Doomed) -> None:
    async with doomed.gateway(rules=newer_rules()) as other, doomed.gateway() as gateway:
        await doomed.played(other)
        doomed.act()
        await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def a_turn_that_fails(doomed: Doomed) -> None:
    async with doomed.gateway(rules=newer_rules()) as other, doomed.gateway() as gateway:
        await doomed.played(other)
        once(InventoryStore, "flush", instead=raising(Unavailable("PostgreSQL: it is away")))
        doomed.act()
        try:
            await gateway.load_session(doomed.char_id)
        except Unavailable:
            await gateway.load_session(doomed.char_id)


@scenario("LOAD")
async def a_process_of_another_ruleset_has_its_turn(doomed: Doomed) -> None:
    async with doomed.gateway(rules=newer_rules()) as other, doomed.gateway() as gateway:
        await doomed.played(other)
        # From now on each knows of the other.
        await gateway.load_session(doomed.char_id)
        seen = asyncio.Event()

        async def is_seen() -> None:
            seen.set()

        once(gateway._loader._rulesets, "wait", before=is_seen)
        setattr(ruleset_turns, "PATIENCE_S", 20.0)  # noqa: B010
        doomed.act()
        async with other._loader._rulesets.turn(doomed.char_id):
            waiting = asyncio.create_task(gateway.load_session(doomed.char_id))
            await seen.wait()
            await other._loader.reload(doomed.char_id)
        await waiting


@scenario("LOAD")
async def a_process_that_died_in_its_turn(doomed: Doomed) -> None:
    async with doomed.gateway(rules=newer_rules()) as other, doomed.gateway() as gateway:
        await doomed.played(other)
        await gateway.load_session(doomed.char_id)
        await other._sessions.close(doomed.char_id, "begin", lease_ms=LEASE_MS)
        setattr(ruleset_turns, "PATIENCE_S", LEASE_MS / 1000)  # noqa: B010
        doomed.act()
        await gateway.load_session(doomed.char_id)


async def _loaded(gateway: InventoryOrchestrator, *char_ids: str) -> None:
    """All at once, whatever becomes of each."""
    await asyncio.gather(*map(gateway.load_session, char_ids), return_exceptions=True)
