"""Quarantined characters: released with all they had, or made playable as PostgreSQL has them."""

import asyncio
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from engine.ruleset import Ruleset, parse_ruleset
from persistence.desk import incidents as incidents_module
from persistence.desk import repair as repair_module
from persistence.desk.errors import DeskRefusal, PreviewOutdated
from persistence.desk.repair import Examination
from persistence.desk.rewrite import Origin
from persistence.errors import CharacterNotFound, CharacterQuarantined, Unavailable
from persistence.orchestrator import InventoryOrchestrator
from persistence.protocol.snapshot_session import session_from
from persistence.records import JournalEntry
from tests.desk.past import everything, give, live_items, stolen
from tests.loading import begin_load
from tests.parity.world import ACTOR, CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, first_item, grant, stored_items

OPERATOR = Origin()
OTHER_ID = "0f0e0d0c-0b0a-4908-8706-0504030201fe"


def without_bank() -> Ruleset:
    text = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
    return parse_ruleset(text.replace('"bank"', '"vault"'))


async def quarantine(gateway: InventoryOrchestrator) -> str:
    """By a flush that PostgreSQL refuses; the session has a second entry that it does not have."""
    item_id = await stolen(gateway)
    failures = (await gateway._flusher._writes.flush([CHAR_ID])).failures
    assert isinstance(failures[CHAR_ID], CharacterQuarantined)
    with pytest.raises(CharacterQuarantined):
        await gateway.load_session(CHAR_ID)
    return item_id


def damage(site: Site, field: str, text: str | None) -> None:
    session = f"inventory:session:{CHAR_ID}"
    if text is None:
        site.client.hdel(session, field)
    else:
        site.client.hset(session, field, text.encode("latin-1"))


async def repair(gateway: InventoryOrchestrator) -> int:
    repairer = gateway.desk().repairer
    return await repairer.repair(await repairer.examine(CHAR_ID), OPERATOR)


async def incidents(gateway: InventoryOrchestrator) -> list[tuple[str, list[int]]]:
    found = (await gateway.desk().history(CHAR_ID, 0, 1)).incidents
    return [
        (one.reason, [msgspec.json.decode(text, type=JournalEntry).seq for text in one.entries])
        for one in found
    ]


