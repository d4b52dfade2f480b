"""Short words for playing."""

import json
from typing import Any

import msgspec

from engine.commands import Command
from engine.refusals import Refusal
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call, TagMismatch
from tests.parity.twins import encode
from tests.parity.world import CHAR_ID


def grant(template_id: str, quantity: int = 1, **fields: Any) -> dict[str, Any]:
    return {"op": "grant", "template_id": template_id, "quantity": quantity, **fields}


def move(item_id: str, container: str, slot: int | str | None = None) -> dict[str, Any]:
    return {
        "op": "move",
        "item_id": item_id,
        "to": {"container": container} | ({} if slot is None else {"slot": slot}),
    }


async def do(
    gateway: InventoryOrchestrator, *commands: dict[str, Any], char_id: str = CHAR_ID, **call: Any
) -> Any:
    """The reply as it is decoded, or the refusal."""
    batch: tuple[Command, ...] = encode(commands)
    outcome = await gateway.submit(char_id, batch, Call(**call))
    return outcome if isinstance(outcome, Refusal | TagMismatch) else json.loads(outcome)


async def stored_items(
    gateway: InventoryOrchestrator, char_id: str = CHAR_ID
) -> dict[str, tuple[str, int, str]]:
    """What PostgreSQL has: id → template, quantity, place."""
    async with gateway.store.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT replace(item_id::text, '-', '') AS id, template_id, quantity,"
            " container || ':' || slot AS place FROM items WHERE owner = $1",
            char_id,
        )
    return {row["id"]: (row["template_id"], row["quantity"], row["place"]) for row in rows}


def first_item(reply: Any) -> str:
    """The id of the first item that a reply shows as changed."""
    return str(msgspec.to_builtins(reply)["changes"]["changed"][0]["item_id"])
