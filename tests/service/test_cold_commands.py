"""Commands that run in the engine: committed whole, once, and only on what they were judged by."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from engine.outcome import Applied
from engine.refusals import Refusal, RefusalCode
from persistence.errors import Conflict, IdempotencyMismatch, SessionNotLive
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.protocol.cold_commands import ATTEMPTS
from persistence.records import Call, TagMismatch
from persistence.sessions.id_prefixes import IdPrefixes
from persistence.sessions.session_manager import InventorySessionManager
from tests.parity.twins import encode
from tests.parity.world import CHAR_ID, TEMPLATES
from tests.service.conftest import Site
from tests.service.play import do, first_item, grant, move, stored_items

SORT = {"op": "sort", "container": "bag"}


async def fill(gateway: Any) -> None:
    """Two potions apart, a ring between."""
    await do(
        gateway, grant("potion", 2), grant("ring"), move("@0", "bag", 9), grant("potion", 4), grant("dagger")
    )


async def test_sorted_flushed_and_loaded_again(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await fill(gateway)
        reply = await do(gateway, SORT)
        assert (reply["seq"], reply["tag"], reply["replayed"]) == (2, "0.2", False)
        assert reply["capacity"]["containers"]["bag"] == {"used": 4, "total": 20}
        before = await gateway.read_session(CHAR_ID)
        places = {
            item.place.slot: (item.template_id, item.quantity) for item in before.session.items.values()
        }
        assert places == {0: ("dagger", 1), 1: ("ring", 1), 2: ("potion", 5), 3: ("potion", 1)}
        await gateway.save_session(CHAR_ID, evict=True)
        await gateway.load_session(CHAR_ID)
        assert (await gateway.read_session(CHAR_ID)).session == before.session
        ledger = await gateway.store.journal(CHAR_ID)
        assert [entry.seq for entry in ledger] == [1, 2]
        assert b"sort" in bytes(ledger[1].commands)
    await each_site.audit()


async def test_a_batch_with_a_cold_command_is_one_call(site: Site) -> None:
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        reply = await do(
            gateway, grant("dagger"), {"op": "equip", "item_id": "@0"}, grant("soulstone", 2), SORT
        )
        assert reply["seq"] == 1
        used = await do(
            gateway,
            {"op": "use", "item_id": reply["changes"]["changed"][1]["item_id"]},
            grant("soulstone", 5, partial=True),
            SORT,
        )
        assert used["told"] == [
            {"op_index": 0, "effect": {"template_id": "soulstone"}},
            {"op_index": 1, "not_placed": 3},
        ]
        refused = await do(gateway, SORT, grant("plate", container="wallet"))
        assert (refused.code, refused.op_index) == ("CONTAINER_REJECTS_ITEM", 1)
        assert (await gateway.read_session(CHAR_ID)).session.seq == 2
    await site.audit()


async def test_conditions_hold_for_cold_commands(site: Site) -> None:
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await fill(gateway)
        assert await do(gateway, SORT, if_match="0.0") == TagMismatch("0.1")
        first = await do(gateway, SORT, if_match="0.1", op_id="tidy")
        await do(gateway, grant("ring"))
        again = await do(gateway, SORT, if_match="0.1", op_id="tidy")
        assert again == first | {"replayed": True}
        with pytest.raises(IdempotencyMismatch):
            await do(gateway, {"op": "sort", "container": "bank"}, op_id="tidy")


async def test_a_call_that_was_done_is_not_refused_when_repeated(site: Site) -> None:
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        ring = first_item(await do(gateway, grant("ring")))
        once = (SORT, {"op": "drop", "item_id": ring})
        first = await do(gateway, *once, op_id="x")
        assert (await do(gateway, *once, op_id="x")) == first | {"replayed": True}
        assert (await do(gateway, *once, op_id="y")).code == "ITEM_NOT_FOUND"
        assert isinstance(await do(gateway, *once), Refusal)


async def test_overtaken_once_it_is_judged_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await fill(gateway)
        overtake(monkeypatch, gateway, times=1)
        reply = await do(gateway, SORT)
        assert reply["seq"] == 3, "the grant between reading and committing came first"
        assert len((await gateway.read_session(CHAR_ID)).session.items) == 5
    await site.audit()


async def test_overtaken_each_time_it_is_a_conflict(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await fill(gateway)
        overtake(monkeypatch, gateway, times=ATTEMPTS)
        with pytest.raises(Conflict):
            await do(gateway, SORT)
        assert (await gateway.read_session(CHAR_ID)).session.seq == 1 + ATTEMPTS
    await site.audit()


async def test_sorts_and_moves_at_once_lose_nothing(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await fill(gateway)

        async def churn() -> None:
            for _ in range(40):
                made = await do(gateway, grant("dagger"))
                await do(gateway, {"op": "drop", "item_id": first_item(made)})

        async def tidy() -> int:
            done = 0
            for _ in range(30):
                with suppress(Conflict):
                    done += not isinstance(await do(gateway, SORT), Refusal)
            return done

        _, _, tidied = await asyncio.gather(churn(), churn(), tidy())
        assert tidied > 0
        items = (await gateway.read_session(CHAR_ID)).session.items.values()
        assert sorted((item.template_id, item.quantity) for item in items) == [
            ("dagger", 1),
            ("potion", 1),
            ("potion", 5),
            ("ring", 1),
        ]
    await each_site.audit()


async def test_a_preview_changes_nothing(site: Site) -> None:
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await fill(gateway)
        before = await gateway.read_session(CHAR_ID)
        shown = await gateway.preview(CHAR_ID, encode([SORT, grant("badge")]), Call())
        assert isinstance(shown, Applied)
        assert any(item.template_id == "badge" and item.bound for item in shown.changes.changed)
        assert await gateway.preview(CHAR_ID, encode([SORT]), Call(if_match="0.9")) == TagMismatch("0.1")
        assert await gateway.read_session(CHAR_ID) == before


async def test_an_id_from_elsewhere_is_one_characters_for_good(each_site: Site) -> None:
    item_id, other_id = "0198c9c17c2d7e11a0c41f2e3d4c5b6a", "00000000-0000-4000-8000-0000000000aa"
    given = grant("dagger", item_id=item_id)
    async with each_site.gateway() as gateway:
        await gateway.create_character(other_id, "Ola", (await gateway.character(CHAR_ID)).actor)
        await gateway.load_session(CHAR_ID)
        await gateway.load_session(other_id)
        reply = await do(gateway, given, op_id="made")
        assert first_item(reply) == item_id
        assert (await do(gateway, given, op_id="made"))["replayed"] is True
        for char_id in (CHAR_ID, other_id):
            refused = await do(gateway, grant("ring"), given, char_id=char_id)
            assert (refused.code, refused.op_index) == (RefusalCode.ALREADY_EXISTS, 1)
        await gateway.save_session(CHAR_ID)
        assert list(await stored_items(gateway)) == [item_id]
        assert (await do(gateway, given, char_id=other_id)).code == "ALREADY_EXISTS"
        await do(gateway, {"op": "consume", "item_id": item_id, "quantity": 1})
        assert (await do(gateway, given, char_id=other_id)).code == "ALREADY_EXISTS"
        assert first_item(await do(gateway, given)) == item_id
    await each_site.audit()


async def test_a_refused_grant_leaves_the_id_to_others(each_site: Site) -> None:
    item_id, other_id = "0198c9c17c2d7e11a0c41f2e3d4c5b6a", "00000000-0000-4000-8000-0000000000aa"
    async with each_site.gateway() as gateway:
        await gateway.create_character(other_id, "Ola", (await gateway.character(CHAR_ID)).actor)
        await gateway.load_session(CHAR_ID)
        await gateway.load_session(other_id)
        refused = await do(gateway, grant("dagger", item_id=item_id, container="quick"))
        assert refused.code == "CONTAINER_REJECTS_ITEM"
        shown = await gateway.preview(CHAR_ID, encode([grant("dagger", item_id=item_id)]), Call())
        assert isinstance(shown, Applied)
        given = await do(gateway, grant("dagger", item_id=item_id), char_id=other_id)
        assert first_item(given) == item_id
        shown = await gateway.preview(CHAR_ID, encode([grant("dagger", item_id=item_id)]), Call())
        assert isinstance(shown, tuple) and shown[0].code == "ALREADY_EXISTS"
    await each_site.audit()


async def test_cold_commands_are_judged_by_the_catalog_of_the_session(site: Site) -> None:
    """As hot ones are: a gateway that is behind reads the newer catalog first, and so does a session."""
    async with site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await fill(gateway)
        relic = first_item(await do(gateway, grant("ring")))
        firm = msgspec.structs.replace(TEMPLATES["ring"], destroyable=False)
        await import_catalog(
            gateway.store, [Template(facts, {}) for facts in (TEMPLATES | {"ring": firm}).values()]
        )
        await gateway.items.refresh()
        drop = encode([{"op": "drop", "item_id": relic}])
        with pytest.raises(SessionNotLive):
            await gateway.preview(CHAR_ID, drop, Call())
        await gateway.load_session(CHAR_ID)
        shown = await gateway.preview(CHAR_ID, drop, Call())
        assert isinstance(shown, tuple) and shown[0].code == "NOT_DESTROYABLE"


async def test_two_who_are_granted_one_id_at_once(each_site: Site) -> None:
    async with each_site.gateway() as gateway:
        others = [f"00000000-0000-4000-8000-0000000000{number:02x}" for number in range(12)]
        actor = (await gateway.character(CHAR_ID)).actor
        for char_id in others:
            await gateway.create_character(char_id, "", actor)
            await gateway.load_session(char_id)
        given = grant("dagger", item_id="0198c9c17c2d7e11a0c41f2e3d4c5b6b")
        outcomes = await asyncio.gather(*(do(gateway, given, char_id=char_id) for char_id in others))
        assert sum(not isinstance(outcome, Refusal) for outcome in outcomes) == 1
        for char_id in others:
            await gateway.save_session(char_id)
    await each_site.audit()


def test_new_ids_are_of_version_8() -> None:
    for _ in range(100):
        prefix = IdPrefixes().fresh()
        assert len(prefix) == 24 and prefix[12] == "8" and prefix[16] in "89ab"


def overtake(monkeypatch: pytest.MonkeyPatch, gateway: Any, *, times: int) -> None:
    """Let another call come between a cold command's reading and its commit."""
    commit = InventorySessionManager.commit
    left = times

    async def commit_late(sessions: InventorySessionManager, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        if left > 0:
            left -= 1
            await do(gateway, grant("ring"))
        return await commit(sessions, *args, **kwargs)

    monkeypatch.setattr(InventorySessionManager, "commit", commit_late)
