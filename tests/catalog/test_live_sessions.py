"""A new catalog among those who play: races with grants, and rules that are never mixed."""

import asyncio
import random
from typing import Any

import msgspec
import pytest

from engine.facts import Facts
from engine.refusals import Refusal
from persistence.errors import SessionNotLive, TemplateInUse, Unavailable
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.orchestrator import InventoryOrchestrator
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES
from tests.service.conftest import Site
from tests.service.play import do, first_item, grant, move, stored_items


def without(*names: str, **others: Facts) -> list[Template]:
    """The small world's catalog without some, and with others."""
    known = {name: facts for name, facts in TEMPLATES.items() if name not in names} | others
    return [Template(facts, {"name": name}) for name, facts in known.items()]


async def played(gateway: InventoryOrchestrator, *commands: dict[str, Any], char_id: str = CHAR_ID) -> Any:
    """The outcome on a session that is loaded if need be, as the gateway does it."""
    await gateway.load_session(char_id)
    return await do(gateway, *commands, char_id=char_id)


async def test_what_was_granted_behind_an_import_goes_on_as_it_was(site: Site) -> None:
    """PostgreSQL does not know of the dagger when the import looks; nobody ever finds it frozen."""
    async with site.gateway(flushing=False) as gateway, site.gateway(flushing=False) as late:
        await late.items.close()
        dagger = first_item(await played(gateway, grant("dagger")))
        assert await stored_items(gateway) == {}
        await import_catalog(gateway.store, without("dagger"))
        other = first_item(await played(late, grant("dagger")))
        assert late.items.version == 1, "it has not noticed yet, and neither has the session"
        await gateway.items.refresh()
        refused = await played(gateway, grant("dagger"))
        assert isinstance(refused, Refusal) and refused.code == "UNKNOWN_TEMPLATE"
        await played(gateway, {"op": "equip", "item_id": dagger}, move(other, "bank"))
        session = await gateway.read_session(CHAR_ID)
        assert session.catalog == 2 and session.session.facts["dagger"].retired
        assert {item.place.container for item in session.session.items.values()} == {"equipment", "bank"}
        template = gateway.items.template("dagger")
        assert template is not None and template.facts.retired, "its name can still be shown"
        assert "dagger" not in {one.facts.template_id for one in gateway.items.templates(limit=500)}
        await gateway.save_session(CHAR_ID, evict=True)
        await played(gateway, move(other, "bag"))
        await gateway.save_session(CHAR_ID)
    await site.audit()


