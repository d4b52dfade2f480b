"""Load, play, flush, evict: what each step must leave behind, on both pairs of servers."""

import asyncio
from importlib.resources import files

import msgspec
import pytest

from engine.refusals import Refusal
from engine.ruleset import parse_ruleset
from persistence.errors import CharacterNotFound, IdempotencyMismatch, SessionNotLive
from persistence.records import TagMismatch
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, first_item, grant, move, stored_items

NOBODY = "00000000-0000-4000-8000-00000000dead"


async def test_played_flushed_evicted_and_loaded_again(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        state, loaded = await gateway.load_session(CHAR_ID)
        assert loaded and state.live and state.epoch == 1
        reply = await do(gateway, grant("dagger"), grant("potion", 7), {"op": "equip", "item_id": "@0"})
        assert reply["seq"] == 1 and reply["tag"] == "0.1"
        assert (await gateway.save_session(CHAR_ID)).durable_seq == 1
        before = await gateway.read_session(CHAR_ID)
        state = await gateway.save_session(CHAR_ID, evict=True)
        assert not state.live and state.durable_seq == 1
        assert each_site.client.keys("*session*") == []
        with pytest.raises(SessionNotLive):
            await gateway.read_session(CHAR_ID)
        assert len(await stored_items(gateway)) == 3
        await gateway.load_session(CHAR_ID)
        after = await gateway.read_session(CHAR_ID)
        assert after.session == before.session
        assert after.tag == "0.1", "nothing was lost, so the tag still matches"
    await each_site.audit()


async def test_loading_a_live_session_raises_nothing(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        first, loaded = await gateway.load_session(CHAR_ID)
        again, loaded_again = await gateway.load_session(CHAR_ID)
        assert (loaded, loaded_again, first) == (True, False, again)


async def test_the_flusher_writes_behind(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        async with asyncio.timeout(10):
            while not await stored_items(gateway):
                await asyncio.sleep(0.01)
    await each_site.audit()


async def test_durable_replies_are_in_postgresql(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        reply = await do(gateway, grant("dagger"), durable=True)
        assert reply["durable_seq"] == reply["seq"] == 1
        assert len(await stored_items(gateway)) == 1


async def test_a_graceful_stop_flushes(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
    async with each_site.gateway(flushing=False) as gateway:
        assert len(await stored_items(gateway)) == 1
    await each_site.audit()


async def test_idle_sessions_are_evicted(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        site.client.zadd("inventory:due:", {CHAR_ID: 1})
    async with site.gateway() as gateway, asyncio.timeout(10):
        while (await gateway.character(CHAR_ID)).live:
            await asyncio.sleep(0.01)


async def test_idle_sessions_are_evicted_however_long_the_interval(site: Site) -> None:
    """Claims last two intervals then, and a close must know them for claims."""
    site.settings = msgspec.structs.replace(site.settings, flush_interval_ms=5_000)
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        site.client.zadd("inventory:due:", {CHAR_ID: 1})
    async with site.gateway() as gateway, asyncio.timeout(10):
        while (await gateway.character(CHAR_ID)).live:
            await asyncio.sleep(0.01)


async def test_loads_at_once_make_one_session(each_site: Site) -> None:
    async with each_site.gateway() as one, each_site.gateway() as other:
        states = await asyncio.gather(*(gateway.load_session(CHAR_ID) for gateway in (one, other) * 8))
        assert all(state.live for state, _ in states)
        await do(one, grant("dagger"))
        await do(other, grant("ring"))
        await one.save_session(CHAR_ID)
        assert len(await stored_items(other)) == 2
    await each_site.audit()


async def test_refusals_change_nothing(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        before = each_site.client.hgetall(f"inventory:session:{CHAR_ID}")
        refusal = await do(gateway, grant("potion"), grant("gold", container="bag"))
        assert isinstance(refusal, Refusal) and refusal.op_index == 1
        after = each_site.client.hgetall(f"inventory:session:{CHAR_ID}")
        for fields in (before, after):
            for name in (b"flushed_seq", b"dirty_since"):
                fields.pop(name, None)
        assert before == after


async def test_expected_tags(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        reply = await do(gateway, grant("dagger"), if_match="0.0")
        assert reply["tag"] == "0.1"
        assert await do(gateway, grant("dagger"), if_match="0.0") == TagMismatch("0.1")
        assert len((await gateway.read_session(CHAR_ID)).session.items) == 1


async def test_operation_ids_are_applied_once(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        first = await do(gateway, grant("gold", 5), op_id="reward-1")
        again = await do(gateway, grant("gold", 5), op_id="reward-1")
        assert again == first | {"replayed": True}
        with pytest.raises(IdempotencyMismatch):
            await do(gateway, grant("gold", 6), op_id="reward-1")
        refused = await do(gateway, grant("gold", container="bag"), op_id="reward-2")
        assert isinstance(refused, Refusal), "refusals are judged again, not remembered"
        assert (await do(gateway, grant("gold", 1), op_id="reward-2"))["seq"] == 2


async def test_only_the_most_recent_operations_are_kept(site: Site) -> None:
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        for number in range(70):
            await do(gateway, grant("gold"), op_id=f"op-{number}")
            for _ in range(number % 3):
                await do(gateway, grant("gold"))
        assert site.client.hlen(f"inventory:done:{CHAR_ID}") == 2 * 64 + 1
        assert (await do(gateway, grant("gold"), op_id="op-6"))["replayed"]
        assert (await do(gateway, grant("gold"), op_id="op-69"))["replayed"]
        assert not (await do(gateway, grant("gold"), op_id="op-0"))["replayed"]


async def test_a_missing_library_is_loaded_again(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        each_site.client.execute_command("FUNCTION", "FLUSH")
        assert (await do(gateway, grant("dagger")))["seq"] == 1
        each_site.client.execute_command("FUNCTION", "FLUSH")
        assert (await gateway.read_session(CHAR_ID)).session.seq == 1
        each_site.client.execute_command("FUNCTION", "FLUSH")
        assert (await gateway.save_session(CHAR_ID)).durable_seq == 1


async def test_unknown_characters(site: Site) -> None:
    async with site.gateway() as gateway:
        for ask in (gateway.load_session, gateway.save_session, gateway.character):
            with pytest.raises(CharacterNotFound):
                await ask(NOBODY)
        with pytest.raises(SessionNotLive):
            await do(gateway, grant("dagger"), char_id=NOBODY)


async def test_an_item_moves_while_it_is_flushed(site: Site) -> None:
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        item_id = first_item(await do(gateway, grant("dagger")))
        for slot in [1, 2, 3] * 30:
            await do(gateway, move(item_id, "bag", slot))
        await gateway.save_session(CHAR_ID)
        assert (await stored_items(gateway))[item_id] == ("dagger", 1, "bag:3")
    await site.audit()


async def test_another_ruleset_takes_live_sessions_over(each_site: Site) -> None:
    """A rolling deploy: sessions that the old ruleset's gateway left dirty are judged by the new one."""
    text = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
    roomier = parse_ruleset(text.replace("capacity = 20\n", "capacity = 30\n").replace("40_000", "90_000"))
    async with each_site.gateway(flushing=False) as old:
        await old.load_session(CHAR_ID)
        item_id = first_item(await do(old, grant("dagger")))
        assert (await do(old, move(item_id, "bag", 25))).code == "SLOT_OUT_OF_RANGE"
        each_site.ruleset = roomier
        async with each_site.gateway() as new:
            with pytest.raises(SessionNotLive):
                await do(new, move(item_id, "bag", 25))
            await new.load_session(CHAR_ID)
            reply = await do(new, move(item_id, "bag", 25))
            assert reply["capacity"]["containers"]["bag"] == {"used": 1, "total": 30}
            with pytest.raises(SessionNotLive):
                await do(old, move(item_id, "bag", 1))
    await each_site.audit()


async def test_a_journal_of_many_pages_is_saved_whole(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        for _ in range(450):
            await do(gateway, grant("gold"))
        assert (await gateway._flusher._writes.flush([CHAR_ID])).failures == {}
        head = await gateway.store.character(CHAR_ID)
        assert head is not None and head.seq == 450
    await each_site.audit()
