"""A tabletop game: the equipment of its reference document, imported and played by its own ruleset."""

import json
from pathlib import Path

import pytest

from tests.catalogs import foreign_catalog
from tests.e2e.playing import Player, haversack, playing
from tests.servers import Servers

# Magic items that need attunement; the equipment has none.
MAGIC = {
    "ring_of_protection": "ring",
    "ring_of_warmth": "ring",
    "cloak_of_protection": "cloak",
    "amulet_of_health": "neck",
}


@pytest.fixture
def catalog(tmp_path: Path) -> tuple[str, ...]:
    """The equipment through the mapping, and four lines of our own form."""
    own = tmp_path / "magic.jsonl"
    lines = (
        {
            "facts": {"template_id": name, "kind": "wondrous", "slots": [slot], "limit_group": "attunement"},
            "data": {},
        }
        for name, slot in MAGIC.items()
    )
    own.write_text("\n".join(map(json.dumps, lines)))
    return (str(foreign_catalog("srd-equipment.json")), str(own), "--mapping", "tabletop")


async def test_equipment_is_worn_as_in_the_game(
    servers: Servers, database_url: str, tmp_path: Path, catalog: tuple[str, ...]
) -> None:
    async with playing(servers, database_url, tmp_path / "log", "tabletop", 240, *catalog) as http:
        await hands(await Player.create(http, attributes={"strength": 14}, **{"class": "fighter"}))
        await strength(await Player.create(http, attributes={"strength": 14}))
        await bags(await Player.create(http, attributes={"strength": 15}))
        await fight(await Player.create(http, attributes={"strength": 15}))


async def hands(ana: Player) -> None:
    await ana.get_and_wear("longsword")
    shield = await ana.get_and_wear("shield")
    assert await ana.worn() == {"main_hand": "longsword", "off_hand": "shield"}
    await ana.get_and_wear("greatsword")
    assert await ana.worn() == {"two_hand": "greatsword"}
    assert await ana.stacks("pack") == [(0, "longsword", 1), (1, "shield", 1)]
    await ana.do("equip", item_id=shield)
    assert await ana.worn() == {"off_hand": "shield"}
    assert (await ana.get("/stats"))["stats"] == {"armor_class": 2}


async def strength(bruno: Player) -> None:
    (plate,) = await bruno.grant("plate-armor")
    code, params = await bruno.refused("equip", item_id=plate)
    assert code == "ATTRIBUTE_TOO_LOW"
    assert (params["attribute"], params["required"], params["value"]) == ("strength", 15, 14)
    await bruno.become(attributes={"strength": 15})
    await bruno.do("equip", item_id=plate)
    assert await bruno.worn() == {"armor": "plate-armor"}
    # 225 pounds, of which the armor takes 65.
    assert (await bruno.get("/capacity"))["weight"] == {"carried": 6500, "limit": 22500}
    assert await bruno.refused("grant", template_id="barrel", quantity=3) == ("TOO_HEAVY", {"limit": 22500})
    await bruno.grant("barrel", 2)
    # What is bound to one of the party is not the party's.
    (lute,), (drum,) = await bruno.grant("lute"), await bruno.grant("drum", bound=True)
    await bruno.do("move", item_id=lute, to={"container": "stash"})
    code, _ = await bruno.refused("move", item_id=drum, to={"container": "stash"})
    assert code == "ITEM_BOUND"
    # Beasts walk by themselves.
    await bruno.grant("warhorse")
    assert await bruno.stacks("stable") == [(0, "warhorse", 1)]


async def bags(cora: Player) -> None:
    quiver = await cora.get_and_wear("quiver")
    await cora.grant("arrow", 30)
    assert await cora.stacks("quiver") == [(0, "arrow", 20)]
    assert await cora.stacks("pack") == [(0, "arrow", 10)]
    assert await cora.refused("unequip", item_id=quiver) == (
        "CAPACITY_IN_USE",
        {"container": "quiver", "total": 0},
    )
    (torches,) = await cora.grant("torch", 10)
    code, _ = await cora.refused("move", item_id=torches, to={"container": "quiver"})
    assert code == "CONTAINER_REJECTS_ITEM"

    pouch = await cora.get_and_wear("component-pouch")
    await cora.grant("block-of-incense", 12)
    assert await cora.stacks("components") == [(0, "block-of-incense", 10), (1, "block-of-incense", 2)]
    code, params = await cora.refused("unequip", item_id=pouch)
    assert (code, params["container"]) == ("CAPACITY_IN_USE", "components")

    code, _ = await cora.refused("grant", template_id="bedroll", quantity=5)
    assert code == "CONTAINER_FULL", "six places without a backpack, of which two are taken"
    backpack = await cora.get_and_wear("backpack")
    bedrolls = await cora.grant("bedroll", 5)
    home = {"container": "chest"}
    in_use = ("CAPACITY_IN_USE", {"container": "pack", "total": 6})
    assert await cora.refused("unequip", item_id=backpack, to=home) == in_use
    assert await cora.refused("drop", item_id=backpack) == in_use
    code, _ = await cora.refused("unequip", item_id=backpack)
    assert code == "CONTAINER_FULL", "it cannot lie in the room that it makes"
    await cora.do("move", item_id=bedrolls[-1], to=home)
    await cora.do("unequip", item_id=backpack, to=home)
    assert (await cora.get("/capacity"))["containers"]["pack"] == {"used": 6, "total": 6}


