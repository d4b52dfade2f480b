"""Messages that come late and states that come back change nothing that is newer."""

import json

import msgspec

from engine.refusals import Refusal
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.protocol.snapshot_session import session_from
from tests.loading import begin_load
from tests.parity.world import CHAR_ID, TEMPLATES
from tests.service.conftest import Site
from tests.service.faults import JOURNAL, SESSION, gone_back, live
from tests.service.play import do, first_item, grant, stored_items


async def test_a_load_that_is_late_past_an_eviction_is_fenced_off(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        probe = await gateway._sessions.probe(CHAR_ID)
        late = (await gateway.read_session(CHAR_ID)).session
        await do(gateway, grant("dagger"))
        await gateway.save_session(CHAR_ID, evict=True)
        verdict, _ = await gateway._sessions.open(late, probe=probe, epoch=1, incarnation=0, catalog=1)
        assert verdict == "REJECT"
        assert not each_site.client.exists(SESSION)


async def test_a_snapshot_of_another_node_is_not_installed(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        probe = await gateway._sessions.probe(CHAR_ID)
        snapshot = await begin_load(gateway.store, CHAR_ID)
        session = session_from(snapshot, gateway.ruleset, gateway.items)
        for stale in ({"node_gen": "other:node"}, {"now_ms": probe.now_ms - 31_000}):
            old = msgspec.structs.replace(probe, **stale)
            verdict, _ = await gateway._sessions.open(session, probe=old, epoch=1, incarnation=0, catalog=1)
            assert verdict == "RETRY"


async def test_a_node_that_came_back_keeps_newer_state(each_site: Site) -> None:
    """The session was opened under a gen that is no longer: adopt, with all that was not flushed."""
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        each_site.client.hset(SESSION, "gen", '"before:restart"')
        state, loaded = await gateway.load_session(CHAR_ID)
        assert loaded and (state.seq, state.durable_seq) == (1, 0)
        assert (await gateway.read_session(CHAR_ID)).tag == "1.1", "its last commands may be gone"
    async with each_site.gateway() as gateway:
        await gateway.save_session(CHAR_ID)
        assert len(await stored_items(gateway)) == 1
    await each_site.audit()


async def test_a_node_that_came_back_with_an_old_state_is_overruled(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gone_back(each_site, gateway)
        each_site.client.hset(SESSION, "gen", '"before:restart"')
        await gateway.load_session(CHAR_ID)
        live_session = await gateway.read_session(CHAR_ID)
        assert live_session.session.seq == 2 and len(live_session.session.items) == 2
        assert live_session.tag == "1.2", "an old tag must never match other content"
        assert not each_site.client.exists(f"inventory:incident:{CHAR_ID}"), "it is in PostgreSQL now"
        async with gateway.store.database.connection() as connection:
            (row,) = await connection.fetch(
                "SELECT reason, entries FROM incidents WHERE char_id = $1", CHAR_ID
            )
    assert "held seq 1 and PostgreSQL 2" in row["reason"]
    assert [entry["seq"] for entry in json.loads(row["entries"])] == [1]
    await each_site.audit()


async def test_redis_loses_everything(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await live(each_site, gateway)
        await do(gateway, grant("ring"), durable=True)
        each_site.client.flushall()
        each_site.client.execute_command("FUNCTION", "FLUSH")
        await gateway.load_session(CHAR_ID)
        session = await gateway.read_session(CHAR_ID)
        assert len(session.session.items) == 2 and session.tag == "1.2"
        await do(gateway, grant("potion"))
        await gateway.save_session(CHAR_ID)
    await each_site.audit()


async def test_late_settles_trim_nothing(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        await gateway._flusher._writes.flush([CHAR_ID])
        await do(gateway, grant("ring"))
        epoch = (await gateway.load_session(CHAR_ID))[0].epoch
        for seq in (1, 0, 7):
            await gateway._work.settle({CHAR_ID: (epoch, seq)})
            assert each_site.client.llen(JOURNAL) == 1
    async with each_site.gateway():
        pass
    await each_site.audit()


async def test_an_old_state_that_nobody_plays_can_be_evicted(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gone_back(each_site, gateway)
        state = await gateway.save_session(CHAR_ID, evict=True)
        assert not state.live and state.durable_seq == 2
        assert not each_site.client.exists(SESSION)
    await each_site.audit()


async def test_a_changed_catalog_reaches_live_sessions(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        item_id = first_item(await do(gateway, grant("dagger")))
        changed = TEMPLATES | {"dagger": msgspec.structs.replace(TEMPLATES["dagger"], slots=())}
        await import_catalog(gateway.store, [Template(facts, {}) for facts in changed.values()])
        await gateway.items.refresh()
        await gateway.load_session(CHAR_ID)
        refusal = await do(gateway, {"op": "equip", "item_id": item_id})
        assert isinstance(refusal, Refusal) and refusal.code == "NOT_WEARABLE"
        assert (await gateway.read_session(CHAR_ID)).tag == "1.1", "an old tag must not match new facts"
    await each_site.audit()


async def test_old_facts_are_never_written_over_newer_ones(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as slow, each_site.gateway(flushing=False) as quick:
        await slow.load_session(CHAR_ID)
        changed = TEMPLATES | {"dagger": msgspec.structs.replace(TEMPLATES["dagger"], slots=())}
        await slow.items.close()
        await import_catalog(quick.store, [Template(facts, {}) for facts in changed.values()])
        await quick.items.refresh()
        await do(slow, grant("dagger"))
        await quick._flusher.flush_now(CHAR_ID)
        await quick.load_session(CHAR_ID)
        assert slow.items.version < quick.items.version
        await slow._loader.reload(CHAR_ID)
        assert (await quick.read_session(CHAR_ID)).session.facts["dagger"].slots == ()
