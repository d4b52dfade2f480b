"""What a process that knows a catalog reads of the next one: what is new, and all where that would not do."""

import logging
import random
from collections.abc import Sequence

import pytest

from engine.ruleset import Ruleset
from persistence.items.catalog import Template
from persistence.items.catalog_store import replace_catalog
from persistence.items.item_gateway import ItemGateway
from persistence.items.postgres_catalog import PostgresCatalog
from persistence.items.source import CatalogChanges, Edition
from persistence.postgres.store import InventoryStore
from tests.catalog.given import content, template


class Watched(PostgresCatalog):
    """Remembers what was read."""

    def __init__(self, store: InventoryStore) -> None:
        super().__init__(store)
        self.read: list[CatalogChanges] = []

    async def changes(self, known: Edition) -> CatalogChanges:
        self.read.append(await super().changes(known))
        return self.read[-1]


def known(gateway: ItemGateway) -> tuple[object, ...]:
    cache = gateway._cache
    return cache.edition, cache.known, cache.ids, cache.ids_by_kind, cache.left_out


async def test_reading_on_comes_to_what_reading_all_does(store: InventoryStore, ruleset: Ruleset) -> None:
    dice = random.Random(11)
    source = Watched(store)
    follows = ItemGateway(source)
    kinds = ("weapon", "armor", "resource")
    catalog: dict[str, Template] = {}
    for round_ in range(25):
        for _ in range(dice.randrange(4)):
            name = f"t{dice.randrange(12)}"
            if name in catalog and dice.random() < 0.4:
                del catalog[name]
            else:
                catalog[name] = template(name, dice.choice(kinds), {"n": round_})
        await replace_catalog(store, content(ruleset, *catalog.values()), by="", force=dice.random() < 0.3)
        if dice.random() < 0.7:
            await follows.refresh()
            anew = ItemGateway(PostgresCatalog(store))
            await anew.refresh()
            assert known(follows) == known(anew)
            assert follows.count == len(catalog) == follows.edition.count
    assert len(source.read) > 5 and not any(read.whole for read in source.read[1:])


async def test_only_what_is_new_is_read(store: InventoryStore, ruleset: Ruleset) -> None:
    source = Watched(store)
    gateway = ItemGateway(source)
    many = [template(f"t{number}") for number in range(50)]
    await replace_catalog(store, content(ruleset, *many), by="ada")
    await gateway.refresh()
    same = gateway.template("t7")
    await replace_catalog(store, content(ruleset, *many[1:], template("new")), by="bob")
    await gateway.refresh()
    last = source.read[-1]
    assert [one.facts.template_id for one in last.templates] == ["new"]
    assert [one.facts.template_id for one in last.gone] == ["t0"]
    assert gateway.template("t7") is same
    assert (gateway.edition.version, gateway.edition.by, gateway.count) == (2, "bob", 50)


async def test_all_is_read_where_what_is_known_is_not_there(store: InventoryStore, ruleset: Ruleset) -> None:
    """As after PostgreSQL was restored from a backup, and went on from there."""
    source = Watched(store)
    gateway = ItemGateway(source)
    await replace_catalog(store, content(ruleset, template("a"), template("b")), by="")
    await gateway.refresh()
    async with store.database.transaction() as connection:
        await connection.execute("UPDATE catalogs SET content = 'another'")
        await connection.execute("DELETE FROM item_templates WHERE template_id = 'b'")
    await replace_catalog(store, content(ruleset, template("a"), template("c")), by="")
    await gateway.refresh()
    assert source.read[-1].whole and gateway.template("b") is None and gateway.template("c") is not None


async def test_all_is_read_after_a_long_time_away(store: InventoryStore, ruleset: Ruleset) -> None:
    source = Watched(store)
    gateway = ItemGateway(source)
    for names in ("ab", "ac", "ad"):
        await replace_catalog(store, content(ruleset, *map(template, names)), by="")
        if names == "ab":
            await gateway.refresh()
    async with store.database.transaction() as connection:
        await connection.execute(
            "UPDATE catalogs SET imported_at = now() - interval '8 days' WHERE version = 2"
        )
    await gateway.refresh()
    assert source.read[-1].whole and [one.facts.template_id for one in gateway.templates()] == ["a", "d"]


async def test_what_does_not_add_up_is_read_whole(
    store: InventoryStore, ruleset: Ruleset, caplog: pytest.LogCaptureFixture
) -> None:
    source = Watched(store)
    gateway = ItemGateway(source)
    await replace_catalog(store, content(ruleset, template("a"), template("b")), by="")
    await gateway.refresh()
    async with store.database.transaction() as connection:
        await connection.execute("DELETE FROM item_templates WHERE template_id = 'b'")
    with caplog.at_level(logging.WARNING):
        await replace_catalog(store, content(ruleset, template("a"), template("b"), template("c")), by="")
        async with store.database.transaction() as connection:
            await connection.execute("UPDATE item_templates SET catalog = 1 WHERE template_id = 'c'")
        await gateway.refresh()
    assert "it is read whole" in caplog.text and gateway.count == 3


async def test_a_gateway_may_have_templates_from_elsewhere() -> None:
    """All it asks for is versions on which processes agree."""

    class Fixed:
        async def version(self) -> int:
            return 7

        async def changes(self, known: Edition) -> CatalogChanges:
            templates: Sequence[Template] = [template("b"), template("a", "armor")]
            return CatalogChanges(Edition(7, "x", 2), True, templates)

    gateway = ItemGateway(Fixed())
    assert await gateway.refresh() and not await gateway.refresh()
    assert [one.facts.template_id for one in gateway.templates()] == ["a", "b"]
    assert [one.facts.template_id for one in gateway.templates("armor")] == ["a"]