async def fight(dora: Player) -> None:
    armor = await dora.get_and_wear("leather-armor")
    (mace,) = await dora.grant("mace")
    await dora.become(states={"add": ["in_combat"]})
    code, params = await dora.refused("unequip", item_id=armor)
    assert (code, params["state"]) == ("ACTOR_STATE_FORBIDS", "in_combat")
    await dora.do("equip", item_id=mace)
    assert await dora.worn() == {"armor": "leather-armor", "main_hand": "mace"}


async def test_a_state_forbids_and_a_slot_is_to_be_earned(
    servers: Servers, database_url: str, tmp_path: Path, catalog: tuple[str, ...]
) -> None:
    async with playing(servers, database_url, tmp_path / "log", "tabletop", 240, *catalog) as http:
        ed = await Player.create(http, attributes={"strength": 10}, **{"class": "rogue"})
        (wand,), (lute,), (cloak,) = [
            await ed.grant(name) for name in ("wand", "lute", "cloak_of_protection")
        ]
        code, _ = await ed.refused("equip", item_id=wand, slot="focus")
        assert code == "CLASS_NOT_ALLOWED"
        await ed.do("equip", item_id=lute, slot="focus")
        await ed.become(**{"class": "wizard"})
        await ed.do("equip", item_id=wand, slot="focus")
        assert await ed.worn() == {"focus": "wand"}
        # The slot is open in a fight, and putting a cloak on is what the state forbids.
        await ed.become(states={"add": ["in_combat"]})
        code, params = await ed.refused("equip", item_id=cloak)
        assert (code, params["state"]) == ("ACTOR_STATE_FORBIDS", "in_combat")


async def test_three_attunements_and_no_fourth(
    servers: Servers, database_url: str, tmp_path: Path, catalog: tuple[str, ...]
) -> None:
    async with playing(servers, database_url, tmp_path / "log", "tabletop", 240, *catalog) as http:
        fay = await Player.create(http, attributes={"strength": 10})
        *three, fourth = [(await fay.grant(name))[0] for name in MAGIC]
        for item_id in three:
            await fay.do("equip", item_id=item_id)
        code, params = await fay.refused("equip", item_id=fourth)
        assert (code, params["limit_group"]) == ("LIMIT_GROUP", "attunement")
        await fay.do("unequip", item_id=three[0])
        await fay.do("equip", item_id=fourth)
        assert await fay.worn() == {
            "neck": "amulet_of_health", "cloak": "cloak_of_protection", "ring_2": "ring_of_warmth",
        }  # fmt: skip


async def test_what_is_wrong_is_told_by_file_and_entry(
    servers: Servers, database_url: str, tmp_path: Path, catalog: tuple[str, ...]
) -> None:
    equipment, own, *_ = catalog
    env = {
        "HAVERSACK_REDIS_URL": servers.redis.url,
        "HAVERSACK_DATABASE_URL": database_url,
        "HAVERSACK_RULESET": "tabletop",
    }
    said = haversack(env, "catalog", "import", own, equipment, status=2).splitlines()
    assert len(said) == 20 and said[0].startswith(f"haversack: {equipment}: entry 1: $: Object ")
    mapped = ("catalog", "import", equipment, "--mapping", "tabletop")
    said = haversack(env, *mapped, "--map", "weight=str_minimum", status=2)
    assert "haversack: entry 1: facts.weight: the source has no str_minimum" in said
    said = haversack(env, *mapped, "--map", "color=x", status=2)
    assert said == "haversack: tabletop: facts.color: there is no such fact\n"
    said = haversack(env, "catalog", "import", equipment, "--mapping", "chess", status=2)
    assert "only minecraft-like, tabletop" in said
    said = haversack(env | {"HAVERSACK_RULESET": "chess"}, *mapped, status=2)
    assert "HAVERSACK_RULESET: no such ruleset is shipped, only haversack, minecraft-like, tabletop" in said
