"""A game of blocks: 1,487 real items through the importer, and played by its own ruleset."""

from pathlib import Path

from tests.catalogs import foreign_catalog
from tests.e2e.playing import Player, playing
from tests.servers import Servers


async def test_items_stack_and_are_worn_as_in_the_game(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    catalog = str(foreign_catalog("minecraft-items.json"))
    mapped = (catalog, "--mapping", "minecraft-like")
    async with playing(servers, database_url, tmp_path / "log", "minecraft-like", 1487, *mapped) as http:
        await stacks(await Player.create(http))
        await armor(await Player.create(http))
        await chests(await Player.create(http))
        await death(await Player.create(http))


async def stacks(steve: Player) -> None:
    first, second = await steve.grant("arrow", 128)
    await steve.grant("ender_pearl", 20)
    await steve.grant("egg", 17)
    await steve.grant("diamond_sword", 2)
    assert await steve.stacks("bag") == [
        (0, "arrow", 64), (1, "arrow", 64), (2, "ender_pearl", 16), (3, "ender_pearl", 4),
        (4, "egg", 16), (5, "egg", 1), (6, "diamond_sword", 1), (7, "diamond_sword", 1),
    ]  # fmt: skip
    code, params = await steve.refused("move", item_id=first, to={"container": "bag", "slot": 1})
    assert (code, params["stack_limit"]) == ("STACK_FULL", 64)
    await steve.do("move", item_id=second, to={"container": "ender_chest"})
    assert await steve.stacks("ender_chest") == [(0, "arrow", 64)]
    code, _ = await steve.refused("grant", template_id="dirt", quantity=29 * 64 + 1)
    assert code == "CONTAINER_FULL", "29 of the 36 pockets are free"
    await steve.grant("dirt", 29 * 64)
    assert await steve.refused("grant", template_id="air", quantity=1) == (
        "UNKNOWN_TEMPLATE",
        {"template_id": "air"},
    )
    assert (await steve.get("/capacity"))["weight"] == {"carried": 0, "limit": 10**12}


async def armor(alex: Player) -> None:
    for piece in ("helmet", "chestplate", "leggings", "boots"):
        await alex.get_and_wear(f"diamond_{piece}")
    shield = await alex.get_and_wear("shield")
    await alex.get_and_wear("elytra")
    assert await alex.worn() == {
        "head": "diamond_helmet", "chest": "elytra", "legs": "diamond_leggings", "feet": "diamond_boots",
        "off_hand": "shield",
    }  # fmt: skip
    (torches,) = await alex.grant("torch", 64)
    await alex.do("equip", item_id=torches)
    assert (await alex.worn())["off_hand"] == "torch"
    assert await alex.stacks("bag") == [(0, "diamond_chestplate", 1), (1, "shield", 1)]
    assert await alex.refused("equip", item_id=shield, slot="head") == (
        "WRONG_SLOT",
        {"item_id": shield, "slot": "head"},
    )
    (pumpkin,) = await alex.grant("carved_pumpkin")
    await alex.do("equip", item_id=pumpkin)
    assert (await alex.worn())["head"] == "carved_pumpkin"


async def chests(builder: Player) -> None:
    (planks,) = await builder.grant("oak_planks", 64)
    code, params = await builder.refused("move", item_id=planks, to={"container": "chests", "slot": 26})
    assert (code, params["total"]) == ("SLOT_OUT_OF_RANGE", 0)
    await builder.become(attributes={"chests": 1})
    await builder.do("move", item_id=planks, to={"container": "chests", "slot": 26})
    assert (await builder.get("/capacity"))["containers"]["chests"] == {"used": 1, "total": 27}


async def death(ghost: Player) -> None:
    boots = await ghost.get_and_wear("iron_boots")
    await ghost.become(states={"add": ["dead"]})
    code, _ = await ghost.refused("unequip", item_id=boots)
    assert code == "ACTOR_STATE_FORBIDS"
    await ghost.do("consume", item_id=boots, quantity=1)
    assert await ghost.worn() == {}
