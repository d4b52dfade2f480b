"""What the document shows of a catalog's replacement is what comes of it."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from engine.ruleset import Ruleset
from gateway.openapi.examples import EXAMPLES
from persistence.items.catalog_content import LinesReader
from persistence.items.catalog_store import replace_catalog
from persistence.postgres.store import InventoryStore
from tests.catalog.given import content, template
from tests.store.given import loaded, new_item


@pytest.fixture
async def store(database_url: str, ruleset: Ruleset) -> AsyncIterator[InventoryStore]:
    store = await InventoryStore.connect(database_url, ruleset)
    yield store
    await store.close()


async def test_body_and_reply_belong_together(store: InventoryStore, ruleset: Ruleset) -> None:
    bread = template("brown_bread", kind="consumable", stack_limit=20, data={"name": "Brown Bread"})
    await replace_catalog(store, content(ruleset, bread), by="ada")
    stacks = (new_item(slot=slot, quantity=15, template_id="brown_bread") for slot in range(2))
    await loaded(store, *stacks)
    example = EXAMPLES["replace_catalog"]
    reader = LinesReader(ruleset)
    reader.feed(example.body.encode())
    done = await replace_catalog(store, reader.end(), by="ada", expected=1)
    assert msgspec.json.decode(msgspec.json.encode(done)) == example.reply
