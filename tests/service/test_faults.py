"""Processes that die between two steps, messages that come late, states that come back: all heal."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from engine.refusals import Refusal
from persistence.errors import CharacterQuarantined, OutcomeUnknown, SessionNotLive, Unavailable
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres.store import InventoryStore
from persistence.records import Call
from persistence.sessions.session_manager import InventorySessionManager
from persistence.sessions.work_queue import WorkQueue
from tests.loading import begin_load
from tests.parity.twins import encode
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES
from tests.service.conftest import Site
from tests.service.play import do, first_item, grant, move, stored_items

OTHER = "0f0e0d0c-0b0a-4908-8706-0504030201ff"
SESSION, JOURNAL = f"inventory:session:{CHAR_ID}", f"inventory:journal:{CHAR_ID}"


class Died(Exception):
    """The process ends here, as far as anybody can see."""


Act = Callable[[], Awaitable[object]]


def once(
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    *,
    before: Act | None = None,
    after: Act | None = None,
) -> None:
    """Let something happen at the next call of a step: before it, or right after it took effect."""
    real: Callable[..., Awaitable[Any]] = getattr(owner, method)

    async def step(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(owner, method, real)
        if before is not None:
            await before()
        result = await real(*args, **kwargs)
        if after is not None:
            await after()
        return result

    monkeypatch.setattr(owner, method, step)


def raising(error: Exception) -> Act:
    async def act() -> None:
        raise error

    return act


def dies_at(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, *, after: bool = False) -> None:
    """Make a step the last thing that a process does: before it, or right after it took effect."""
    once(monkeypatch, owner, method, **{"after" if after else "before": raising(Died())})


def copied(site: Site) -> dict[str, Any]:
    """Session and journal as they are now."""
    return {key: site.client.dump(key) for key in (SESSION, JOURNAL)}


def put_back(site: Site, old: dict[str, Any]) -> None:
    """What a node has that came back with an old state."""
    for key, value in old.items():
        site.client.delete(key)
        site.client.restore(key, 0, value)


async def live(site: Site, gateway: InventoryOrchestrator) -> None:
    await gateway.load_session(CHAR_ID)
    await do(gateway, grant("dagger"))


async def test_flusher_dies_between_commit_and_settle(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        dies_at(monkeypatch, WorkQueue, "settle")
        with pytest.raises(Died):
            await gateway._flusher._writes.flush([CHAR_ID])
        assert len(await stored_items(gateway)) == 1
        assert each_site.client.llen(JOURNAL) == 1, "PostgreSQL has it, the session does not know"
        await do(gateway, grant("ring"))
        await do(gateway, grant("potion", 3))
    async with each_site.gateway() as gateway:
        state = await gateway.save_session(CHAR_ID)
        assert state.durable_seq == state.seq == 3
    await each_site.audit()


async def test_loader_dies_between_transaction_and_open(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with each_site.gateway() as gateway:
        await live(each_site, gateway)
        dies_at(monkeypatch, InventorySessionManager, "open")
        with pytest.raises(Died):
            await gateway._loader.reload(CHAR_ID)
        await do(gateway, grant("ring"))
        state = await gateway.save_session(CHAR_ID)
        assert (state.epoch, state.durable_seq) == (3, 2), "the flusher took PostgreSQL's epoch over"
    await each_site.audit()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["pending", "close"])
async def test_evictor_dies(each_site: Site, monkeypatch: pytest.MonkeyPatch, step: str, after: bool) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        owner = WorkQueue if step == "pending" else InventorySessionManager
        dies_at(monkeypatch, owner, step, after=after)
        with pytest.raises(Died):
            await gateway.save_session(CHAR_ID, evict=True)
    async with each_site.gateway() as gateway, asyncio.timeout(20):
        if not (step == "close" and not after):
            each_site.client.zadd("inventory:due:", {CHAR_ID: 1})  # the lease has ended
            while each_site.client.exists(SESSION):
                await asyncio.sleep(0.01)
        await gateway.load_session(CHAR_ID)
        assert len((await gateway.read_session(CHAR_ID)).session.items) == 1
    await each_site.audit()


async def test_evictor_dies_after_its_final_flush(each_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        dies_at(monkeypatch, InventoryStore, "flush", after=True)
        with pytest.raises(Died):
            await gateway.save_session(CHAR_ID, evict=True)
        await gateway.load_session(CHAR_ID)
        assert (await do(gateway, grant("ring")))["seq"] == 2, "a load takes a closing session back into play"
        await gateway.save_session(CHAR_ID, evict=True)
        assert len(await stored_items(gateway)) == 2
    await each_site.audit()


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
        session = gateway._loader._session(await begin_load(gateway.store, CHAR_ID))
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
        await live(each_site, gateway)
        old = copied(each_site)
        await do(gateway, grant("ring"))
        await gateway._flusher._writes.flush([CHAR_ID])
        put_back(each_site, old)
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


async def test_one_poisoned_character_holds_up_nobody(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.create_character(OTHER, "Oda", ACTOR)
        for char_id in (CHAR_ID, OTHER):
            await gateway.load_session(char_id)
        taken = first_item(await do(gateway, grant("dagger")))
        await gateway._flusher._writes.flush([CHAR_ID])
        # The same id again, for somebody else: PostgreSQL must refuse that row.
        await gateway.submit(OTHER, encode([grant("dagger")]), Call(), id_prefix=taken[:24])
        await do(gateway, grant("ring"))
        failures = (await gateway._flusher._writes.flush([CHAR_ID, OTHER])).failures
        assert list(failures) == [OTHER] and isinstance(failures[OTHER], CharacterQuarantined)
        assert len(await stored_items(gateway)) == 2
        for ask in (gateway.load_session, gateway.save_session):
            with pytest.raises(CharacterQuarantined):
                await ask(OTHER)
        with pytest.raises(SessionNotLive):
            await do(gateway, grant("ring"), char_id=OTHER)
        assert (await gateway._flusher._writes.flush([CHAR_ID, OTHER])).failures.keys() == {OTHER}
        assert each_site.client.zscore("inventory:due:", OTHER) is None, "no flusher tries it again"
        await gateway.store.release(OTHER)
        state, _ = await gateway.load_session(OTHER)
        assert state.live and state.seq == 1, "released, with all that it had"


async def test_an_old_state_that_nobody_plays_can_be_evicted(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        old = copied(each_site)
        await do(gateway, grant("ring"))
        await gateway._flusher._writes.flush([CHAR_ID])
        put_back(each_site, old)
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


async def test_cancelled_callers_leave_no_reply_to_others(site: Site) -> None:
    async with site.gateway() as gateway:
        characters = [f"00000000-0000-4000-8000-{number:012x}" for number in range(24)]
        for number, char_id in enumerate(characters):
            await gateway.create_character(char_id, f"n{number}", ACTOR)
            await gateway.load_session(char_id)

        async def play(number: int, char_id: str) -> None:
            for step in range(40):
                task = asyncio.create_task(do(gateway, grant("gold", number + 1), char_id=char_id))
                if (number + step) % 3 == 0:
                    await asyncio.sleep(0)
                    if step % 2:
                        await asyncio.sleep(0)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    continue
                (item,) = (await task)["changes"]["changed"]
                assert item["quantity"] % (number + 1) == 0, "another one's reply"

        await asyncio.gather(*(play(number, char_id) for number, char_id in enumerate(characters)))
    await site.audit()


async def test_postgresql_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play goes on, saving says so, and all is written when it is back."""

    async def away(*_: Any) -> Any:
        raise Unavailable("PostgreSQL: it is away")

    async with site.gateway() as gateway:
        await live(site, gateway)
        await gateway.save_session(CHAR_ID)
        with monkeypatch.context() as patch:
            patch.setattr(InventoryStore, "flush", away)
            item_id = first_item(await do(gateway, grant("ring")))
            with pytest.raises(OutcomeUnknown):
                await do(gateway, grant("gold"), durable=True)
            with pytest.raises(Unavailable):
                await gateway.save_session(CHAR_ID)
            with pytest.raises(Unavailable):
                await gateway.save_session(CHAR_ID, evict=True)
            assert (await do(gateway, move(item_id, "bag", 9)))["seq"] == 4, "a failed close is live again"
        await gateway.save_session(CHAR_ID)
        assert (await stored_items(gateway))[item_id] == ("ring", 1, "bag:9")
    await site.audit()


