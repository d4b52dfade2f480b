"""An import repeated under another catalog or map: what did not come in before is not said to be there."""

from collections.abc import Mapping

from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.moving_in.run import Options
from persistence.postgres.store import InventoryStore
from tests.moving_in.tables import Imported, bring_in, csv
from tests.parity.world import TEMPLATES
from tests.service.conftest import Site

TABLE = "owner,template,quantity\nanna,dagger,1\nanna,POTION_OLD,3\nben,ore,2\n"


def units(done: Imported) -> Mapping[str, tuple[int, int, int, int]]:
    """By template: read, stored, rejected, existing."""
    return {name: (u.read, u.stored, u.rejected, u.existing) for name, u in done.tally.units.items()}


async def test_with_a_map_that_was_mended(site: Site) -> None:
    first = await bring_in(site, csv(TABLE))
    assert units(first) == {"dagger": (1, 1, 0, 0), "": (3, 0, 3, 0), "ore": (2, 2, 0, 0)}
    again = await bring_in(site, csv(TABLE), Options(templates={"POTION_OLD": "potion"}))
    assert [(found.row, found.outcome, found.code) for found in again.findings] == [
        (1, "skipped", "IMPORTED_OTHERWISE"), (2, "skipped", "IMPORTED_OTHERWISE"),
    ]  # fmt: skip
    assert again.tally.became == {"otherwise": 2, "repeated": 1}
    assert again.tally.differences() == []
    # Under what it was done with, it is what it was.
    once_more = await bring_in(site, csv(TABLE))
    assert once_more.tally.became == {"repeated": 2, "rejected": 1}
    assert units(once_more) == {"dagger": (1, 0, 0, 1), "": (3, 0, 3, 0), "ore": (2, 0, 0, 2)}


async def test_with_a_catalog_that_was_mended(site: Site) -> None:
    store = await InventoryStore.connect(site.settings.database_url, site.ruleset, pool_size=1)
    templates = [Template(facts, {}) for facts in TEMPLATES.values()]
    await import_catalog(store, [one for one in templates if one.facts.template_id != "ore"])
    await bring_in(site, csv(TABLE))
    await import_catalog(store, templates)
    await store.close()
    again = await bring_in(site, csv(TABLE))
    assert again.tally.became == {"repeated": 1, "rejected": 1, "otherwise": 1}
