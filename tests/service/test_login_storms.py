"""Many characters are loaded at once: their loads share transactions, and each ends as if it were alone."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from engine.state import Item
from persistence.errors import CharacterNotFound, CharacterQuarantined, PersistenceError, Unavailable
from persistence.orchestrator import InventoryOrchestrator
from persistence.postgres.load_batch import HeadHeld
from persistence.postgres.store import InventoryStore
from persistence.protocol import loader
from persistence.records import LiveSession, Snapshot
from tests.parity.world import ACTOR
from tests.service.conftest import Site
from tests.service.play import do, grant
from tests.store.given import entry, new_item, work

NOBODY = "00000000-0000-4000-8000-000000000000"


def belongings(number: int) -> list[Item]:
    """Up to twenty items, in the bag, in the bank, in the purse and worn."""
    bag = [
        new_item(
            "bag", slot, 1 + slot % 5, ("potion", "ore", "arrow")[(number + slot) % 3], bound=slot % 2 == 0
        )
        for slot in range(number % 12)
    ]
    bank = [new_item("bank", slot * 7, 1, ("relic", "idol")[slot % 2]) for slot in range(number % 5)]
    worn = new_item("equipment", "garment_outer", 1, "pack", locked=number % 3 == 0)
    return [*bag, *bank, worn, new_item("wallet", "gold", 7 + number, "gold")]


async def born(site: Site, count: int) -> list[str]:
    """Characters that were played and left: their items came by one call, and no session is out."""
    char_ids = [str(uuid.UUID(int=number << 64, version=4)) for number in range(1, count + 1)]
    store = await InventoryStore.connect(site.settings.database_url, site.ruleset, pool_size=1)
    async with store.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO characters (char_id, name, actor)"
            " SELECT char_id, 'Player', $2 FROM unnest($1::uuid[]) AS u (char_id)",
            char_ids,
            ACTOR,
        )
    begun = await store.begin_loads(char_ids)
    works = [
        work(snapshot, entry(1, belongings(number)))
        for number, snapshot in enumerate(begun.values())
        if isinstance(snapshot, Snapshot)
    ]
    await store.flush(works)
    async with store.database.transaction() as connection:
        await connection.execute("UPDATE characters SET open = false")
    await store.close()
    return char_ids


@asynccontextmanager
async def held(site: Site, char_ids: Sequence[str]) -> AsyncIterator[None]:
    """Somebody holds these heads."""
    connection = await asyncpg.connect(site.settings.database_url)
    async with connection.transaction():
        await connection.execute("SELECT 1 FROM characters WHERE char_id = ANY ($1) FOR UPDATE", char_ids)
        yield
    await connection.close()


async def logged_in(gateway: InventoryOrchestrator, char_ids: Sequence[str]) -> list[Any]:
    """What became of each, all asked for at once."""
    return await asyncio.gather(*map(gateway.load_session, char_ids), return_exceptions=True)


def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many characters each transaction was asked for, from now on."""
    sizes: list[int] = []
    real = InventoryStore.begin_loads

    async def begin_loads(self: InventoryStore, char_ids: Sequence[str]) -> Any:
        sizes.append(len(char_ids))
        return await real(self, char_ids)

    monkeypatch.setattr(InventoryStore, "begin_loads", begin_loads)
    return sizes


def kept(site: Site, char_ids: Sequence[str]) -> list[tuple[Any, ...]]:
    """What Redis has of each, to the byte."""
    pipeline = site.client.pipeline(transaction=False)
    for char_id in char_ids:
        pipeline.hgetall(f"inventory:session:{char_id}")
        pipeline.hgetall(f"inventory:done:{char_id}")
        pipeline.zscore("inventory:due:", char_id)
    found = pipeline.execute()
    return list(zip(found[::3], found[1::3], found[2::3], strict=True))


