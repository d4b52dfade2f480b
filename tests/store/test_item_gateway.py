"""The cached catalog: sorted, swapped whole, noticed when it changes, served when PostgreSQL is away."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import msgspec
import pytest

from engine.facts import Facts
from engine.ruleset import Ruleset
from persistence.errors import Unavailable
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.items.item_gateway import ItemGateway
from persistence.items.postgres_catalog import PostgresCatalog
from persistence.postgres.store import InventoryStore
from tests.store.cutting_proxy import CuttingProxy


def template(template_id: str, kind: str = "weapon", **data: object) -> Template:
    return Template(Facts(template_id, kind), data)


@pytest.fixture
async def items(store: InventoryStore) -> AsyncIterator[ItemGateway]:
    gateway = ItemGateway(PostgresCatalog(store), poll_s=0.02)
    yield gateway
    await gateway.close()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_templates_by_id_by_kind_and_in_pages(store: InventoryStore, items: ItemGateway) -> None:
    ids = ["a", "a-b", "a.b", "a/b", "a:b", "a_b", "aa", "0", "z"]
    await import_catalog(store, [template(i, "armor" if i < "a.b" else "weapon", name=i) for i in ids])
    assert items.version == 0 and items.facts("a") is None
    await items.start()
    assert items.version == 1
    assert items.facts("a/b") == Facts("a/b", "weapon")
    assert items.template("a/b") == template("a/b", name="a/b")
    assert items.template("b") is None is items.facts("b")
    bytewise = sorted(ids, key=str.encode)
    assert [t.facts.template_id for t in items.templates()] == bytewise
    assert [t.facts.template_id for t in items.templates(None, "a.b", 2)] == ["a/b", "a:b"]
    assert [t.facts.template_id for t in items.templates("armor")] == [i for i in bytewise if i < "a.b"]
    assert [t.facts.template_id for t in items.templates("weapon", "a-z", 3)] == ["a.b", "a/b", "a:b"]
    assert items.templates("spaceship") == [] == items.templates(None, "zz")


async def test_a_changed_catalog_is_noticed(store: InventoryStore, items: ItemGateway) -> None:
    await items.start()
    for version in (1, 2, 3):
        await import_catalog(store, [template("a", version=version)])
        await eventually(lambda version=version: items.version == version)  # type: ignore[misc]
        assert items.template("a") == template("a", version=version)


async def test_refresh_says_whether_there_was_a_newer_one(store: InventoryStore, items: ItemGateway) -> None:
    assert await items.refresh() is False
    await import_catalog(store, [template("a")])
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(store.database.connection())
    # With five connections open, five reads could really go on at once.
    found = await asyncio.gather(*(items.refresh() for _ in range(5)))
    assert sorted(found) == [False] * 4 + [True]
    assert items.version == 1


async def test_what_is_held_of_an_old_catalog_stays_as_it_was(
    store: InventoryStore, items: ItemGateway
) -> None:
    await import_catalog(store, [template("a"), template("b")])
    await items.refresh()
    page = items.templates()
    await import_catalog(store, [template("c")])
    await items.refresh()
    assert page == [template("a"), template("b")]
    assert [t.facts.template_id for t in items.templates()] == ["c"]
    assert items.facts("a") == Facts("a", "weapon", retired=True), "somebody may have one still"
    assert items.facts("d") is None


async def test_while_postgresql_is_away_the_last_catalog_is_served(
    proxied: InventoryStore, proxy: CuttingProxy, store: InventoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    await import_catalog(store, [template("a")])
    gateway = ItemGateway(PostgresCatalog(proxied), poll_s=0.01)
    await gateway.start()
    await proxy.close()
    await asyncio.sleep(0.2)
    assert gateway.facts("a") == Facts("a", "weapon")
    with pytest.raises(Unavailable):
        await gateway.refresh()
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1, "told once, not at every look"
    await import_catalog(store, [template("b")])
    await proxy.start(proxy.port)
    await eventually(lambda: gateway.version == 2)
    assert gateway.facts("b") is not None
    await gateway.close()


async def test_facts_the_ruleset_does_not_know_are_kept_out(
    store: InventoryStore, ruleset: Ruleset, caplog: pytest.LogCaptureFixture
) -> None:
    await import_catalog(store, [template("a"), template("potion", "consumable")])
    kinds = tuple(kind for kind in ruleset.source.items.kinds if kind != "consumable")
    containers = tuple(
        msgspec.structs.replace(c, kinds=tuple(kind for kind in c.kinds if kind != "consumable"))
        for c in ruleset.source.containers
    )
    items = msgspec.structs.replace(ruleset.source.items, kinds=kinds)
    narrower = Ruleset(msgspec.structs.replace(ruleset.source, containers=containers, items=items))
    gateway = ItemGateway(PostgresCatalog(InventoryStore(store.database, narrower)))
    await gateway.refresh()
    assert gateway.version == 1 and gateway.facts("potion") is None
    assert [t.facts.template_id for t in gateway.templates()] == ["a"]
    assert "potion is kept out" in caplog.text and "kind: consumable" in caplog.text


async def test_starting_without_postgresql_is_unavailable(
    proxied: InventoryStore, proxy: CuttingProxy
) -> None:
    await proxy.close()
    gateway = ItemGateway(PostgresCatalog(proxied))
    with pytest.raises(Unavailable):
        await gateway.start()
    await gateway.close()
