"""``haversack openapi``: the document that ``/openapi.json`` serves, for tools that make clients of it."""

import argparse
from typing import Any

import msgspec

from engine.shipped import read_ruleset
from gateway.configuration.settings import Settings
from gateway.openapi.document import openapi_json


def add_openapi_command(commands: Any) -> None:  # noqa: ANN401 - argparse names its type only in private
    """Add the command to those of the program."""
    printing = commands.add_parser("openapi", help="print the API's description (OpenAPI 3.1)")
    printing.set_defaults(run=_print)


def _print(settings: Settings, _: argparse.Namespace) -> None:
    document = openapi_json(read_ruleset(settings.ruleset))
    print(msgspec.json.format(document, indent=2).decode())  # noqa: T201 - what the command is for
