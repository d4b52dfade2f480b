"""Inventories that were played come in elsewhere as they are, by way of their exports."""

import json
import random
from typing import Any

import pytest

from persistence.errors import CharacterNotFound
from persistence.orchestrator import InventoryOrchestrator
from tests.desk.past import play
from tests.moving_in.tables import bring_in, jsonl
from tests.parity.world import CHAR_ID
from tests.servers import Servers
from tests.service.conftest import Site, new_site


async def exported(gateway: InventoryOrchestrator) -> Any:
    parts = [part async for part in gateway.desk().exporter.document(CHAR_ID)]
    return json.loads(b"".join(parts))


def rows_of(document: Any) -> list[dict[str, Any]]:
    actor = document["actor"]
    return [
        {
            "owner": document["char_id"],
            "name": document["name"],
            "level": actor["level"],
            "class": actor["class"],
            "attributes": actor["attributes"],
            "template": item["template_id"],
            "quantity": item["quantity"],
            "container": item["place"]["container"],
            "slot": item["place"]["slot"],
            "item_id": item["item_id"],
            "bound": item["bound"],
            "locked": item["locked"],
        }
        for item in document["items"]
    ]


def without_ids(document: Any) -> list[Any]:
    """Purses have no use for the ids of rows, and what is in them comes together."""
    return sorted(json.dumps({**item, "item_id": ""}) for item in document["items"])


@pytest.mark.parametrize("seed", range(3))
async def test_played_and_moved(site: Site, servers: Servers, seed: int) -> None:
    async with site.gateway(flushing=False) as gateway:
        await play(gateway, random.Random(seed), applied=50)
        before = await exported(gateway)
        assert before["complete"] and before["seq"] == 50 == len(before["ledger"])
    rows = rows_of(before)
    random.Random(seed).shuffle(rows)
    elsewhere = await new_site(servers, site.ruleset, site.client)
    async with elsewhere.gateway(flushing=False) as gateway:
        async with gateway.store.database.transaction() as connection:
            # The world begins with somebody of this id.
            await connection.execute("DELETE FROM characters WHERE char_id = $1", CHAR_ID)
        with pytest.raises(CharacterNotFound):
            await exported(gateway)
        done = await bring_in(elsewhere, jsonl(rows))
        after = await exported(gateway)
    await elsewhere.audit()
    assert after["actor"]["level"] == before["actor"]["level"]
    told = {rows[finding.row - 1]["item_id"] for finding in done.findings}
    same = {item["item_id"]: item for item in after["items"]}
    for item in before["items"]:
        if item["item_id"] not in told:
            assert same[item["item_id"]] == item
    if not told:
        assert without_ids(after) == without_ids(before)
    # What is told is worn by somebody who has become too weak for it since, or is too much to carry.
    assert {finding.code for finding in done.findings} <= {
        "LEVEL_TOO_LOW", "CLASS_NOT_ALLOWED", "ATTRIBUTE_TOO_LOW", "TOO_HEAVY", "SLOT_OUT_OF_RANGE",
    }, done.findings  # fmt: skip
