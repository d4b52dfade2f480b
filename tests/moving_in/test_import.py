"""A table comes in: what it says is there, what a rule does not allow is told, and nothing is lost."""

import asyncio
import uuid

import asyncpg
import pytest

from engine.state import Item, Place
from persistence.errors import SessionNotLive, TemplateInUse
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.moving_in.errors import ImportRefused
from persistence.moving_in.ids import NAMESPACE, char_id_of, item_id_of
from persistence.moving_in.run import Options, moving_in
from persistence.orchestrator import InventoryOrchestrator
from tests.moving_in.tables import bring_in, csv, jsonl
from tests.parity.world import TEMPLATES
from tests.service.conftest import Site
from tests.service.play import do, grant

ANNA, BEN = char_id_of("anna", NAMESPACE), char_id_of("ben", NAMESPACE)


async def has(gateway: InventoryOrchestrator, char_id: str) -> dict[str, tuple[str, int]]:
    """What a character has, by place."""
    items = await items_of(gateway, char_id)
    return {f"{i.place.container}:{i.place.slot}": (i.template_id, i.quantity) for i in items}


async def items_of(gateway: InventoryOrchestrator, char_id: str) -> list[Item]:
    try:
        return list((await gateway.read_session(char_id)).session.items.values())
    except SessionNotLive:
        await gateway.load_session(char_id)
        return await items_of(gateway, char_id)


def without(template_id: str) -> list[Template]:
    """The catalog, but for one template."""
    return [Template(facts, {}) for name, facts in TEMPLATES.items() if name != template_id]


async def test_what_it_says_is_there_and_is_played(each_site: Site) -> None:
    done = await bring_in(
        each_site,
        csv(
            "owner,template,quantity,place,name,level,class,attributes\n"
            'ben,gold,1200,,Ben,7,warrior,"{""strength"": 14}"\n'
            "anna,dagger,1,equipment:main_hand,Anna,,,\n"
            "ben,sword,1,equipment,,,,\n"
            "anna,potion,3,bag:4,,,,\n"
            "ben,potion,12,,,,,\n"
            "anna,ore,70,bank,,,,\n"
            "anna,pack,1,equipment:garment_outer,,,,\n"
            "anna,dagger,1,bag:22,,,,\n"
        ),
    )
    assert done.findings == []
    tally = done.tally
    assert (tally.rows, tally.characters, tally.items, tally.split) == (8, 2, 11, 2)
    assert tally.became == {"placed": 8}
    async with each_site.gateway() as gateway:
        assert await has(gateway, ANNA) == {
            "equipment:main_hand": ("dagger", 1),
            "equipment:garment_outer": ("pack", 1),
            "bag:4": ("potion", 3),
            "bag:22": ("dagger", 1),
            "bank:0": ("ore", 50),
            "bank:1": ("ore", 20),
        }
        assert await has(gateway, BEN) == {
            "wallet:gold": ("gold", 1200),
            "equipment:main_hand": ("sword", 1),
            "bag:0": ("potion", 5),
            "bag:1": ("potion", 5),
            "bag:2": ("potion", 2),
        }
        ben = await gateway.character(BEN)
        assert (ben.name, ben.actor.level, ben.actor.class_) == ("Ben", 7, "warrior")
        assert ben.actor.attributes == {"strength": 14}
        entry = (await gateway.store.journal(BEN))[0]
        assert (entry.seq, entry.by, bytes(entry.commands)) == (1, "import", b'[{"op": "import", "rows": 3}]')
        assert (await do(gateway, grant("gold", 5), char_id=BEN))["seq"] == 2
        await gateway.save_session(BEN)
    await each_site.audit()


