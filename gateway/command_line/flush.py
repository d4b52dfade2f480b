"""``haversack flush``: a flusher alone, for deployments that scale it apart from their gateways."""

import argparse
import asyncio
from typing import TYPE_CHECKING

import uvloop

from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from gateway.configuration.settings import Settings
from gateway.serving.command_servers import add_data_dir, service_settings
from gateway.serving.process import stop_signal
from gateway.telemetry.logs import announce
from persistence.service import ServiceSettings, open_service

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_flush_command(commands: "Subparsers") -> None:
    """Add ``flush``, which runs until SIGINT or SIGTERM, then flushes what is dirty and ends."""
    flushing = commands.add_parser("flush", help="flush for others, without serving the API")
    add_data_dir(flushing)
    flushing.set_defaults(run=_flush)


def _flush(settings: Settings, _: argparse.Namespace) -> None:
    ruleset = read_ruleset(settings.ruleset)
    with (
        service_settings(settings) as service,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_until_stopped(settings, service, ruleset))


async def _until_stopped(settings: Settings, service: ServiceSettings, ruleset: Ruleset) -> None:
    stop = stop_signal()
    async with open_service(service, ruleset):
        announce(settings, f"Haversack flushes, ruleset {ruleset.name} {ruleset.hash}")
        await stop.wait()
        announce(settings, "Stopping: changes are flushed.")
