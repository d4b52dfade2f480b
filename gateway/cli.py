"""The command line: ``haversack serve | flush | migrate | catalog import FILE… | …``, see ``--help``."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from engine.ruleset import RulesetError
from engine.shipped import read_ruleset
from gateway.audit_command import add_audit_command
from gateway.character_command import add_character_commands
from gateway.command_servers import add_data_dir, database
from gateway.flush_command import add_flush_command
from gateway.ledger_command import add_ledger_commands
from gateway.parity_command import add_parity_command
from gateway.process import configure_logging, fatal
from gateway.ruleset_command import add_ruleset_commands, first_errors
from gateway.serve import serve
from gateway.settings import Settings, SettingsError
from persistence import migrations
from persistence.catalog import parse_entries
from persistence.catalog_source import read_entries
from persistence.catalog_store import import_catalog
from persistence.errors import CatalogError
from persistence.mapping.mapping import read_mapping
from persistence.store import InventoryStore

FAILED, MISUSED = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what it should, 1 when it could not, 2 when it was misused."""
    arguments = _parser().parse_args(argv)
    configure_logging()
    try:
        settings = Settings.read(
            getattr(arguments, "environ", os.environ),
            {name: getattr(arguments, name, None) for name in ("host", "port", "workers", "data_dir")},
        )
        status: int | None = arguments.run(settings, arguments)
    except (SettingsError, CatalogError) as error:
        for line in error.errors:
            print(f"haversack: {line}", file=sys.stderr)
        return MISUSED
    except RulesetError as error:
        for line in first_errors(error.errors):
            print(line, file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        return FAILED
    except Exception as error:
        if (words := fatal(error)) is None:
            raise
        print(f"haversack: {words}", file=sys.stderr)
        return FAILED
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="haversack", description="Session-based inventories for games.")
    parser.add_argument("--version", action="version", version=version("haversack"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serving = commands.add_parser("serve", help="serve the API, and flush behind it")
    serving.add_argument("--host", help="address to listen on (HAVERSACK_HOST, 127.0.0.1)")
    serving.add_argument("--port", help="port to listen on, 0 for any (HAVERSACK_PORT, 8080)")
    serving.add_argument("--workers", help="processes that serve the port (HAVERSACK_WORKERS, 1)")
    serving.add_argument("--demo", action="store_true", help="put the demo's catalog and characters in place")
    add_data_dir(serving)
    serving.set_defaults(run=_serve)

    add_flush_command(commands)

    migrating = commands.add_parser("migrate", help="bring the database's schema up to date")
    add_data_dir(migrating)
    migrating.set_defaults(run=_migrate)

    catalog = commands.add_parser("catalog", help="the item catalog").add_subparsers(
        required=True, metavar="COMMAND"
    )
    importing = catalog.add_parser("import", help="replace the catalog by what stands in files")
    importing.add_argument("files", type=Path, nargs="+", metavar="FILE", help="JSON Lines, or a JSON array")
    importing.add_argument("--mapping", help="how entries of another form become templates: name or path")
    importing.add_argument(
        "--map", dest="maps", action="append", default=[], metavar="FACT=SOURCE",
        help="take a fact from a field of such entries, over what the mapping says",
    )  # fmt: skip
    add_data_dir(importing)
    importing.set_defaults(run=_import_catalog)

    add_character_commands(commands)
    add_audit_command(commands)
    add_ledger_commands(commands)
    add_ruleset_commands(commands)
    add_parity_command(commands)
    return parser


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    serve(settings, demo=arguments.demo, say=lambda line: print(line, flush=True))


def _migrate(settings: Settings, _: argparse.Namespace) -> None:
    with database(settings, migrated=False) as url:
        for name in asyncio.run(migrations.migrate(url)):
            print(f"applied {name}")
    print("The schema is up to date.")


def _import_catalog(settings: Settings, arguments: argparse.Namespace) -> None:
    ruleset = read_ruleset(settings.ruleset)
    mapping = None
    if arguments.mapping is not None or arguments.maps:
        mapping = read_mapping(arguments.mapping, arguments.maps)
    templates = parse_entries(read_entries(arguments.files, mapped=mapping is not None), ruleset, mapping)

    async def run(url: str) -> int:
        store = await InventoryStore.connect(url, ruleset, pool_size=1)
        try:
            return await import_catalog(store, templates)
        finally:
            await store.close()

    with database(settings) as url:
        number = asyncio.run(run(url))
    print(f"The catalog is at version {number}: {len(templates)} templates.")


if __name__ == "__main__":
    sys.exit(main())