async def test_a_load_in_the_middle_of_a_close_wins(each_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        once(monkeypatch, WorkQueue, "pending", before=lambda: gateway._loader.reload(CHAR_ID))
        evicted = await gateway._evictor.evict(CHAR_ID)
        head = await gateway.store.character(CHAR_ID)
        assert head is not None
        assert head.open == bool(each_site.client.exists(SESSION)) == (not evicted)
    await each_site.audit()


async def test_durable_is_never_said_of_what_was_lost(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis loses everything between the call and its flush."""
    async with each_site.gateway() as gateway:
        await live(each_site, gateway)
        await gateway.save_session(CHAR_ID)

        async def lose_all() -> None:
            each_site.client.flushall()

        once(monkeypatch, WorkQueue, "pending", before=lose_all)
        with pytest.raises(OutcomeUnknown):
            await do(gateway, grant("ring"), durable=True)
        assert len(await stored_items(gateway)) == 1


async def test_durable_is_said_of_what_an_earlier_incarnation_flushed(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the call and its flush the session ends, unnoticed by PostgreSQL, and another begins."""
    async with each_site.gateway() as gateway:
        await live(each_site, gateway)

        async def begun_anew() -> None:
            dies_at(monkeypatch, InventoryStore, "mark_closed")
            with pytest.raises(Died):
                await gateway.save_session(CHAR_ID, evict=True)
            await gateway.load_session(CHAR_ID)

        once(monkeypatch, type(gateway._flusher), "flush_now", before=begun_anew)
        reply = await do(gateway, grant("ring"), durable=True)
        assert reply["durable_seq"] == reply["seq"] == 2
        head = await gateway.store.character(CHAR_ID)
        assert head is not None and head.incarnation == 1


async def test_gateways_race_for_durable_calls_and_none_is_told_a_lie(each_site: Site) -> None:
    async with each_site.gateway() as one, each_site.gateway() as other:
        await one.load_session(CHAR_ID)
        epoch = (await one.load_session(CHAR_ID))[0].epoch
        calls = [do(gateway, grant("gold"), durable=True) for gateway in (one, other) * 60]
        replies = await asyncio.gather(*calls)
        assert all(reply["durable_seq"] == reply["seq"] for reply in replies)
        assert (await one.load_session(CHAR_ID))[0].epoch == epoch, "no load was needed"
    await each_site.audit()


async def test_a_close_that_failed_leaves_the_character_open(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The final flush is committed, its reply lost, PostgreSQL away: the session lives on."""
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        real = InventoryStore.flush

        async def committed(self: InventoryStore, batch: Any) -> Any:
            await real(self, batch)
            raise Unavailable("the next try")

        with monkeypatch.context() as patch:
            patch.setattr(InventoryStore, "flush", committed)
            with pytest.raises(Unavailable):
                await gateway.save_session(CHAR_ID, evict=True)
        await do(gateway, grant("ring"))
        await gateway._flusher.flush_now(CHAR_ID)
        head = await gateway.store.character(CHAR_ID)
        assert head is not None and head.open and head.seq == 2
    await each_site.audit()


@pytest.mark.parametrize("evict", [False, True])
async def test_a_lost_reply_to_commit_is_looked_up(
    each_site: Site, monkeypatch: pytest.MonkeyPatch, evict: bool
) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        unanswered = raising(OutcomeUnknown("the reply to COMMIT was lost"))
        once(monkeypatch, InventoryStore, "flush", after=unanswered)
        state = await gateway.save_session(CHAR_ID, evict=evict)
        assert state.durable_seq == 1 and state.live != evict
    await each_site.audit()


async def test_a_session_that_cannot_be_read_harms_nobody_else(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.create_character(OTHER, "Oda", ACTOR)
        for char_id in (CHAR_ID, OTHER):
            await gateway.load_session(char_id)
            await do(gateway, grant("dagger"), char_id=char_id)
        each_site.client.lset(f"inventory:journal:{OTHER}", 0, "not an entry")
        each_site.client.hset(f"inventory:session:{OTHER}", "dirty_since", "what")
        assert gateway.survey is not None
        backlog = (await gateway.survey.take()).backlog
        assert backlog is not None and backlog.unflushed == 1, "of the one that can be read"
        with pytest.raises(CharacterQuarantined):
            await gateway.save_session(OTHER, evict=True)
        flushed = await gateway._flusher._writes.flush([OTHER, CHAR_ID])
        assert isinstance(flushed.failures[OTHER], CharacterQuarantined)
        assert len(await stored_items(gateway)) == 1


@pytest.mark.parametrize("kind", ["session", "journal"])
async def test_something_else_under_the_key_of_a_session_harms_nobody_else(site: Site, kind: str) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.create_character(OTHER, "Oda", ACTOR)
        for char_id in (CHAR_ID, OTHER):
            await gateway.load_session(char_id)
            await do(gateway, grant("dagger"), char_id=char_id)
        site.client.set(f"inventory:{kind}:{OTHER}", "what")
        for _ in range(2):
            flushed = await gateway._flusher._writes.flush([OTHER, CHAR_ID])
            assert isinstance(flushed.failures[OTHER], CharacterQuarantined)
        assert len(await stored_items(gateway)) == 1
        assert site.client.zscore("inventory:due:", OTHER) is None, "it is not claimed for ever"


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


async def test_a_session_played_since_it_was_claimed_is_not_idle(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await live(each_site, gateway)
        await gateway._flusher.flush_now(CHAR_ID)
        assert not await gateway._evictor.evict(CHAR_ID, if_seq=1)
        each_site.client.zadd("inventory:due:", {CHAR_ID: 1})
        assert await gateway._evictor.evict(CHAR_ID, if_seq=1)


@pytest.mark.parametrize(
    ("owner", "read"), [(InventorySessionManager, "read_actor"), (InventoryStore, "character")]
)
async def test_a_character_whose_session_ends_while_it_is_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, owner: type, read: str
) -> None:
    """Between what is read of Redis and of PostgreSQL, in whichever order."""
    async with site.gateway(flushing=False) as gateway:
        await live(site, gateway)
        await do(gateway, {"op": "set_actor", "level": 33})

        once(monkeypatch, owner, read, after=lambda: gateway.save_session(CHAR_ID, evict=True))
        character = await gateway.character(CHAR_ID)
        assert (character.seq, character.actor.level) == (2, 33)
        assert not (await gateway.character(CHAR_ID)).live


async def test_a_character_whose_session_is_closing(site: Site) -> None:
    """What the last flush has not brought yet is told all the same."""
    async with site.gateway(flushing=False) as gateway:
        await live(site, gateway)
        await do(gateway, {"op": "set_actor", "level": 33})
        await gateway._sessions.close(CHAR_ID, "begin", lease_ms=60_000)
        character = await gateway.character(CHAR_ID)
        assert (character.seq, character.durable_seq, character.actor.level) == (2, 0, 33)
        assert not character.live