async def test_what_breaks_a_rule_is_told_and_kept(site: Site) -> None:
    done = await bring_in(
        site,
        csv(
            "owner,template,quantity,place\n"
            "anna,dagger,1,bag:3\n"
            "anna,dagger,1,bag:3\n"  # 2: somebody else's place
            "anna,dagger,1,bag:20\n"  # 3: no such slot
            "anna,sword,1,equipment:main_hand\n"  # 4: level 5
            "anna,potion,1,quick:0\n"  # 5: no belt, no quick slots
            "anna,dagger,1,attic:0\n"  # 6
            "anna,dagger,1,bag:first\n"  # 7
            "anna,ore,1,bag:5\n"  # 8: not taken there
            "anna,badge,3,\n"  # 9: two at the most
            "anna,excalibur,1,\n"  # 10
            "anna,plate,2,bag\n"  # 11: 60 kg
            "anna,dagger,1,equipment:legs\n"  # 12
            "anna,gold,5,wallet:silver\n"  # 13
            "anna,gold,5,wallet:gold\n"
        ),
    )
    assert done.told() == [
        (2, "overflowed", "SLOT_OCCUPIED", 1),
        (3, "overflowed", "SLOT_OUT_OF_RANGE", 1),
        (4, "overflowed", "LEVEL_TOO_LOW", 1),
        (5, "overflowed", "SLOT_OUT_OF_RANGE", 1),
        (6, "overflowed", "UNKNOWN_CONTAINER", 1),
        (7, "overflowed", "UNKNOWN_SLOT", 1),
        (8, "overflowed", "CONTAINER_REJECTS_ITEM", 1),
        (9, "rejected", "CARRY_LIMIT", 1),
        (10, "rejected", "UNKNOWN_TEMPLATE", 1),
        (11, "overflowed", "TOO_HEAVY", 1),
        (12, "overflowed", "WRONG_SLOT", 1),
        (13, "overflowed", "UNKNOWN_SLOT", 5),
    ]
    params = {one.row: one.params for one in done.findings}
    assert params[2] == {"container": "bag", "slot": 3}
    assert params[4] == {"template_id": "sword", "required": 5, "level": 1}
    assert params[9] == {"template_id": "badge", "max_carried": 2, "has": 0}
    assert done.tally.became == {"placed": 2, "overflowed": 10, "rejected": 2}
    async with site.gateway() as gateway:
        found = await has(gateway, ANNA)
        assert sum(place.startswith("overflow") for place in found) == 9 + 5
        assert found["bag:3"] == ("dagger", 1) and found["wallet:gold"] == ("gold", 5)
    await site.audit()


async def test_a_row_of_more_stacks_than_it_may_make(site: Site) -> None:
    """The first is where the row says; what is told of the others is still of the whole row."""
    text = "owner,template,quantity,place\nanna,dagger,500,bag:3\nben,dagger,500,overflow:3\n"
    done = await bring_in(site, csv(text))
    refused = [one for one in done.findings if one.code == "INVALID_QUANTITY"]
    assert [(one.row, one.params["quantity"]) for one in sorted(refused, key=lambda one: one.row)] == [
        (1, 500),
        (2, 500),
    ]


async def test_without_an_overflow_container_it_is_rejected(site: Site) -> None:
    text = "owner,template,quantity,place\nanna,dagger,1,bag:30\nanna,plate,9,\n"
    done = await bring_in(site, csv(text), Options(overflow=None))
    assert done.told() == [(1, "rejected", "SLOT_OUT_OF_RANGE", 1), (2, "rejected", "TOO_HEAVY", 8)]
    async with site.gateway() as gateway:
        assert await has(gateway, ANNA) == {"bag:0": ("plate", 1)}


async def test_ids_are_kept_and_are_somebodys_once(site: Site) -> None:
    own = uuid.uuid4().hex
    rows = [
        {"owner": "anna", "template": "dagger", "item_id": own},
        {"owner": "ben", "template": "dagger", "item_id": own.upper()},
        {"owner": "ben", "template": "potion", "quantity": 7, "item_id": "17", "place": "bag:0"},
        {"owner": "ben", "template": "gold", "quantity": 7, "item_id": "18"},
        {"owner": "ben", "template": "gold", "quantity": 8, "item_id": "19"},
    ]
    done = await bring_in(site, jsonl(rows))
    assert done.told() == [(2, "rejected", "ALREADY_EXISTS", 1)]
    async with site.gateway() as gateway:
        (dagger,) = await items_of(gateway, ANNA)
        assert dagger.item_id == own
        bens = {item.item_id: item for item in await items_of(gateway, BEN)}
        first = bens[item_id_of("17", NAMESPACE)]
        assert (first.quantity, first.place) == (5, Place("bag", 0)) and len(bens) == 3
        assert bens[item_id_of("18", NAMESPACE)].quantity == 15
        # As an id of a grant, it is spent: nobody else can have it, also when the item has gone.
        await do(gateway, {"op": "drop", "item_id": own}, char_id=ANNA)
        refused = await do(gateway, grant("dagger", item_id=own), char_id=BEN)
        assert refused.code == "ALREADY_EXISTS"
    again = await bring_in(site, jsonl([{"owner": "cleo", "template": "dagger", "item_id": own}]))
    assert again.told() == [(1, "rejected", "ALREADY_EXISTS", 1)]
    await site.audit()


