"""Catalogs in PostgreSQL: a whole one is taken at once, as the difference to the one before."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from engine.facts import Facts
from engine.ruleset import Ruleset
from persistence.errors import CatalogChanged, CatalogError, TemplateInUse
from persistence.items.catalog import Template
from persistence.items.catalog_content import HALF, CatalogContent, Packed, pack, packed
from persistence.items.catalog_diff import CatalogDiff, Changes, Usage, tightened, told
from persistence.postgres.database import Connection
from persistence.postgres.named_sql import query
from persistence.postgres.store import InventoryStore

# What one version has replaced is kept for so many of them: enough to take back what went wrong.
VERSIONS_KEPT: Final = 50
# Rows of vanished templates: longer than anything stays out of PostgreSQL.
GONE_KEPT_DAYS: Final = 30
_TOLD_MAX: Final = 10
# So few that nobody who plays waits for a statement to be put together.
_ROWS_AT_ONCE: Final = 200
_ROW_BYTES_AT_ONCE: Final = 1024 * 1024
# To look at every item there is.
_USAGE_TIMEOUT_S: Final = 600.0
_AT_ONCE: Final = 64

_T = TypeVar("_T")

_facts = msgspec.json.Decoder(Facts).decode


async def import_catalog(
    store: InventoryStore, templates: Sequence[Template], *, by: str = "", force: bool = False
) -> int:
    """Replace the whole catalog and return its version; as ``replace_catalog``, of templates as they are.

    Raises ``CatalogError`` also for facts that the ruleset has no words for and for a template twice.
    """
    # In a thread, because a large catalog takes longer than calls that are being played should wait.
    content = await asyncio.to_thread(packed, templates, store.ruleset)
    return (await replace_catalog(store, content, by=by, force=force)).version


async def replace_catalog(
    store: InventoryStore,
    content: CatalogContent,
    *,
    by: str,
    expected: int | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> CatalogDiff:
    """Replace the whole catalog, and tell what that changes; nothing, where it says the same.

    One transaction; imports wait for each other, readers do not wait. ``by``: who does it.
    ``expected``: the version that it must be at, unless it says the same already, so that a repeat
    does no harm. With ``dry_run`` nothing is changed, and a template in use is told in the diff.

    A template vanishes only when PostgreSQL has no item of it; with ``force`` it does all the same,
    and its items are frozen. What sessions have and PostgreSQL does not know of yet is not seen; so
    the facts of what vanishes without ``force`` are kept for ``GONE_KEPT_DAYS``, as retired ones.

    Raises ``TemplateInUse``, ``CatalogChanged``; ``CatalogError`` for what PostgreSQL cannot store.
    """
    assert content.ruleset == store.ruleset.hash, "it was checked against another ruleset"
    async with store.database.transaction(lambda reason: CatalogError([reason])) as connection:
        await connection.execute(query("catalog_manners"))
        await connection.execute(query("lock_catalogs"))
        newest = await connection.fetchrow(query("newest_catalog"))
        base: int = newest["version"] if newest is not None else 0
        count = len(content.templates)
        if newest is not None and (newest["ruleset"], newest["content"]) == (content.ruleset, content.hash):
            nothing = Changes([], [], [], {}, set())
            return told(nothing, {}, {}, base=base, version=base, templates=count, forced=force)
        if expected is not None and expected != base:
            raise CatalogChanged(base, expected)
        changes = await _changes(connection, content)
        tighter = await asyncio.to_thread(_tighter, changes, store.ruleset)
        long_gone = await _long_gone(connection)
        usage = await _usage(connection, [*changes.removed, *tighter, *long_gone])
        diff = told(changes, usage, tighter, base=base, version=base + 1, templates=count, forced=force)
        if dry_run:
            return diff
        if not diff.accepted:
            raise _in_use(diff)
        await _write(connection, content, changes, base + 1, by, force=force)
        await connection.execute(
            query("delete_templates"),
            [name for name in long_gone if name not in usage and name not in content.templates],
        )
        await connection.execute(query("forget_history"), base + 1 - VERSIONS_KEPT)
        await connection.execute(query("mark_forgotten"), base + 1 - VERSIONS_KEPT)
        return diff


async def unhurried(many: Sequence[_T]) -> AsyncIterator[_T]:
    """Go through many things, letting others have the event loop after every few."""
    for number, one in enumerate(many, 1):
        yield one
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)


async def _changes(connection: Connection, content: CatalogContent) -> Changes:
    stored: dict[str, bytes] = {}
    async for row in unhurried(await connection.fetch(query("template_digests"))):
        stored[row["template_id"]] = row["digest"] or _digest_of(row["facts"], row["data"])
    new = content.templates
    changed = [name for name, one in new.items() if name in stored and stored[name] != one.digest]
    other_facts = [name for name in changed if stored[name][:HALF] != new[name].digest[:HALF]]
    rows = await connection.fetch(query("facts_of_templates"), other_facts) if other_facts else []
    old = {row["template_id"]: _readable(row["facts"]) for row in rows}
    return Changes(
        added=[name for name in new if name not in stored],
        removed=sorted(stored.keys() - new.keys()),
        changed=changed,
        facts={name: (old.get(name), _facts(new[name].facts)) for name in other_facts},
        data={name for name in changed if stored[name][HALF:] != new[name].digest[HALF:]},
    )


def _digest_of(facts: bytes, data: bytes) -> bytes:
    """The digest of a row that was written before there were any; of none that cannot be read."""
    try:
        return pack(Template(_facts(facts), msgspec.json.decode(data))).digest
    except msgspec.MsgspecError:
        return bytes(2 * HALF)


def _readable(facts: bytes) -> Facts | None:
    try:
        return _facts(facts)
    except msgspec.MsgspecError:
        return None


def _tighter(changes: Changes, ruleset: Ruleset) -> dict[str, tuple[str, ...]]:
    return {
        name: found
        for name, (old, new) in changes.facts.items()
        if old is not None and (found := tightened(old, new, ruleset))
    }


async def _long_gone(connection: Connection) -> list[str]:
    rows = await connection.fetch(query("long_gone_templates"), GONE_KEPT_DAYS)
    return [row["template_id"] for row in rows]


async def _usage(connection: Connection, template_ids: list[str]) -> dict[str, Usage]:
    # In most imports there is nothing to ask for, and then the items, which may be many, are not looked at.
    if not template_ids:
        return {}
    rows = await connection.fetch(query("template_usage"), template_ids, timeout=_USAGE_TIMEOUT_S)
    return {row["template_id"]: Usage(row["characters"], row["items"]) for row in rows}


def _in_use(diff: CatalogDiff) -> TemplateInUse:
    first = list(diff.in_use.items())[:_TOLD_MAX]
    return TemplateInUse({name: (held.characters, held.items) for name, held in first}, diff.counts.in_use)


async def _write(
    connection: Connection, content: CatalogContent, changes: Changes, version: int, by: str, *, force: bool
) -> None:
    await connection.execute(
        query("insert_catalog"),
        version,
        content.ruleset,
        content.hash,
        len(content.templates),
        by,
        len(changes.added),
        len(changes.removed),
        len(changes.changed),
    )
    new = sorted(changes.added + changes.changed)
    await connection.execute(query("keep_replaced"), version, new + changes.removed)
    for page in _pages(content, new):
        await connection.execute(
            query("put_templates"),
            [name for name, _ in page],
            [msgspec.Raw(one.facts) for _, one in page],
            [msgspec.Raw(one.data) for _, one in page],
            [one.digest for _, one in page],
            version,
        )
    vanish = query("forget_templates") if force else query("retire_templates")
    await connection.execute(vanish, version, changes.removed)


def _pages(content: CatalogContent, names: Sequence[str]) -> Iterator[list[tuple[str, Packed]]]:
    page: list[tuple[str, Packed]] = []
    size = 0
    for name in names:
        one = content.templates[name]
        page.append((name, one))
        size += len(one.facts) + len(one.data)
        if len(page) == _ROWS_AT_ONCE or size >= _ROW_BYTES_AT_ONCE:
            yield page
            page, size = [], 0
    if page:
        yield page
