"""The catalog in PostgreSQL as the processes read it that serve it."""

from collections.abc import Sequence

import msgspec

from engine.facts import Facts
from persistence.items.catalog import Template
from persistence.items.catalog_store import unhurried
from persistence.items.source import CatalogChanges, Edition
from persistence.postgres.database import Row
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore

_facts = msgspec.json.Decoder(Facts).decode


class _Head(Edition, frozen=True):
    whole: bool = True


_head = msgspec.json.Decoder(_Head).decode


class PostgresCatalog:
    """A ``CatalogSource``: what imports have written, but for what the store's ruleset has no words for."""

    def __init__(self, store: InventoryStore) -> None:
        """Read by way of ``store``."""
        self._database = store.database
        self._ruleset = store.ruleset

    async def version(self) -> int:
        """The newest version's number; raises ``Unavailable``."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval(query("catalog_version")))

    async def changes(self, known: Edition) -> CatalogChanges:
        """What is new since ``known``, from one snapshot; raises ``Unavailable``."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(query("catalog_changes"), known.version, known.content)
        if not rows:
            return CatalogChanges(Edition(), True, ())
        head = _head(rows[0]["facts"])
        edition = Edition(head.version, head.content, head.count, head.by, head.imported_at)
        return await self._changes(edition, head.whole, rows[1:])

    async def _changes(self, edition: Edition, whole: bool, rows: Sequence[Row]) -> CatalogChanges:
        templates: list[Template] = []
        gone: list[Template] = []
        forgotten: list[str] = []
        left_out: dict[str, str] = {}
        async for row in unhurried(rows):
            if row["facts"] is None:
                forgotten.append(row["template_id"])
                continue
            template, problem = self._template(row)
            if template is not None:
                (gone if row["gone"] else templates).append(template)
            elif row["gone"]:
                forgotten.append(row["template_id"])
            else:
                left_out[row["template_id"]] = problem
        return CatalogChanges(edition, whole, templates, gone, forgotten, left_out)

    def _template(self, row: Row) -> tuple[Template | None, str]:
        """The template that a row is, or why it cannot be served."""
        try:
            template = Template(_facts(row["facts"]), msgspec.json.decode(row["data"]))
        except msgspec.MsgspecError as error:
            return None, str(error)
        if unknown := self._ruleset.facts_errors(template.facts):
            return None, f"the ruleset does not know {'; '.join(unknown)}"
        return template, ""
