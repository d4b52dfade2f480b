"""``haversack catalog …``: a catalog is taken from files, compared, listed, brought back."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from gateway.command_line import character_arguments
from gateway.command_line.agreement import agreed
from gateway.command_line.catalog_words import diff_lines, version_lines
from gateway.command_line.counting import counted
from gateway.command_line.saying import say
from gateway.configuration.settings import Settings
from gateway.serving.command_servers import add_data_dir, database
from persistence.errors import CatalogChanged
from persistence.items.catalog_content import CatalogContent, read_content
from persistence.items.catalog_diff import CatalogDiff
from persistence.items.catalog_source import read_entries
from persistence.items.catalog_store import replace_catalog
from persistence.items.catalog_versions import CatalogVersion, catalog_versions, content_at
from persistence.mapping.mapping import read_mapping
from persistence.postgres.store import InventoryStore

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DONE, FAILED = 0, 1
BY: Final = "operator"
LIMIT_DEFAULT, LIMIT_MAX = 20, 10_000

T = TypeVar("T")


def add_catalog_commands(commands: "Subparsers") -> None:
    """Add ``catalog`` with its own commands; their ``run`` answers the exit status.

    1: it was not done, or ``diff`` shows a catalog that would not be taken.
    """
    catalog = commands.add_parser("catalog", help="the item catalog")
    ours = catalog.add_subparsers(required=True, metavar="COMMAND")

    importing = _add(ours, "import", _import, "replace the catalog by what stands in files")
    _add_files(importing)
    _add_origin(importing)

    comparing = _add(ours, "diff", _diff, "show what an import of files would change")
    _add_files(comparing)
    comparing.add_argument("--json", action="store_true", help="one JSON document")

    listing = _add(ours, "versions", _versions, "list the versions that the catalog has had")
    listing.add_argument(
        "--limit", type=character_arguments.number(1, LIMIT_MAX), default=LIMIT_DEFAULT, metavar="N",
        help=f"versions at the most ({LIMIT_DEFAULT})",
    )  # fmt: skip
    listing.add_argument("--json", action="store_true", help="one JSON document")

    restoring = _add(ours, "restore", _restore, "bring an earlier version back, as a new one")
    restoring.add_argument(
        "version", type=character_arguments.number(1, 10**15), metavar="VERSION", help="the version"
    )
    restoring.add_argument("--yes", action="store_true", help="do it without asking")
    _add_origin(restoring)


def _add(
    commands: "Subparsers", name: str, run: Callable[[Settings, argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    add_data_dir(parser)
    parser.set_defaults(run=run)
    return parser


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="JSON Lines, or a JSON array")
    parser.add_argument("--mapping", help="how entries of another form become templates: name or path")
    parser.add_argument(
        "--map", dest="maps", action="append", default=[], metavar="FACT=SOURCE",
        help="take a fact from a field of such entries, over what the mapping says",
    )  # fmt: skip


def _add_origin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--force", action="store_true", help="also take away templates of which there are items: those freeze"
    )
    parser.add_argument(
        "--by", type=character_arguments.name, default=BY, metavar="NAME", help=f"who does it ({BY})"
    )


def _import(settings: Settings, arguments: argparse.Namespace) -> int:
    ruleset = read_ruleset(settings.ruleset)
    content = _content_of(ruleset, arguments)

    async def replace(store: InventoryStore) -> CatalogDiff:
        return await replace_catalog(store, content, by=arguments.by, force=arguments.force)

    diff = _run(settings, ruleset, replace, new=True)
    say(f"The catalog is at version {diff.version}: {counted(len(content.templates), 'template')}.")
    return DONE


def _diff(settings: Settings, arguments: argparse.Namespace) -> int:
    ruleset = read_ruleset(settings.ruleset)
    content = _content_of(ruleset, arguments)

    async def compare(store: InventoryStore) -> CatalogDiff:
        return await replace_catalog(store, content, by=BY, dry_run=True)

    diff = _run(settings, ruleset, compare)
    say(*[_document(diff)] if arguments.json else diff_lines(diff))
    return DONE if diff.accepted else FAILED


def _versions(settings: Settings, arguments: argparse.Namespace) -> int:
    async def read(store: InventoryStore) -> list[CatalogVersion]:
        return await catalog_versions(store.database, limit=arguments.limit)

    found = _run(settings, read_ruleset(settings.ruleset), read)
    say(*[_document(found)] if arguments.json else version_lines(found))
    return DONE


def _restore(settings: Settings, arguments: argparse.Namespace) -> int:
    ruleset = read_ruleset(settings.ruleset)
    version, force = arguments.version, arguments.force

    async def preview(store: InventoryStore) -> tuple[CatalogContent, CatalogDiff]:
        content, newest = await content_at(store, version)
        return content, await replace_catalog(
            store, content, by=arguments.by, expected=newest, force=force, dry_run=True
        )

    content, seen = _run(settings, ruleset, preview)
    if seen.version == seen.base:
        say(f"The catalog says what it said at version {version}: there is nothing to do.")
        return DONE
    say(*diff_lines(seen))
    if not seen.accepted or not (arguments.yes or agreed()):
        say("Nothing was done.")
        return FAILED

    async def replace(store: InventoryStore) -> CatalogDiff:
        return await replace_catalog(store, content, by=arguments.by, expected=seen.base, force=force)

    try:
        diff = _run(settings, ruleset, replace)
    except CatalogChanged as error:
        say(f"Nothing was done: {error}, by now. Look again.")
        return FAILED
    say(f"The catalog is at version {diff.version}, which says what version {version} said.")
    return DONE


def _content_of(ruleset: Ruleset, arguments: argparse.Namespace) -> CatalogContent:
    mapping = None
    if arguments.mapping is not None or arguments.maps:
        mapping = read_mapping(arguments.mapping, arguments.maps)
    return read_content(read_entries(arguments.files, mapped=mapping is not None), ruleset, mapping)


def _run(
    settings: Settings,
    ruleset: Ruleset,
    act: Callable[[InventoryStore], Awaitable[T]],
    *,
    new: bool = False,
) -> T:
    async def run(url: str) -> T:
        store = await InventoryStore.connect(url, ruleset, pool_size=1)
        try:
            return await act(store)
        finally:
            await store.close()

    with database(settings, new=new) as url:
        return asyncio.run(run(url))


def _document(shown: object) -> str:
    return msgspec.json.encode(shown).decode()