async def test_a_thousand_logins_share_their_transactions(
    each_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    char_ids = await born(each_site, 1000)
    async with each_site.gateway(flushing=False) as gateway:
        sizes = transactions(monkeypatch)
        assert [(state.live, loaded) for state, loaded in await logged_in(gateway, char_ids)] == [
            (True, True)
        ] * 1000
        assert sum(sizes) == 1000 and max(sizes) <= loader.LOADS_A_BATCH
        assert len(sizes) < 1000 / 4
        again = await logged_in(gateway, char_ids)
        assert not any(loaded for _, loaded in again) and sum(sizes) == 1000, "what is live is left alone"
        # All data of Redis is lost, in the middle of play.
        each_site.client.flushall()
        assert all(loaded for _, loaded in await logged_in(gateway, char_ids))
        epochs = {(state.epoch, state.seq) for state, _ in await logged_in(gateway, char_ids)}
        assert epochs == {(3, 1)} and len(sizes) < 2000 / 4
    await each_site.audit()


async def test_a_session_is_the_same_from_a_batch_and_alone(site: Site) -> None:
    char_ids = await born(site, 60)
    async with site.gateway() as gateway:
        for number, char_id in enumerate(char_ids):
            # Some have operations to be remembered, some more than their ring has places.
            await gateway.load_session(char_id)
            for call in range((0, 0, 1, 5, 70)[number % 5]):
                await do(gateway, grant("gold"), char_id=char_id, op_id=f"op-{call}")
            await gateway.save_session(char_id, evict=True)
        site.client.flushall()
        await logged_in(gateway, char_ids)
        together = kept(site, char_ids)
        for char_id in char_ids:
            await gateway.save_session(char_id, evict=True)
        site.client.flushall()
        for char_id in char_ids:
            await gateway.load_session(char_id)
        alone = kept(site, char_ids)
    for (session, done, due), (other, other_done, other_due) in zip(together, alone, strict=True):
        assert (int(session.pop(b"epoch")) + 1, due < other_due) == (int(other.pop(b"epoch")), True)
        assert session == other and done == other_done
    assert any(done for _, done, _ in together)


async def test_each_of_a_batch_ends_in_its_own_way(each_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "HELD_TRIES", 4)
    char_ids = await born(each_site, 20)
    sick, misplaced, undressed, stuck, *fine = char_ids
    async with each_site.gateway() as gateway:
        await gateway.store.quarantine(sick, "a row was refused")
        async with gateway.store.database.transaction() as connection:
            move = "UPDATE items SET container = $2, slot = $3 WHERE owner = $1 AND container = 'wallet'"
            await connection.execute(move, misplaced, "attic", "1")
            await connection.execute(move, undressed, "equipment", "third_hand")
        async with held(each_site, [stuck]):
            asked = [NOBODY, "no id at all", *char_ids]
            ended = dict(zip(asked, await logged_in(gateway, asked), strict=True))
        errors = {who: type(what) for who, what in ended.items() if isinstance(what, Exception)}
        assert errors == {
            NOBODY: CharacterNotFound,
            "no id at all": ValueError,
            sick: CharacterQuarantined,
            misplaced: CharacterQuarantined,
            undressed: CharacterQuarantined,
            stuck: HeadHeld,
        }
        assert all(ended[char_id][0].live for char_id in fine)
        assert issubclass(HeadHeld, Unavailable), "a caller is told to come again"
        assert (await gateway.load_session(stuck))[1], "and then it is loaded"
        live = {char_id for char_id in char_ids if each_site.client.exists(f"inventory:session:{char_id}")}
        assert live == {stuck, *fine}


async def test_heads_that_are_held_keep_nobody_else_from_loading(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than there may be loads at once; they are loaded as soon as they are let go."""
    monkeypatch.setattr(loader, "LOADS_AT_ONCE", 5)
    char_ids = await born(site, 60)
    stuck, fine = char_ids[:20], char_ids[20:]
    async with site.gateway(flushing=False) as gateway:
        async with held(site, stuck):
            waiting = asyncio.gather(*map(gateway.load_session, stuck))
            assert all(state.live for state, _ in await logged_in(gateway, fine))
            assert not waiting.done()
            assert not any(site.client.exists(f"inventory:session:{char_id}") for char_id in stuck)
        assert all(loaded for _, loaded in await waiting)
    await site.audit()


async def test_two_services_storm_the_same_characters(each_site: Site) -> None:
    char_ids = await born(each_site, 200)
    async with each_site.gateway() as one, each_site.gateway() as other:
        loads = await asyncio.gather(logged_in(one, char_ids), logged_in(other, char_ids[::-1]))
        assert all(state.live for states in loads for state, _ in states)

        async def play(gateway: InventoryOrchestrator, char_id: str) -> LiveSession:
            await do(gateway, grant("gold"), char_id=char_id)
            await gateway.save_session(char_id)
            return await gateway.read_session(char_id)

        await asyncio.gather(
            *(play(gateway, char_id) for gateway in (one, other) for char_id in char_ids[:50])
        )
        for char_id in char_ids:
            head, live = await one.store.character(char_id), await one.read_session(char_id)
            assert head is not None and head.epoch == live.epoch, "the newest load is whose session it is"
            assert live.session.seq == (3 if char_id in char_ids[:50] else 1)
    await each_site.audit()


async def test_loads_and_flushes_of_the_same_characters_at_once(each_site: Site) -> None:
    """Each load raises epochs under flushes that are under way; they adopt, by the same batches."""
    char_ids = await born(each_site, 40)
    async with each_site.gateway() as one, each_site.gateway() as other:
        await logged_in(one, char_ids)

        async def play(char_id: str) -> None:
            for _ in range(8):
                await do(one, grant("gold"), char_id=char_id)

        async def reload(char_id: str) -> None:
            for _ in range(4):
                await other._loader.reload(char_id)

        await asyncio.gather(*map(play, char_ids), *map(reload, char_ids))
        states = await asyncio.gather(*map(one.save_session, char_ids))
        assert {(state.seq, state.durable_seq, state.epoch >= 6) for state in states} == {(9, 9, True)}
    await each_site.audit()


async def test_callers_who_go_away_take_nothing_from_others(site: Site) -> None:
    char_ids = await born(site, 150)
    async with site.gateway(flushing=False) as gateway:
        logins = [asyncio.create_task(gateway.load_session(char_id)) for char_id in char_ids]
        for number, login in enumerate(logins):
            if number % 3 == 0:
                await asyncio.sleep(0)
                login.cancel()
        ended = await asyncio.gather(*logins, return_exceptions=True)
        for number, end in enumerate(ended):
            assert isinstance(end, asyncio.CancelledError) if number % 3 == 0 else end[0].live
        # What they had begun goes on, or was never begun; either way the next one gets a session.
        assert all(state.live for state, _ in await logged_in(gateway, char_ids))
    await site.audit()


async def test_a_service_that_stops_leaves_nobody_waiting(site: Site) -> None:
    char_ids = await born(site, 400)
    async with asyncio.timeout(60):
        async with site.gateway(flushing=False) as gateway:
            logins = [asyncio.create_task(gateway.load_session(char_id)) for char_id in char_ids]
            while site.client.zcard("inventory:due:") < 10:
                await asyncio.sleep(0)
        ended = await asyncio.gather(*logins, return_exceptions=True)
    failed = [end for end in ended if isinstance(end, BaseException)]
    assert all(isinstance(error, PersistenceError) for error in failed), failed
    async with site.gateway() as gateway:
        assert all(state.live for state, _ in await logged_in(gateway, char_ids))
    await site.audit()