async def test_released_with_all_it_had(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        item_id = await quarantine(gateway)
        (one,) = await gateway.desk().quarantined()
        assert (one.char_id, one.name) == (CHAR_ID, "Tess") and "not this owner's" in one.reason
        await give(gateway, item_id, CHAR_ID)
        assert await gateway.desk().release(CHAR_ID) == one.reason
        assert await gateway.desk().quarantined() == []
        (item,) = (await live_items(gateway)).values()
        assert item.place.container == "equipment"
        await gateway.save_session(CHAR_ID)
        assert (await stored_items(gateway))[item_id][2] == "equipment:main_hand"
        assert await incidents(gateway) == []
    await each_site.audit()


async def test_released_too_early_it_is_quarantined_again(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await quarantine(gateway)
        await gateway.desk().release(CHAR_ID)
        await gateway.load_session(CHAR_ID)
        with pytest.raises(CharacterQuarantined):
            await gateway.save_session(CHAR_ID)
        assert len(await gateway.desk().quarantined()) == 1


async def test_repaired_as_postgresql_has_it(each_site: Site) -> None:
    async with each_site.gateway(flushing=False) as gateway:
        item_id = await quarantine(gateway)
        seen = await gateway.desk().repairer.examine(CHAR_ID)
        assert seen.held is not None and seen.held.status == '"QUARANTINED"'
        assert ([entry.seq for entry in seen.lost], seen.misplaced) == ([2], ())
        before = await gateway.store.character(CHAR_ID)
        assert await gateway.desk().repairer.repair(seen, OPERATOR) == 1
        head = await gateway.store.character(CHAR_ID)
        assert before is not None and head is not None
        assert (head.seq, head.open, head.incarnation) == (1, False, before.incarnation + 1)
        ((reason, seqs),) = await incidents(gateway)
        assert "not this owner's" in reason and seqs == [2]
        assert await gateway.desk().quarantined() == []
        assert item_id not in await live_items(gateway), "PostgreSQL says that it is another's"
        reply = await do(gateway, grant("potion", 2))
        assert reply["tag"] == "1.2", "seq 2 under the tag of before was another change"
        await gateway.save_session(CHAR_ID)


STEPS = [
    (repair_module, "set_aside"),
    (repair_module.Repairer, "_discard"),
    (repair_module.Repairer, "_mend"),
    (repair_module.rewrite, "overtake"),
    (repair_module.rewrite, "append"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
async def test_cut_off_anywhere_and_done_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str, when: str
) -> None:
    """After each death the character is as closed as before, and a repair more brings it to the same end."""
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        ore = first_item(await do(gateway, grant("ore", 7, container="bank")))
        await quarantine(gateway)
    site.ruleset = without_bank()
    async with site.gateway(flushing=False) as gateway:
        real = getattr(owner, step)

        async def cut_off(*args: Any, **kwargs: Any) -> None:
            if when == "after":
                await real(*args, **kwargs)
            raise Unavailable("the operator's machine went away")

        with monkeypatch.context() as patched:
            patched.setattr(owner, step, cut_off)
            with pytest.raises(Unavailable):
                await repair(gateway)
        if (step, when) == ("_mend", "after"):
            with pytest.raises(DeskRefusal, match="nothing to repair"):
                await repair(gateway)
        else:
            with pytest.raises(CharacterQuarantined):
                await gateway.load_session(CHAR_ID)
            assert len(await gateway.desk().quarantined()) == 1
            assert await repair(gateway) == 3
        assert [seqs for _, seqs in await incidents(gateway)] == [[3]], "set aside, and set aside once"
        assert (await stored_items(gateway))[ore] == ("ore", 7, "overflow:0")
        entry = (await gateway.store.journal(CHAR_ID, 2))[0]
        assert msgspec.json.decode(entry.commands) == [{"op": "repair"}]
        assert ore in await live_items(gateway)
        assert (await do(gateway, grant("potion")))["seq"] == 4
        await gateway.save_session(CHAR_ID)


async def test_places_that_are_gone(each_site: Site) -> None:
    """Nothing was refused and nothing is lost: what the old ruleset's session had is flushed first."""
    async with each_site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        for template_id in ("ore", "dagger", "potion"):
            await do(gateway, grant(template_id, container="bank" if template_id != "potion" else None)
                     if template_id != "potion" else grant("potion"))  # fmt: skip
        await do(gateway, grant("gold", 5, overflow=True))
    each_site.ruleset = without_bank()
    async with each_site.gateway(flushing=False) as gateway:
        seen = await gateway.desk().repairer.examine(CHAR_ID)
        assert (seen.quarantined, seen.lost, len(seen.misplaced)) == (None, (), 2)
        with pytest.raises(CharacterQuarantined, match="the ruleset does not have"):
            await gateway.load_session(CHAR_ID)
        assert await gateway.desk().repairer.repair(seen, OPERATOR) == 5
        assert await incidents(gateway) == []
        places = sorted(place for _, _, place in (await stored_items(gateway)).values())
        assert places == ["bag:0", "overflow:0", "overflow:1", "wallet:gold"]
        assert len(await live_items(gateway)) == 4
    await each_site.audit()


@pytest.mark.parametrize(
    ("was", "now", "left"),
    [
        ('"wallet"\nkind = "purse"\n', '"wallet"\nkind = "slots"\ncapacity = 10\n', "bag:0"),
        ('"bag"\nkind = "slots"\ncapacity = 20\n', '"bag"\nkind = "purse"\n', "wallet:gold"),
    ],
)
async def test_places_of_another_sort(site: Site, was: str, now: str, left: str) -> None:
    """A container whose kind has changed has slots of another sort, so what was in it is nowhere."""
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("gold", 5))
        await do(gateway, grant("dagger"))
    text = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
    assert was in text
    site.ruleset = parse_ruleset(text.replace(was, now, 1))
    async with site.gateway(flushing=False) as gateway:
        with pytest.raises(CharacterQuarantined, match="the ruleset does not have"):
            await gateway.load_session(CHAR_ID)
        seen = await gateway.desk().repairer.examine(CHAR_ID)
        assert len(seen.misplaced) == 1
        await gateway.desk().repairer.repair(seen, OPERATOR)
        places = sorted(place for _, _, place in (await stored_items(gateway)).values())
        assert places == sorted([left, "overflow:0"])
        assert len(await live_items(gateway)) == 2
    await site.audit()


async def test_what_is_played_under_the_old_ruleset_meanwhile(site: Site) -> None:
    async with site.gateway(flushing=False) as old:
        await old.load_session(CHAR_ID)
        await do(old, grant("ore", 7, container="bank"))
        site.ruleset = without_bank()
        async with site.gateway(flushing=False) as gateway:
            seen = await gateway.desk().repairer.examine(CHAR_ID)
            await do(old, grant("potion"))
            with pytest.raises(PreviewOutdated):
                await gateway.desk().repairer.repair(seen, OPERATOR)
            assert await repair(gateway) == 3
            assert await incidents(gateway) == [], "it was flushed, not set aside"
            assert len(await live_items(gateway)) == 2


async def test_places_that_are_gone_and_no_overflow(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        ore = first_item(await do(gateway, grant("ore", 7, container="bank")))
        await gateway.save_session(CHAR_ID, evict=True)
    text = files("engine").joinpath("rulesets/haversack.toml").read_text("utf-8")
    site.ruleset = parse_ruleset(text.replace('"bank"', '"vault"').replace('overflow = "overflow"\n', ""))
    async with site.gateway(flushing=False) as gateway:
        with pytest.raises(DeskRefusal, match=f"no overflow container.* ore {ore} .bank:0"):
            await gateway.desk().repairer.examine(CHAR_ID)


async def test_a_session_that_cannot_be_read(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await gateway.save_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        site.client.rpush(f"inventory:journal:{CHAR_ID}", b"not\0 an entry")
        seen = await gateway.desk().repairer.examine(CHAR_ID)
        assert seen.quarantined is not None and seen.held is not None and seen.held.damage
        assert len(seen.held.texts) == 2
        await gateway.desk().repairer.repair(seen, OPERATOR)
        (incident,) = (await gateway.desk().history(CHAR_ID, 0, 1)).incidents
        assert msgspec.json.decode(incident.entries[0])["seq"] == 2
        assert msgspec.json.decode(incident.entries[1]) == "not\N{REPLACEMENT CHARACTER} an entry"
        assert len(await live_items(gateway)) == 1
    await site.audit()


@pytest.mark.parametrize(
    ("field", "text"),
    [("epoch", None), ("epoch", "1e3"), ("incarnation", "\xff"), ("seq", "9" * 30), ("flushed_seq", "-1")],
)
async def test_a_session_whose_head_is_damaged(site: Site, field: str, text: str | None) -> None:
    """Nobody plays it, its neighbours are loaded, and an operator can let PostgreSQL's state count."""
    async with site.gateway(flushing=False) as gateway:
        other = (await gateway.create_character(None, "Oda", ACTOR)).char_id
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await gateway.save_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        damage(site, field, text)
        loads = await asyncio.gather(
            gateway.load_session(CHAR_ID), gateway.load_session(other), return_exceptions=True
        )
        assert isinstance(loads[0], CharacterQuarantined) and not isinstance(loads[1], BaseException)
        assert {one.char_id: one.live for one in await gateway.characters(None, None, 9)}[other]
        assert (await gateway.character(CHAR_ID)).seq == 1
        assert await repair(gateway) == 1
        ((reason, entries),) = await incidents(gateway)
        assert "cannot be read" in reason and entries == [2]
        assert len(await live_items(gateway)) == 1
    await site.audit()


@pytest.mark.parametrize(("field", "text"), [("epoch", None), ("epoch", "what"), ("flushed_seq", "what")])
async def test_a_damaged_head_that_was_released(site: Site, field: str, text: str | None) -> None:
    """What the session had and nobody can fit to PostgreSQL's state is kept as an incident."""
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        damage(site, field, text)
        with pytest.raises(CharacterQuarantined):
            await gateway.save_session(CHAR_ID)
        await gateway.desk().release(CHAR_ID)
        await gateway.load_session(CHAR_ID)
        ((reason, entries),) = await incidents(gateway)
        assert "cannot be read" in reason and entries == [1]
    await site.audit()


async def test_a_load_begun_before_comes_too_late(each_site: Site) -> None:
    """Its epoch is above the session's, so the fence has to be PostgreSQL's."""
    async with each_site.gateway(flushing=False) as gateway, each_site.gateway(flushing=False) as console:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("ore", 7, container="bag"))
        await gateway.save_session(CHAR_ID)
        probe = await gateway._sessions.probe(CHAR_ID)
        snapshot = await begin_load(gateway.store, CHAR_ID)
        await gateway.store.quarantine(CHAR_ID, "a test")
        await repair(console)
        late, _ = await gateway._sessions.open(
            session_from(snapshot, gateway.ruleset, gateway.items),
            probe=probe,
            epoch=snapshot.head.epoch,
            incarnation=snapshot.head.incarnation,
            catalog=gateway.items.version,
        )
        assert late == "REJECT"
        await gateway.load_session(CHAR_ID)
    await each_site.audit()


async def test_a_database_from_a_backup(site: Site) -> None:
    """Epoch and incarnation do not fall behind what the session's callers were told."""
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await gateway.save_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        async with gateway.store.database.transaction() as connection:
            await connection.execute("UPDATE characters SET epoch = 0, seq = 0")
            await connection.execute("ALTER TABLE journal DISABLE TRIGGER USER")
            await connection.execute("DELETE FROM journal")
            await connection.execute("DELETE FROM items")
            await connection.execute("ALTER TABLE journal ENABLE TRIGGER USER")
        site.client.hset(f"inventory:session:{CHAR_ID}", mapping={"epoch": 7, "incarnation": 3})
        with pytest.raises(CharacterQuarantined):
            await gateway.save_session(CHAR_ID)
        assert await repair(gateway) == 0
        state, _ = await gateway.load_session(CHAR_ID)
        assert state.epoch > 7
        assert (await do(gateway, grant("potion")))["tag"] == "4.1"
        await gateway.save_session(CHAR_ID)
    await site.audit()


async def test_what_was_not_seen_is_not_done(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        await quarantine(gateway)
        seen = await gateway.desk().repairer.examine(CHAR_ID)
        site.client.rpush(f"inventory:journal:{CHAR_ID}", b"{}")
        with pytest.raises(PreviewOutdated):
            await gateway.desk().repairer.repair(seen, OPERATOR)
        before = await everything(gateway)
        assert before[3] == [] and site.client.exists(f"inventory:session:{CHAR_ID}")


async def test_released_while_it_is_repaired(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.gateway(flushing=False) as gateway:
        await quarantine(gateway)
        seen = await gateway.desk().repairer.examine(CHAR_ID)
        real = repair_module.Repairer._mend

        async def released_before(self: Any, now: Examination, origin: Origin) -> int:
            await gateway.store.release(CHAR_ID)
            return await real(self, now, origin)

        monkeypatch.setattr(repair_module.Repairer, "_mend", released_before)
        with pytest.raises(PreviewOutdated):
            await gateway.desk().repairer.repair(seen, OPERATOR)


async def test_nothing_to_do(site: Site) -> None:
    async with site.gateway(flushing=False) as gateway:
        desk = gateway.desk()
        with pytest.raises(DeskRefusal, match="nothing to repair"):
            await desk.repairer.examine(CHAR_ID)
        with pytest.raises(DeskRefusal, match="is not quarantined"):
            await desk.release(CHAR_ID)
        for look in (desk.repairer.examine, desk.release):
            with pytest.raises(CharacterNotFound):
                await look(OTHER_ID)
        assert await desk.quarantined() == []


async def test_what_a_replaced_session_had_is_told_as_well(site: Site) -> None:
    """Until a load has recorded it in PostgreSQL, it is in Redis."""
    async with site.gateway(flushing=False) as gateway:
        await gateway.load_session(CHAR_ID)
        site.client.rpush(f"inventory:incident:{CHAR_ID}", b'{"seq": 9}', b"half a li")
        (incident,) = (await gateway.desk().history(CHAR_ID, 0, 1)).incidents
        assert incident.incident_id is None and "not yet recorded" in incident.reason
        assert [bytes(one) for one in incident.entries] == [b'{"seq": 9}', b'"half a li"']
        assert incidents_module.as_documents([b"\xff"]) == (msgspec.Raw(b'"\xef\xbf\xbd"'),)
