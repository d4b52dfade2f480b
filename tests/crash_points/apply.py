"""APPLY: calls of every kind, and what may happen to one."""

import asyncio
from contextlib import suppress

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionLost

from lua.library import Library, shipped_sources
from persistence.errors import OutcomeUnknown, Unavailable
from persistence.link.redis_wire import Wire
from persistence.orchestrator import InventoryOrchestrator
from persistence.sessions.mirror import Mirror
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
        _lose_the_next_reply()
        doomed.act()
        try:
            await doomed.call(gateway, GOLD, op_id="lost")
        except OutcomeUnknown:
            await doomed.call(gateway, GOLD, op_id="lost")


@scenario("APPLY")
async def the_connection_is_lost_and_not_made_at_once(doomed: Doomed) -> None:
    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        once(AbstractConnection, "connect", instead=raising(ConnectionLost("refused")))
        doomed.act()
        _lose_the_next_reply()
        for _ in range(3):
            try:
                await doomed.call(gateway, GOLD, op_id="lost")
                break
            except (OutcomeUnknown, Unavailable):
                pass


@scenario("APPLY")
async def it_stops_while_it_connects(doomed: Doomed) -> None:
    async def for_ever(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async with doomed.gateway() as gateway:
        await doomed.played(gateway)
        once(AbstractConnection, "connect", instead=for_ever)
        doomed.act()
        _lose_the_next_reply()
        with suppress(OutcomeUnknown):
            await doomed.call(gateway, GOLD, op_id="lost")
        waiting = asyncio.create_task(doomed.call(gateway, GOLD, op_id="lost"))
        # Until it has been handed over.
        while gateway._sessions.mirror.link._connecting is None:
            await asyncio.sleep(0)
    with suppress(Unavailable):
        await waiting


def _instance(doomed: Doomed) -> dict[str, object]:
    # As unique as the character, and of another version than the ids that are made here.
    return {"op": "grant", "template_id": "dagger", "quantity": 1, "item_id": doomed.char_id.replace("-", "")}


def _forget_library(doomed: Doomed, gateway: InventoryOrchestrator) -> None:
    """Have it call by a stamp that the server has never heard of; the other worker's library stays."""
    sources = shipped_sources()
    sources["node"] += f"-- {doomed.char_id}\n"
    library = Library(doomed.ruleset, sources)
    gateway._sessions.mirror = Mirror(gateway._sessions.mirror.link, library)


def _lose_the_next_reply() -> None:
    real = Wire.data_received

    def lose(self: Wire, data: bytes) -> None:
        setattr(Wire, "data_received", real)  # noqa: B010
        self.abort("reset by peer")

    setattr(Wire, "data_received", lose)  # noqa: B010
