"""`haversack serve`: everything between a command line and a graceful stop."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import uvloop
from aiohttp import web

from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from gateway.announcement import Announcement
from gateway.app import init_app
from gateway.command_servers import migrate, service_at
from gateway.listening import BACKLOG, SharedPort
from gateway.process import ParentSignals, ProcessEnded, configure_logging, settle_memory, stop_signal
from gateway.server import GatewayRunner
from gateway.settings import Settings
from gateway.token import kept_token
from gateway.workers import WATCH_INTERVAL_S, Workers
from persistence.demo.seed import seed
from persistence.embedded import EmbeddedServers
from persistence.errors import PersistenceError
from persistence.orchestrator import InventoryOrchestrator
from persistence.service import ServiceSettings, open_service

# Requests that run when the stop is asked for get this long to end.
SHUTDOWN_TIMEOUT_S: Final = 10.0
# What PostgreSQL allows by itself, and what each further worker may need.
_CONNECTIONS, _CONNECTIONS_A_WORKER = 100, 10
_DEMO_IS_THERE = "The demo's catalog and characters are in place."
_STOPPING = "Stopping: requests are finished, then changes are flushed."

_log = logging.getLogger("haversack.serve")


def serve(settings: Settings, *, demo: bool, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; then finish requests, flush, and stop the embedded servers.

    ``say`` gets the lines an operator should read. Raises what keeps it from serving:
    ``RulesetError``, ``SettingsError``, ``EmbeddedError``, ``PersistenceError``, ``OSError``,
    ``ProcessEnded``.
    """
    ruleset = read_ruleset(settings.ruleset)
    with ExitStack() as stack:
        servers: EmbeddedServers | None = None
        if settings.redis_url is None or settings.database_url is None:
            servers = stack.enter_context(_embedded(settings))
            for note in servers.notes:
                say(note)
        token_path: Path | None = None
        if settings.token is None:
            token, token_path = kept_token(settings.data_dir)
            settings = replace(settings, token=token)
        redis_url = settings.redis_url or (servers.redis_url if servers else None)
        database_url = settings.database_url or (servers.database_url if servers else None)
        assert redis_url is not None and database_url is not None
        service = _Service(
            settings=settings,
            ruleset=ruleset,
            parts=service_at(settings, redis_url, database_url),
            servers=servers,
            announcement=Announcement(ruleset, token_path, demo=demo, say=say),
            demo=demo,
            say=say,
        )
        if settings.workers == 1:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(service.alone())
        else:
            service.by_workers()


@dataclass(frozen=True, kw_only=True)
class _Service:
    """What is served: by this process alone, or by workers that it watches over."""

    settings: Settings
    ruleset: Ruleset
    parts: ServiceSettings
    servers: EmbeddedServers | None
    announcement: Announcement
    demo: bool
    say: Callable[[str], None]

    async def alone(self) -> None:
        stop = stop_signal()
        await migrate(self.settings, self.parts.database_url)
        async with open_service(self.parts, self.ruleset) as orchestrator:
            if self.demo and await seed(orchestrator):
                self.say(_DEMO_IS_THERE)
            async with self._application(orchestrator) as runner:
                await web.TCPSite(runner, self.settings.host, self.settings.port, backlog=BACKLOG).start()
                self.announcement.make(runner.addresses[0])
                while not stop.is_set():
                    if (words := self._broken()) is not None:
                        raise ProcessEnded(words)
                    try:
                        await asyncio.wait_for(stop.wait(), WATCH_INTERVAL_S)
                    except TimeoutError:
                        continue
                self.say(_STOPPING)

    def by_workers(self) -> None:
        with ParentSignals() as signals:
            # Not by uvloop, whose threads for looking up names would live on, and a fork wants none.
            asyncio.run(self._prepare())
            port = SharedPort(self.settings.host, self.settings.port)

            def work(number: int, serving: Callable[[], None]) -> None:
                configure_logging(f"worker {number}")
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(self._work(port, serving))

            with Workers(
                self.settings.workers, work, signals=signals, forked=port.let_go, broken=self._broken
            ) as workers:
                workers.watch(lambda: self.announcement.make(port.addresses[0]))
                self.say(_STOPPING)
            asyncio.run(self._flush_rest())

    async def _prepare(self) -> None:
        """What is to be done once, however many workers follow."""
        await migrate(self.settings, self.parts.database_url)
        if self.demo:
            async with open_service(self.parts, self.ruleset, flushing=False) as orchestrator:
                if await seed(orchestrator):
                    self.say(_DEMO_IS_THERE)

    async def _work(self, port: SharedPort, serving: Callable[[], None]) -> None:
        stop = stop_signal([signal.SIGTERM])
        async with (
            open_service(self.parts, self.ruleset) as orchestrator,
            self._application(orchestrator) as runner,
        ):
            for one in port.sockets():
                await web.SockSite(runner, one, backlog=BACKLOG).start()
            serving()
            await stop.wait()

    async def _flush_rest(self) -> None:
        """Flush what one worker added while another had the session claimed, to stop or before it died."""
        try:
            async with open_service(self.parts, self.ruleset, last=True):
                """Its end is what flushes."""
        except PersistenceError as error:
            _log.warning("changes stay in Redis until the next flusher comes: %s", error)

    @asynccontextmanager
    async def _application(self, orchestrator: InventoryOrchestrator) -> AsyncIterator[GatewayRunner]:
        """The application without a port; at the end, running requests are finished."""
        runner = GatewayRunner(init_app(self.settings, orchestrator), shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        settle_memory()
        try:
            yield runner
        finally:
            await runner.cleanup()

    def _broken(self) -> str | None:
        return None if self.servers is None else self.servers.dead()


def _embedded(settings: Settings) -> EmbeddedServers:
    connections = _CONNECTIONS + _CONNECTIONS_A_WORKER * (settings.workers - 1)
    return EmbeddedServers.start(
        settings.data_dir,
        valkey=settings.redis_url is None,
        postgres=settings.database_url is None,
        postgres_settings={"max_connections": str(connections)},
    )
