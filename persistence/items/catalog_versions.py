"""The versions that the catalog has had, and what was in those that can be restored."""

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from persistence.errors import NotRestorable
from persistence.items.catalog import Template
from persistence.items.catalog_content import CatalogContent, packed
from persistence.postgres.database import Database, Row
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore

_template = msgspec.json.Decoder(Template).decode


class CatalogVersion(Struct, frozen=True):
    """One version: when it came, in Unix milliseconds, who brought it, and what it says.

    ``ruleset`` is the one that it was checked against, ``content`` a hash of what it says. ``added``,
    ``removed`` and ``changed`` count templates against the version before, null where nobody has
    counted them.
    """

    version: int
    imported_at: int
    by: str
    count: int
    ruleset: str
    content: str
    added: int | None
    removed: int | None
    changed: int | None
    restorable: bool


async def catalog_versions(
    database: Database, before: int | None = None, limit: int = 100
) -> list[CatalogVersion]:
    """Versions from the newest on, those before ``before``; at most ``limit``."""
    async with database.connection() as connection:
        rows = await connection.fetch(query("catalog_versions"), before, limit)
    return [CatalogVersion(**{name: row[name] for name in CatalogVersion.__struct_fields__}) for row in rows]


async def content_at(store: InventoryStore, version: int) -> tuple[CatalogContent, int]:
    """What the catalog said at ``version``, and which version is the newest now.

    Raises ``NotRestorable``; ``CatalogError`` for what today's ruleset does not know.
    """
    async with store.database.transaction() as connection:
        # No version comes in between, and none is forgotten.
        await connection.execute(query("lock_catalogs"))
        found = await connection.fetch(query("catalog_versions"), version + 1, 1)
        if not found or found[0]["version"] != version:
            raise NotRestorable(f"there has never been a version {version} of the catalog")
        if not found[0]["restorable"]:
            raise NotRestorable(f"version {version} of the catalog is not kept any more")
        newest = await connection.fetchrow(query("newest_catalog"))
        rows = await connection.fetch(query("catalog_at"), version)
    assert newest is not None
    return await asyncio.to_thread(_content, rows, store), newest["version"]


def _content(rows: Sequence[Row], store: InventoryStore) -> CatalogContent:
    templates = (_template(b'{"facts":%s,"data":%s}' % (row["facts"], row["data"])) for row in rows)
    try:
        return packed(templates, store.ruleset)
    except msgspec.MsgspecError as error:
        raise NotRestorable(f"a template of that version cannot be read any more: {error}") from error
