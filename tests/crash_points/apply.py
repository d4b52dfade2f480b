"""APPLY: calls of every kind, and what may happen to one."""

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionLost

from lua.library import Library, shipped_sources
from persistence.errors import OutcomeUnknown
from persistence.orchestrator import InventoryOrchestrator
from tests.crash_points.aside import once, raising
from tests.crash_points.doomed import Doomed
from tests.crash_points.scenarios import scenario

GOLD = {"op": "grant", "template_id": "gold", "quantity": 7}
SORT = {"op": "sort", "container": "bag"}


@scenario("APPLY")
async def a_call(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        doomed.act()
        await doomed.call(gateway, GOLD)


@scenario("APPLY")
async def a_call_on_a_session_that_is_not_loaded(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.born(gateway)
        doomed.act()
        await doomed.call(gateway, GOLD)


@scenario("APPLY")
async def a_batch_that_moves_and_removes(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        reply = await doomed.call(gateway, {"op": "grant", "template_id": "dagger", "quantity": 1})
        dagger = reply["changes"]["changed"][0]["item_id"]
        doomed.act()
        await doomed.call(gateway, {"op": "drop", "item_id": dagger}, GOLD, durable=True)


@scenario("APPLY")
async def a_durable_call(doomed: Doomed) -> None:
    async with doomed.gateway(flushing=True) as gateway:
        await doomed.played(gateway)
        await gateway.save_session(doomed.char_id)
        doomed.act()
        await doomed.call(gateway, GOLD, durable=True)


@scenario("APPLY")
async def a_durable_call_whose_session_is_evicted_meanwhile(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway, doomed.gateway() as other:
        await doomed.played(gateway)
        once(gateway._sessions, "execute", after=lambda: other.save_session(doomed.char_id, evict=True))
        doomed.act()
        await doomed.call(gateway, GOLD, durable=True)


@scenario("APPLY")
async def a_call_that_the_engine_judges(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await doomed.call(gateway, {"op": "grant", "template_id": "dagger", "quantity": 1})
        doomed.act()
        await doomed.call(gateway, SORT, durable=True)


@scenario("APPLY")
async def a_call_that_was_done_before(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        await doomed.call(gateway, GOLD, op_id="hot")
        await doomed.call(gateway, SORT, op_id="cold")
        doomed.act()
        await doomed.call(gateway, GOLD, op_id="hot")
        await doomed.call(gateway, SORT, op_id="cold")


@scenario("APPLY")
async def an_instance_from_elsewhere(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        doomed.act()
        await doomed.call(gateway, _instance(doomed))


@scenario("APPLY")
async def an_instance_that_is_refused(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        doomed.act()
        await doomed.call(gateway, _instance(doomed) | {"container": "quick"}, refused=True)


@scenario("APPLY")
async def an_instance_for_a_session_that_is_not_loaded(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.born(gateway)
        doomed.act()
        await doomed.call(gateway, _instance(doomed))


@scenario("APPLY")
async def a_gateway_with_an_older_catalog(doomed: Doomed) -> None:
    async with doomed.gateway() as slow, doomed.gateway() as quick:
        await slow.items.close()
        await doomed.changed_catalog(quick)
        await quick.items.refresh()
        await doomed.played(quick)
        doomed.act()
        await doomed.call(slow, GOLD)


@scenario("APPLY")
async def the_library_has_vanished(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        _forget_library(doomed, gateway)
        doomed.act()
        await doomed.call(gateway, GOLD)


@scenario("APPLY")
async def the_library_has_vanished_before_a_session_is_read(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        _forget_library(doomed, gateway)
        doomed.act()
        await doomed.call(gateway, SORT)


@scenario("APPLY")
async def the_reply_is_lost_and_asked_for_again(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        once(AbstractConnection, "read_response", instead=raising(ConnectionLost("reset by peer")))
        doomed.act()
        try:
            await doomed.call(gateway, GOLD, op_id="lost")
        except OutcomeUnknown:
            await doomed.call(gateway, GOLD, op_id="lost")


def _instance(doomed: Doomed) -> dict[str, object]:
    # As unique as the character, and of another version than the ids that are made here.
    return {"op": "grant", "template_id": "dagger", "quantity": 1, "item_id": doomed.char_id.replace("-", "")}


def _forget_library(doomed: Doomed, gateway: InventoryOrchestrator) -> None:
    """Have it call by a stamp that the server has never heard of; the other worker's library stays."""
    sources = shipped_sources()
    sources["node"] += f"-- {doomed.char_id}\n"
    gateway._sessions.mirror.library = Library(doomed.ruleset, sources)
