"""The command line: ``haversack serve | flush | migrate | catalog import FILE… | …``, see ``--help``."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from engine.ruleset import RulesetError
from gateway.command_line.audit import add_audit_command
from gateway.command_line.catalog import add_catalog_commands
from gateway.command_line.character import add_character_commands
from gateway.command_line.flush import add_flush_command
from gateway.command_line.health import add_health_command
from gateway.command_line.importing import add_import_command
from gateway.command_line.ledger import add_ledger_commands
from gateway.command_line.openapi import add_openapi_command
from gateway.command_line.outbox import add_outbox_commands
from gateway.command_line.parity import add_parity_command
from gateway.command_line.recover import add_recover_command
from gateway.command_line.roles import add_roles_commands
from gateway.command_line.ruleset import add_ruleset_commands, first_errors
from gateway.command_line.token import add_token_commands
from gateway.configuration.settings import Settings, SettingsError
from gateway.configuration.strangers import strangers
from gateway.serving.command_servers import add_data_dir, database
from gateway.serving.process import fatal
from gateway.serving.serve import serve
from gateway.telemetry.logs import announce, configure_logging, last_words
from persistence.errors import CatalogError
from persistence.postgres import migrations
from persistence.roles import grant

FAILED, MISUSED = 1, 2

_log = logging.getLogger("haversack")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what it should, 1 when it could not, 2 when it was misused."""
    arguments = _parser().parse_args(argv)
    configure_logging()
    settings: Settings | None = None
    environ = getattr(arguments, "environ", os.environ)
    try:
        settings = Settings.read(
            environ,
            {name: getattr(arguments, name, None) for name in ("host", "port", "workers", "data_dir")},
        )
        configure_logging(settings)
        for line in strangers(environ):
            _log.warning("%s", line)
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
        last_words(settings, words)
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
    add_health_command(commands)

    migrating = commands.add_parser("migrate", help="bring the database's schema up to date")
    add_data_dir(migrating)
    migrating.set_defaults(run=_migrate)

    add_catalog_commands(commands)

    add_import_command(commands)
    add_character_commands(commands)
    add_audit_command(commands)
    add_ledger_commands(commands)
    add_outbox_commands(commands)
    add_ruleset_commands(commands)
    add_openapi_command(commands)
    add_roles_commands(commands)
    add_recover_command(commands)
    add_token_commands(commands)
    add_parity_command(commands)
    return parser


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    serve(settings, demo=arguments.demo, say=lambda line: announce(settings, line))


def _migrate(settings: Settings, _: argparse.Namespace) -> None:
    with database(settings, migrated=False, new=True) as url:
        for name in asyncio.run(migrations.migrate(url)):
            print(f"applied {name}")
        if asyncio.run(grant(url)):
            print("granted the roles what they need")
    print("The schema is up to date.")


if __name__ == "__main__":
    sys.exit(main())