async def test_a_forced_import_freezes_and_a_later_one_thaws(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        dagger = first_item(await played(gateway, grant("dagger")))
        await gateway.save_session(CHAR_ID)
        with pytest.raises(TemplateInUse):
            await import_catalog(gateway.store, without("dagger"))
        await import_catalog(gateway.store, without("dagger"), force=True)
        await gateway.items.refresh()
        frozen = await played(gateway, {"op": "equip", "item_id": dagger})
        assert isinstance(frozen, Refusal) and frozen.code == "FROZEN"
        assert gateway.items.template("dagger") is None
        assert (await gateway.read_session(CHAR_ID)).session.items[dagger].quantity == 1
        await import_catalog(gateway.store, without())
        await gateway.items.refresh()
        assert isinstance(await played(gateway, {"op": "equip", "item_id": dagger}), dict)
    await site.audit()


async def test_retired_by_the_catalog(site: Site) -> None:
    """An operator may want no more of them, and there may be as many as there are."""
    retired = msgspec.structs.replace(TEMPLATES["potion"], retired=True)
    async with site.gateway(flushing=False) as gateway:
        potion = first_item(await played(gateway, grant("potion", 3)))
        await import_catalog(gateway.store, without(potion=retired))
        await gateway.items.refresh()
        refused = await played(gateway, grant("potion"))
        assert isinstance(refused, Refusal) and refused.code == "UNKNOWN_TEMPLATE"
        await played(gateway, {"op": "consume", "item_id": potion, "quantity": 1})
        assert "potion" in {one.facts.template_id for one in gateway.items.templates(limit=500)}
    await site.audit()


# As much as this may be carried at version N, so a refusal tells by which catalog a call was judged.
PROBE = "version_probe"


def probing(version: int) -> list[Template]:
    return without(**{PROBE: Facts(PROBE, "currency", max_carried=version)})


async def test_sessions_are_refreshed_under_load_and_no_rule_is_mixed(site: Site) -> None:
    """Each call is judged by one catalog: not older than its gateway's, nor than one seen before."""
    characters = [f"00000000-0000-4000-8000-{number:012x}" for number in range(12)]
    stop = asyncio.Event()
    seen = dict.fromkeys(characters, 0)
    judged = 0

    async def play(gateway: InventoryOrchestrator, char_id: str, dice: random.Random) -> None:
        nonlocal judged
        while not stop.is_set():
            if dice.random() < 0.5:
                await do_if_live(gateway, char_id, grant("gold", 1))
            least = max(seen[char_id], gateway.items.version)
            refused = await do_if_live(gateway, char_id, grant(PROBE, 10**9))
            if refused is None:
                await gateway.load_session(char_id)
            else:
                assert isinstance(refused, Refusal) and refused.code == "CARRY_LIMIT"
                limit = refused.params["max_carried"]
                assert isinstance(limit, int) and least <= limit <= newest
                # Whichever gateway it was: a session never goes back to older facts.
                seen[char_id] = max(seen[char_id], limit)
                judged += 1

    newest = 2
    async with site.gateway() as one, site.gateway() as two:
        await import_catalog(one.store, probing(2))
        for gateway in (one, two):
            await gateway.items.refresh()
        for number, char_id in enumerate(characters):
            await one.create_character(char_id, f"n{number}", ACTOR)
        players = [
            asyncio.create_task(play(gateway, char_id, random.Random(char_id)))
            for char_id in characters
            for gateway in (one, two)
        ]
        for version in range(3, 13):
            before = judged
            # Before the import, since a gateway may know of it before this one does.
            newest = version
            assert await import_catalog(one.store, probing(version)) == version
            await (one, two)[version % 2].items.refresh()
            async with asyncio.timeout(30):
                while judged < before + 40 and not any(player.done() for player in players):
                    await asyncio.sleep(0.005)
        stop.set()
        await asyncio.gather(*players)
    await site.audit()


async def do_if_live(gateway: InventoryOrchestrator, char_id: str, command: dict[str, Any]) -> Any:
    """The outcome, None where another gateway took the session away, or the catalog changed all the time."""
    try:
        return await do(gateway, command, char_id=char_id)
    except (SessionNotLive, Unavailable):
        return None


async def test_dirty_sessions_share_their_flushes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new catalog has all sessions loaded anew, and each is flushed before: not one by one."""
    characters = [f"00000000-0000-4000-8000-{number:012x}" for number in range(60)]
    async with site.gateway() as gateway:
        for number, char_id in enumerate(characters):
            await gateway.create_character(char_id, f"n{number}", ACTOR)
        await asyncio.gather(*(gateway.load_session(char_id) for char_id in characters))
        await import_catalog(
            gateway.store, without(gold=msgspec.structs.replace(TEMPLATES["gold"], weight=1))
        )
        # Nobody flushes by the way.
        monkeypatch.setattr(gateway._flusher._work, "claim", _nothing_is_due)
        await asyncio.gather(*(do(gateway, grant("gold", 5), char_id=char_id) for char_id in characters))
        flushes = []
        flush = gateway.store.flush
        monkeypatch.setattr(gateway.store, "flush", lambda batch: flushes.append(len(batch)) or flush(batch))
        await gateway.items.refresh()
        await asyncio.gather(*(gateway.load_session(char_id) for char_id in characters))
        assert sum(flushes) == len(characters) and len(flushes) <= 10, flushes
        monkeypatch.undo()
    await site.audit()


async def _nothing_is_due(**_: Any) -> list[str]:
    return []