async def test_owners_who_have_nothing(site: Site) -> None:
    rows = [
        {"owner": "anna", "template": None, "quantity": None, "name": "Anna"},
        {"owner": "ben", "template": "", "name": "Ben", "level": 3},
    ]
    done = await bring_in(site, jsonl(rows))
    assert done.tally.became == {"owner only": 2} and done.tally.characters == 2
    async with site.gateway() as gateway:
        assert (await gateway.character(BEN)).actor.level == 3
        assert await has(gateway, ANNA) == {}
        assert (await gateway.store.journal(ANNA)) == []
    await site.audit()


async def test_who_somebody_is_says_the_first_row(site: Site) -> None:
    rows = [
        {"owner": "anna", "template": "gold", "name": "Anna", "level": "many", "class": "bard"},
        {"owner": "anna", "template": "gold", "name": "Annie", "attributes": {"luck": 3, "strength": 4}},
        {"owner": "anna", "template": "gold", "name": "Ann"},
    ]
    done = await bring_in(site, jsonl(rows))
    assert done.told() == [
        (1, "noted", "INVALID_CHARACTER", 0),
        (1, "noted", "INVALID_CHARACTER", 0),
        (2, "noted", "CONFLICTING_CHARACTER", 0),
        (2, "noted", "INVALID_CHARACTER", 0),
    ]
    async with site.gateway() as gateway:
        anna = await gateway.character(ANNA)
        assert (anna.name, anna.actor.level, anna.actor.class_) == ("Anna", 1, "")
        assert anna.actor.attributes == {"strength": 4}


async def test_a_look_writes_nothing(site: Site) -> None:
    text = "owner,template,quantity,place\nanna,dagger,1,bag:30\n"
    looked = await bring_in(site, csv(text), write=False)
    async with site.gateway() as gateway:
        assert await gateway.store.character(ANNA) is None
    assert (await bring_in(site, csv(text))).told() == looked.told()


async def test_other_names(site: Site) -> None:
    source = csv(
        "player_id;what;n;bag_no;slot_no\nanna;DAGGER_01;1;bag;2\n",
        delimiter=";",
        renamed={
            "owner": "player_id",
            "template": "what",
            "quantity": "n",
            "container": "bag_no",
            "slot": "slot_no",
        },
    )
    done = await bring_in(site, source, Options(templates={"DAGGER_01": "dagger"}))
    assert done.findings == []
    async with site.gateway() as gateway:
        assert await has(gateway, ANNA) == {"bag:2": ("dagger", 1)}


async def test_a_bound_row_stays_bound_and_a_lock_a_lock(site: Site) -> None:
    rows = [
        {"owner": "anna", "template": "dagger", "bound": True},
        {"owner": "anna", "template": "dagger", "locked": "yes"},
    ]
    await bring_in(site, jsonl(rows))
    async with site.gateway() as gateway:
        flags = sorted((item.bound, item.locked) for item in await items_of(gateway, ANNA))
        assert flags == [(False, True), (True, False)]


async def test_a_catalog_that_changes_before_it_is_written(site: Site) -> None:
    """What was judged by another one is not written, whatever has changed in it."""
    database_url, ruleset = site.settings.database_url, site.ruleset
    async with site.gateway(flushing=False) as gateway, moving_in(database_url, ruleset, Options()) as run:
        await run.read(csv("owner,template,quantity\nanna,dagger,1\n"), lambda *_: None)
        await run.run(lambda _: None, lambda *_: None, write=False)
        await import_catalog(gateway.store, without("dagger"))
        with pytest.raises(ImportRefused, match="at version 2 now, and the rows were judged by version 1"):
            await run.run(lambda _: None, lambda *_: None, write=True)
        assert await gateway.store.character(ANNA) is None
    again = await bring_in(site, csv("owner,template,quantity\nanna,dagger,1\nanna,gold,5\n"))
    assert again.told() == [(1, "rejected", "UNKNOWN_TEMPLATE", 1)]


async def test_a_catalog_that_comes_while_it_is_written(site: Site) -> None:
    """It waits, and finds the items: their template does not vanish."""
    async with site.gateway(flushing=False) as gateway:
        connection = await asyncpg.connect(site.settings.database_url)
        await connection.execute(
            "CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN new; END$$;"
            "CREATE TRIGGER pause BEFORE INSERT ON items EXECUTE FUNCTION pause();"
            "SELECT pg_advisory_lock(7)"
        )
        writing = asyncio.create_task(bring_in(site, csv("owner,template,quantity\nanna,dagger,1\n")))
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
        replacing = asyncio.create_task(import_catalog(gateway.store, without("dagger")))
        while not replacing.done() and not await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'catalogs'::regclass"
        ):
            await asyncio.sleep(0.01)
        await connection.execute("SELECT pg_advisory_unlock(7)")
        assert (await writing).tally.characters == 1
        with pytest.raises(TemplateInUse):
            await replacing
        await connection.close()
