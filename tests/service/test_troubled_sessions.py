"""One session that cannot be read or written, a caller that goes away, PostgreSQL away: others go on."""

import asyncio
from typing import Any

import pytest

from persistence.errors import CharacterQuarantined, OutcomeUnknown, SessionNotLive, Unavailable
from persistence.postgres.store import InventoryStore
from persistence.records import Call
from tests.parity.twins import encode
from tests.parity.world import ACTOR, CHAR_ID
from tests.service.conftest import Site
from tests.service.faults import (
    OTHER,
    live,
)
from tests.service.play import do, first_item, grant, move, stored_items


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
