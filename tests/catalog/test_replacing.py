"""A new catalog in PostgreSQL: shown before it counts, never from under an item, brought back again."""

import asyncio

import pytest

from engine.facts import Facts
from engine.ruleset import Ruleset
from persistence.errors import CatalogChanged, NotRestorable, TemplateInUse
from persistence.items import catalog_store
from persistence.items.catalog import Template
from persistence.items.catalog_diff import LISTED_MAX, ChangedTemplate, DiffCounts, TightenedTemplate, Usage
from persistence.items.catalog_store import import_catalog, replace_catalog
from persistence.items.catalog_versions import catalog_versions, content_at
from persistence.items.postgres_catalog import PostgresCatalog
from persistence.items.source import Edition
from persistence.postgres.store import InventoryStore
from tests.catalog.given import content, template
from tests.store.given import loaded, new_item


async def catalog(store: InventoryStore) -> dict[str, Template]:
    """What the newest one has, read whole."""
    read = await PostgresCatalog(store).changes(Edition())
    return {one.facts.template_id: one for one in read.templates}


async def gone(store: InventoryStore) -> dict[str, Facts | None]:
    """What has vanished, and what is known of it."""
    read = await PostgresCatalog(store).changes(Edition())
    found: dict[str, Facts | None] = {one.facts.template_id: one.facts for one in read.gone}
    return found | dict.fromkeys(read.forgotten)


async def execute(store: InventoryStore, statement: str) -> None:
    async with store.database.transaction() as connection:
        await connection.execute(statement)


async def test_what_is_shown_is_what_happens(store: InventoryStore, ruleset: Ruleset) -> None:
    before = content(
        ruleset, template("a", stack_limit=9), template("b"), template("c", data={"name": "C"}), template("d")
    )
    first = await replace_catalog(store, before, by="ada")
    assert (first.base, first.version, first.counts) == (0, 1, DiffCounts(4, 4, 0, 0, 0, 0))
    await loaded(store, new_item(slot=0, template_id="a"), new_item(slot=1, template_id="a"))
    await loaded(store, new_item(slot=0, template_id="a"))
    after = content(
        ruleset,
        template("a", stack_limit=5, weight=0, data={"x": 1}),
        template("c", data={"name": "Sea"}),
        template("d"),
        template("e"),
    )
    shown = await replace_catalog(store, after, by="ada", dry_run=True)
    assert await PostgresCatalog(store).version() == 1 and "b" in await catalog(store)
    done = await replace_catalog(store, after, by="ada", expected=shown.base)
    assert done == shown
    assert (done.base, done.version, done.accepted) == (1, 2, True)
    assert done.counts == DiffCounts(4, 1, 1, 2, 1, 0)
    assert (done.added, done.removed, done.in_use) == (("e",), ("b",), {})
    assert done.changed == (
        ChangedTemplate("a", {"stack_limit": (9, 5)}, True),
        ChangedTemplate("c", {}, True),
    )
    assert done.tightened == (TightenedTemplate("a", ("stack_limit",), 2, 3),)
    assert await catalog(store) == {
        "a": template("a", stack_limit=5, data={"x": 1}),
        "c": template("c", data={"name": "Sea"}),
        "d": template("d"),
        "e": template("e"),
    }


