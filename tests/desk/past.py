"""Games to look back at, what a ledger comes to, and ways to have a character quarantined."""

import random
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.commands import Batch
from engine.state import Item
from persistence.errors import SessionNotLive
from persistence.ledger.replay import Inventory
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call
from tests.parity.world import ACTOR, CHAR_ID, random_command
from tests.service.play import do, grant

OTHER_ID = "0f0e0d0c-0b0a-4908-8706-0504030201ff"

_batch = msgspec.json.Decoder(Batch)


async def play(gateway: InventoryOrchestrator, rng: random.Random, *, applied: int) -> None:
    """Play at random until so many calls were applied."""
    live = await _live(gateway)
    goal = live.session.seq + applied
    while (session := (await _live(gateway)).session).seq < goal:
        command = random_command(rng, session, 0)
        if command["op"] == "grant":
            # An id of its own making would be refused as soon as it is one of the service's.
            command.pop("item_id", None)
        await gateway.submit(CHAR_ID, _batch.decode(msgspec.json.encode([command])), Call(by="game"))


async def _live(gateway: InventoryOrchestrator) -> Any:
    try:
        return await gateway.read_session(CHAR_ID)
    except SessionNotLive:
        await gateway.load_session(CHAR_ID)
        return await gateway.read_session(CHAR_ID)


async def replays(gateway: InventoryOrchestrator) -> list[Inventory]:
    """The inventory right after each entry of PostgreSQL's ledger, that after none first."""
    states = [Inventory()]
    for entry in await gateway.store.journal(CHAR_ID, 0, 10_000):
        states.append(states[-1].after([(entry.seq, entry.changes)]))
    return states


async def live_items(gateway: InventoryOrchestrator) -> Mapping[str, Item]:
    """The session's, loaded if need be."""
    return (await _live(gateway)).session.items


async def stolen(gateway: InventoryOrchestrator) -> str:
    """A sword that PostgreSQL says is another's, and a change to it that waits for its flush.

    Needs a gateway that does not flush by itself. Answers the sword's id.
    """
    await gateway.load_session(CHAR_ID)
    reply = await do(gateway, grant("dagger"))
    (item,) = reply["changes"]["changed"]
    await gateway.save_session(CHAR_ID)
    if await gateway.store.character(OTHER_ID) is None:
        await gateway.store.create_character(OTHER_ID, "Thief", ACTOR)
    await give(gateway, item["item_id"], OTHER_ID)
    await do(gateway, {"op": "equip", "item_id": item["item_id"]})
    return str(item["item_id"])


async def give(gateway: InventoryOrchestrator, item_id: str, owner: str) -> None:
    """Behind the back of everybody."""
    async with gateway.store.database.transaction() as connection:
        await connection.execute("UPDATE items SET owner = $2 WHERE item_id = $1", item_id, owner)


async def everything(gateway: InventoryOrchestrator) -> list[Any]:
    """All that PostgreSQL has of the character."""
    async with gateway.store.database.connection() as connection:
        found = []
        for statement in (
            "SELECT row_to_json(c)::text FROM characters AS c WHERE char_id = $1",
            "SELECT row_to_json(i)::text FROM items AS i WHERE owner = $1 ORDER BY item_id",
            "SELECT row_to_json(j)::text FROM journal AS j WHERE char_id = $1 ORDER BY seq",
            "SELECT row_to_json(n)::text FROM incidents AS n WHERE char_id = $1 ORDER BY incident_id",
        ):
            found.append([row[0] for row in await connection.fetch(statement, CHAR_ID)])
        return found
