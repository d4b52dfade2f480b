"""Catalogs in PostgreSQL: a whole one is taken at once, and read at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from engine.facts import Facts
from persistence.catalog import Template, content_hash
from persistence.database import Connection, Database
from persistence.errors import CatalogError, TemplateInUse
from persistence.named_sql import query
from persistence.store import InventoryStore

_TOLD_MAX = 10
_AT_ONCE = 64

_T = TypeVar("_T")

_facts = msgspec.json.Decoder(Facts).decode


class StoredCatalog(Struct, frozen=True):
    """The newest catalog; version 0 is none yet. ``unreadable``: rows that are no templates."""

    version: int
    templates: list[Template]
    unreadable: dict[str, str]


async def import_catalog(store: InventoryStore, templates: Sequence[Template]) -> int:
    """Replace the whole catalog and return its version, the old one when nothing differs.

    ``templates`` come from ``parse_catalog`` and are checked once more against the store's
    ruleset. One transaction; imports wait for each other, readers do not wait.

    Raises ``CatalogError`` for facts the ruleset has no words for and for a template twice;
    ``TemplateInUse`` when items in PostgreSQL are of a template that would vanish. An item that
    a live session made of it and has not flushed yet is not seen; such an item is kept, frozen.
    """
    # In a thread, because a large catalog takes longer than calls that are being played should wait.
    content = await asyncio.to_thread(_checked, store, templates)
    async with store.database.transaction(lambda reason: CatalogError([reason])) as connection:
        await connection.execute(query("lock_catalogs"))
        newest = await connection.fetchrow(query("newest_catalog"))
        version: int = newest["version"] if newest is not None else 0
        if newest is not None and (newest["ruleset"], newest["content"]) == (store.ruleset.hash, content):
            return version
        await _refuse_vanishing(connection, [template.facts.template_id for template in templates])
        await _replace(connection, version + 1, store.ruleset.hash, content, templates)
        return version + 1


async def unhurried(many: Sequence[_T]) -> AsyncIterator[_T]:
    """Go through many things, letting others have the event loop after every few."""
    for number, one in enumerate(many, 1):
        yield one
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)


async def catalog_version(database: Database) -> int:
    """The version of the newest catalog, 0 before the first import."""
    async with database.connection() as connection:
        return int(await connection.fetchval(query("catalog_version")))


async def read_catalog(database: Database) -> StoredCatalog:
    """The newest catalog with its templates in order of their ids, from one snapshot."""
    async with database.connection() as connection:
        rows = await connection.fetch(query("catalog"))
    templates: list[Template] = []
    unreadable: dict[str, str] = {}
    async for row in unhurried(rows):
        if row["template_id"] is None:
            continue
        try:
            templates.append(Template(_facts(row["facts"]), msgspec.json.decode(row["data"])))
        except msgspec.MsgspecError as error:
            unreadable[row["template_id"]] = str(error)
    return StoredCatalog(rows[0]["version"], templates, unreadable)


def _checked(store: InventoryStore, templates: Sequence[Template]) -> str:
    """Check what the database cannot, and return the hash of the content."""
    errors = []
    seen: set[str] = set()
    for template in templates:
        template_id = template.facts.template_id
        errors += [f"{template_id}: facts.{error}" for error in store.ruleset.facts_errors(template.facts)]
        if template_id in seen:
            errors.append(f"{template_id}: facts.template_id: stands twice")
        seen.add(template_id)
    if errors:
        raise CatalogError(errors)
    return content_hash(templates)


async def _refuse_vanishing(connection: Connection, template_ids: list[str]) -> None:
    # Nothing vanishes in most imports, and then the items, which may be many, are not looked at.
    missing = [row["template_id"] for row in await connection.fetch(query("templates_missing"), template_ids)]
    if not missing:
        return
    used = await connection.fetch(query("templates_in_use"), missing, _TOLD_MAX)
    if used:
        raise TemplateInUse([row["template_id"] for row in used])


async def _replace(
    connection: Connection, version: int, ruleset: str, content: str, templates: Sequence[Template]
) -> None:
    await connection.execute(query("insert_catalog"), version, ruleset, content, len(templates))
    await connection.execute(query("delete_templates"))
    await connection.execute(
        query("insert_templates"),
        [template.facts.template_id for template in templates],
        [template.facts for template in templates],
        [template.data for template in templates],
        version,
    )