async def test_what_was_looked_at_is_what_counts(store: InventoryStore, ruleset: Ruleset) -> None:
    one, two = content(ruleset, template("a")), content(ruleset, template("b"))
    await replace_catalog(store, one, by="", expected=0)
    with pytest.raises(CatalogChanged) as refused:
        await replace_catalog(store, two, by="", expected=0)
    assert (refused.value.version, refused.value.expected) == (1, 0)
    again = await replace_catalog(store, one, by="", expected=0)
    assert (again.base, again.version) == (1, 1), "a repeat whose first reply was lost"
    others = [content(ruleset, template(name)) for name in "cdefgh"]
    done = await asyncio.gather(
        *(replace_catalog(store, other, by="", expected=1) for other in others), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["CatalogChanged"] * 5 + ["CatalogDiff"]


async def test_a_template_in_use_vanishes_only_by_force(store: InventoryStore, ruleset: Ruleset) -> None:
    await replace_catalog(store, content(ruleset, template("a"), template("b"), template("c")), by="")
    await loaded(store, new_item(slot=0, template_id="a"), new_item(slot=1, template_id="a"))
    rest = content(ruleset, template("c"))
    shown = await replace_catalog(store, rest, by="", dry_run=True)
    assert not shown.accepted and shown.in_use == {"a": Usage(1, 2)} and shown.removed == ("a", "b")
    with pytest.raises(TemplateInUse) as refused:
        await replace_catalog(store, rest, by="")
    assert (refused.value.in_use, refused.value.total) == ({"a": (1, 2)}, 1)
    assert await PostgresCatalog(store).version() == 1 and len(await catalog(store)) == 3
    forced = await replace_catalog(store, rest, by="", force=True)
    assert forced.accepted and forced.version == 2 and forced.in_use == {"a": Usage(1, 2)}
    assert await gone(store) == {"a": None, "b": None}, "nothing is known of them any more"


async def test_what_vanishes_is_remembered_as_retired(store: InventoryStore, ruleset: Ruleset) -> None:
    await replace_catalog(store, content(ruleset, template("a", weight=3), template("b")), by="")
    await replace_catalog(store, content(ruleset, template("b")), by="")
    assert await gone(store) == {"a": Facts("a", "weapon", weight=3, retired=True)}
    back = await replace_catalog(store, content(ruleset, template("a", weight=3), template("b")), by="")
    assert back.added == ("a",) and await gone(store) == {}
    assert (await catalog(store))["a"].facts == Facts("a", "weapon", weight=3)


async def test_after_a_time_nobody_asks_for_it_is_deleted(store: InventoryStore, ruleset: Ruleset) -> None:
    names = ("held", "free", "young", "back", "stays")
    await replace_catalog(store, content(ruleset, *map(template, names)), by="")
    await replace_catalog(store, content(ruleset, template("stays"), template("young")), by="")
    # It was on its way to PostgreSQL when its template vanished.
    await loaded(store, new_item(slot=0, template_id="held"))
    await execute(store, "UPDATE item_templates SET gone_at = gone_at - interval '31 days'")
    await replace_catalog(store, content(ruleset, template("stays"), template("back")), by="")
    assert set(await gone(store)) == {"held", "young"}
    assert set(await catalog(store)) == {"stays", "back"}


async def test_rows_from_before_there_were_digests(store: InventoryStore, ruleset: Ruleset) -> None:
    before = content(ruleset, template("a", weight=3, data={"n": 1}), template("b"), template("c"))
    await replace_catalog(store, before, by="")
    await execute(store, "UPDATE item_templates SET digest = NULL")
    await execute(store, "UPDATE item_templates SET facts = '{}' WHERE template_id = 'c'")
    after = content(ruleset, template("a", weight=3, data={"n": 2}), template("b"), template("c"))
    done = await replace_catalog(store, after, by="")
    assert done.changed == (ChangedTemplate("a", {}, True), ChangedTemplate("c", {}, True))


async def test_long_lists_are_cut_and_counted(store: InventoryStore, ruleset: Ruleset) -> None:
    many = [f"t{number:03}" for number in range(LISTED_MAX + 30)]
    first = await replace_catalog(store, content(ruleset, *map(template, many)), by="")
    assert len(first.added) == LISTED_MAX and first.counts.added == len(many)
    heavier = await replace_catalog(store, content(ruleset, *(template(n, weight=2) for n in many)), by="")
    assert len(heavier.changed) == len(heavier.tightened) == LISTED_MAX
    assert heavier.counts == DiffCounts(len(many), 0, 0, len(many), len(many), 0)
    await loaded(store, *(new_item("overflow", slot, template_id=name) for slot, name in enumerate(many)))
    shown = await replace_catalog(store, content(ruleset, template("other")), by="", dry_run=True)
    assert len(shown.removed) == len(shown.in_use) == LISTED_MAX and shown.counts.in_use == len(many)


async def test_versions_tell_who_and_what(store: InventoryStore, ruleset: Ruleset) -> None:
    assert await catalog_versions(store.database) == []
    await replace_catalog(store, content(ruleset, template("a"), template("b")), by="ada")
    await replace_catalog(store, content(ruleset, template("b", weight=1), template("c")), by="bob")
    two, one = await catalog_versions(store.database)
    assert (one.version, one.by, one.count, one.added, one.removed, one.changed) == (1, "ada", 2, 2, 0, 0)
    assert (two.version, two.by, two.count, two.added, two.removed, two.changed) == (2, "bob", 2, 1, 1, 1)
    assert two.content == content(ruleset, template("c"), template("b", weight=1)).hash
    assert one.imported_at <= two.imported_at and one.restorable and two.restorable
    assert await catalog_versions(store.database, before=2) == [one]
    assert await catalog_versions(store.database, limit=1) == [two]


async def test_any_version_that_is_kept_comes_back(
    store: InventoryStore, ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_store, "VERSIONS_KEPT", 4)
    said = [
        content(ruleset, template("a"), template("b")),
        content(ruleset, template("a", weight=1), template("c")),
        content(ruleset, template("b"), template("c")),
        content(ruleset, template("a", weight=2), template("b")),
        content(ruleset, template("d")),
        content(ruleset, template("a", weight=1), template("c", data={"f": 1.5})),
        content(ruleset, template("a", weight=3), template("d")),
    ]
    for one in said:
        await replace_catalog(store, one, by="")
    for version in (3, 4, 5, 6, 7):
        found, newest = await content_at(store, version)
        assert (found.hash, newest) == (said[version - 1].hash, 7), version
    assert [one.restorable for one in await catalog_versions(store.database)] == [True] * 5 + [False] * 2
    for version, words in ((2, "not kept any more"), (8, "never been"), (0, "never been")):
        with pytest.raises(NotRestorable, match=words):
            await content_at(store, version)
    found, _ = await content_at(store, 4)
    assert (await replace_catalog(store, found, by="")).version == 8
    assert await catalog(store) == {"a": template("a", weight=2), "b": template("b")}


async def test_versions_from_before_there_was_a_history(store: InventoryStore, ruleset: Ruleset) -> None:
    await import_catalog(store, [template("a")])
    await execute(store, "UPDATE catalogs SET undoable = false")
    await import_catalog(store, [template("b")])
    await import_catalog(store, [template("c")])
    assert [one.restorable for one in await catalog_versions(store.database)] == [True, True, True]
    found, _ = await content_at(store, 1)
    assert found.hash == content(ruleset, template("a")).hash
    await execute(store, "UPDATE catalogs SET undoable = false WHERE version = 2")
    assert [one.restorable for one in await catalog_versions(store.database)] == [True, True, False]
