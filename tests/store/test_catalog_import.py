"""Catalogs in PostgreSQL: taken whole or not at all, one at a time, never from under an item."""

import asyncio
from pathlib import Path

import msgspec
import pytest

import persistence
from engine.facts import Facts
from engine.ruleset import Ruleset
from persistence.errors import CatalogError, TemplateInUse
from persistence.items.catalog import Template, parse_catalog
from persistence.items.catalog_store import import_catalog
from persistence.items.postgres_catalog import PostgresCatalog
from persistence.items.source import CatalogChanges, Edition
from persistence.postgres.store import InventoryStore
from tests.store.given import count, entry, loaded, new_item, work


def template(template_id: str, kind: str = "weapon", **data: object) -> Template:
    return Template(Facts(template_id, kind), data)


async def catalog_version(store: InventoryStore) -> int:
    return await PostgresCatalog(store).version()


async def read_catalog(store: InventoryStore) -> CatalogChanges:
    """All of it."""
    return await PostgresCatalog(store).changes(Edition())


async def test_an_import_replaces_the_whole_catalog(store: InventoryStore) -> None:
    assert await catalog_version(store) == 0
    assert await import_catalog(store, [template("b"), template("a", name="A", f=1.5, big=2**70)]) == 1
    first = await read_catalog(store)
    assert first.edition.version == 1 and first.whole
    assert first.templates == [template("a", name="A", f=1.5, big=2**70), template("b")]
    assert await import_catalog(store, [template("c")]) == 2
    assert (await read_catalog(store)).templates == [template("c")]
    assert await import_catalog(store, []) == 3
    assert (await read_catalog(store)).templates == []


async def test_an_equal_import_is_no_new_version(store: InventoryStore) -> None:
    one, two = template("a", x=1, y=2), template("b")
    assert await import_catalog(store, [one, two]) == 1
    assert await import_catalog(store, [two, template("a", y=2, x=1)]) == 1
    assert await import_catalog(store, [one]) == 2
    assert await import_catalog(store, [one, two]) == 3, "going back is a change"
    assert await count(store, "catalogs") == 3


async def test_another_ruleset_is_another_version(store: InventoryStore, ruleset: Ruleset) -> None:
    assert await import_catalog(store, [template("a")]) == 1
    other = InventoryStore(store.database, Ruleset(msgspec.structs.replace(ruleset.source, name="another")))
    assert await import_catalog(other, [template("a")]) == 2


async def test_a_template_in_use_cannot_vanish(store: InventoryStore) -> None:
    used = [f"used_{n:02}" for n in range(15)]
    await import_catalog(store, [template(name) for name in (*used, "free")])
    items = [new_item(slot=n, template_id=name) for n, name in enumerate(used)]
    snapshot = await loaded(store, *items, new_item(slot=18, template_id="never_in_a_catalog"))
    with pytest.raises(TemplateInUse) as refused:
        await import_catalog(store, [template("other")])
    assert refused.value.in_use == dict.fromkeys(used[:10], (1, 1)) and refused.value.total == 15
    with pytest.raises(TemplateInUse, match="used_03"):
        await import_catalog(store, [template(name) for name in used if name != "used_03"])
    assert await catalog_version(store) == 1
    assert len((await read_catalog(store)).templates) == 16
    assert await import_catalog(store, [template(name) for name in used]) == 2
    await store.flush([work(snapshot, entry(2, [], items))])
    assert await import_catalog(store, [template("other")]) == 3


async def test_imports_at_once_make_one_version_each(store: InventoryStore) -> None:
    catalogs = [[template("a", n=n), *(template(f"t{i}", n=n) for i in range(50))] for n in range(12)]
    versions = await asyncio.gather(*(import_catalog(store, catalog) for catalog in catalogs))
    assert sorted(versions) == list(range(1, 13))
    now = await read_catalog(store)
    assert now.edition.version == 12
    assert {t.data["n"] for t in now.templates} == {versions.index(12)}, "no mixture of two"
    same = await asyncio.gather(*(import_catalog(store, [template("same")]) for _ in range(8)))
    assert set(same) == {13}


async def test_a_reader_never_sees_half_an_import(store: InventoryStore) -> None:
    async def read() -> set[int]:
        seen = set()
        while not stop.is_set():
            stored = await read_catalog(store)
            assert {t.data["n"] for t in stored.templates} <= {stored.edition.version}
            assert len(stored.templates) in (0, 30)
            seen.add(stored.edition.version)
        return seen

    stop = asyncio.Event()
    readers = [asyncio.create_task(read()) for _ in range(2)]
    for n in range(1, 25):
        assert await import_catalog(store, [template(f"t{i}", n=n) for i in range(30)]) == n
    stop.set()
    assert len(set.union(*(await asyncio.gather(*readers)))) > 3


async def test_facts_the_ruleset_does_not_know_and_repeats_are_refused(store: InventoryStore) -> None:
    with pytest.raises(CatalogError) as refused:
        await import_catalog(store, [template("a"), template("a"), template("b", "spaceship")])
    assert refused.value.errors == ["a: facts.template_id: stands twice", "b: facts.kind: spaceship"]
    with pytest.raises(CatalogError):
        await import_catalog(store, [template("a", text="nul\0")])
    assert await catalog_version(store) == 0


async def test_the_shipped_catalog_goes_in_and_comes_out(store: InventoryStore, ruleset: Ruleset) -> None:
    lines = (Path(persistence.__file__).parent / "demo/catalog.jsonl").read_bytes().splitlines()
    templates = parse_catalog(lines, ruleset)
    assert await import_catalog(store, templates) == 1
    stored = await read_catalog(store)
    assert stored.templates == sorted(templates, key=lambda t: t.facts.template_id)
    assert await import_catalog(store, list(stored.templates)) == 1


async def test_rows_that_are_no_templates_are_set_apart(store: InventoryStore) -> None:
    await import_catalog(store, [template("a"), template("b")])
    async with store.database.transaction() as connection:
        await connection.execute("UPDATE item_templates SET facts = '{\"kind\": 1}' WHERE template_id = 'a'")
    stored = await read_catalog(store)
    assert stored.templates == [template("b")] and list(stored.left_out) == ["a"]
