"""`haversack serve`: everything between a command line and a graceful stop."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import uvloop
from aiohttp import web

from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from gateway.app import init_app
from gateway.command_servers import migrate, service_at
from gateway.server import GatewayRunner
from gateway.settings import Settings
from gateway.token import kept_token
from persistence.demo.seed import seed
from persistence.embedded import EmbeddedError, EmbeddedServers
from persistence.errors import PersistenceError
from persistence.orchestrator import InventoryOrchestrator
from persistence.service import open_service

# Requests that run when the stop is asked for get this long to end.
SHUTDOWN_TIMEOUT_S = 10.0
WATCH_INTERVAL_S = 0.5


class ServerDied(Exception):
    """An embedded server ended by itself; the message says which and where its log is."""


def serve(settings: Settings, *, demo: bool, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; then finish requests, flush, and stop the embedded servers.

    ``say`` gets the lines an operator should read. Raises what keeps it from serving:
    ``RulesetError``, ``SettingsError``, ``EmbeddedError``, ``PersistenceError``, ``OSError``,
    ``ServerDied``.
    """
    ruleset = read_ruleset(settings.ruleset)
    with ExitStack() as stack:
        servers: EmbeddedServers | None = None
        if settings.redis_url is None or settings.database_url is None:
            servers = stack.enter_context(
                EmbeddedServers.start(
                    settings.data_dir,
                    valkey=settings.redis_url is None,
                    postgres=settings.database_url is None,
                )
            )
            for note in servers.notes:
                say(note)
        token_path: Path | None = None
        if settings.token is None:
            token, token_path = kept_token(settings.data_dir)
            settings = replace(settings, token=token)
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        runner.run(_serve(settings, ruleset, servers, token_path, demo=demo, say=say))


async def _serve(
    settings: Settings,
    ruleset: Ruleset,
    servers: EmbeddedServers | None,
    token_path: Path | None,
    *,
    demo: bool,
    say: Callable[[str], None],
) -> None:
    stop = stop_signal()
    redis_url = settings.redis_url or (servers.redis_url if servers else None)
    database_url = settings.database_url or (servers.database_url if servers else None)
    assert redis_url is not None and database_url is not None
    service = service_at(settings, redis_url, database_url)
    await migrate(settings, service.database_url)
    async with open_service(service, ruleset) as orchestrator:
        if demo and await seed(orchestrator):
            say("The demo's catalog and characters are in place.")
        runner = GatewayRunner(init_app(settings, orchestrator), shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
            _announce(runner, token_path, orchestrator, demo=demo, say=say)
            await _until_stopped(stop, servers)
            say("Stopping: requests are finished, then changes are flushed.")
        finally:
            await runner.cleanup()


def stop_signal() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _until_stopped(stop: asyncio.Event, servers: EmbeddedServers | None) -> None:
    while not stop.is_set():
        if servers is not None and (words := servers.dead()):
            raise ServerDied(words)
        try:
            await asyncio.wait_for(stop.wait(), WATCH_INTERVAL_S)
        except TimeoutError:
            continue


def _announce(
    runner: web.AppRunner,
    token_path: Path | None,
    orchestrator: InventoryOrchestrator,
    *,
    demo: bool,
    say: Callable[[str], None],
) -> None:
    host, port = runner.addresses[0][:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    say(f"Haversack serves at {address}, ruleset {orchestrator.ruleset.name} {orchestrator.ruleset.hash}")
    if token_path is not None:
        say(f"The token is in {token_path}")
    if demo:
        token = f"$(cat {token_path})" if token_path is not None else "$HAVERSACK_TOKEN"
        say(f"Try it: a better sword for Hedda, who wears an iron one\n{_first_curl(address, token)}")


def _first_curl(address: str, token: str) -> str:
    longsword = "11111111000000000000000100000001"
    return (
        f"  curl -X POST {address}/v1/characters/11111111-1111-4111-8111-111111111111/inventory/equip \\\n"
        f'    -H "Authorization: Bearer {token}" -H "Content-Type: application/json" \\\n'
        f'    -d \'{{"item_id": "{longsword}"}}\''
    )


def fatal(error: Exception) -> str | None:
    """What to tell an operator who can mend it; None for an error that is ours."""
    if isinstance(error, PersistenceError | EmbeddedError | ServerDied | OSError | ValueError):
        return str(error)
    return None


def configure_logging() -> None:
    """Log lines to standard error: time, level, what."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
