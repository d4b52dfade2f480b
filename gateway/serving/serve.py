"""`haversack serve`: everything between a command line and a graceful stop."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import uvloop
from aiohttp import web

from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from gateway.app import AUTH, init_app
from gateway.auth.credentials import credential_files, read_credentials
from gateway.auth.reloading import Reloading, at_terminal, reloading
from gateway.configuration.settings import Settings
from gateway.configuration.urls import is_loopback
from gateway.http.connection_limits import ConnectionLimits
from gateway.serving.announcement import Announcement
from gateway.serving.command_servers import migrate, service_at
from gateway.serving.first_token import kept_token
from gateway.serving.listening import SharedPort, check_free
from gateway.serving.open_files import allow_connections
from gateway.serving.process import (
    STOPPING,
    ParentSignals,
    ProcessEnded,
    settle_memory,
    stop_signal,
)
from gateway.serving.server import GatewayRunner
from gateway.serving.site import GatewaySite
from gateway.serving.tls import certificate_of
from gateway.serving.which_servers import servers_line, start_embedded
from gateway.serving.workers import WATCH_INTERVAL_S, Workers
from gateway.telemetry.logs import configure_logging
from gateway.telemetry.measures import CONNECTIONS
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.metrics_board import Board
from gateway.telemetry.tracing import tracing
from gateway.telemetry.watch import Watch
from persistence.demo.seed import seed
from persistence.embedded import EmbeddedServers
from persistence.errors import PersistenceError
from persistence.orchestrator import InventoryOrchestrator
from persistence.service import ServiceSettings, open_service

# So long a stop goes on to take requests, and answers them with `Connection: close`.
GRACE_S: Final = 1.0
# Requests that run after that get this long to end.
SHUTDOWN_TIMEOUT_S: Final = 10.0
# Connections count from the end of the handshake on, so those in it are bounded by time alone.
HANDSHAKE_S: Final = 5.0
_DEMO_IS_THERE = "The demo's catalog and characters are in place."
_STOPPING = "Stopping: requests are finished, then changes are flushed."
_NO_TLS = (
    "serving at %s without TLS: tokens can be read on the way, unless something in front of this encrypts"
    " (HAVERSACK_TLS_CERT, HAVERSACK_TLS_KEY)"
)

_log = logging.getLogger("haversack.serve")


def serve(settings: Settings, *, demo: bool, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; then finish requests, flush, and stop the embedded servers.

    ``say`` gets the lines an operator should read. Raises what keeps it from serving:
    ``RulesetError``, ``SettingsError``, ``EmbeddedError``, ``PersistenceError``, ``OSError``,
    ``ProcessEnded``.
    """
    ruleset = read_ruleset(settings.ruleset)
    # What is wrong with these files, or with the port, is told before any server is started.
    read_credentials(settings)
    certificate_of(settings)
    check_free(settings.host, settings.port)
    if settings.tls_cert is None and not is_loopback(settings.host):
        _log.warning(_NO_TLS, settings.host)
    with ExitStack() as stack:
        servers: EmbeddedServers | None = None
        if settings.redis_url is None or settings.database_url is None:
            servers = stack.enter_context(start_embedded(settings))
            for note in servers.notes:
                say(note)
        token_path: Path | None = None
        if settings.token is None and settings.tokens is None:
            token, token_path = kept_token(settings.data_dir)
            settings = replace(settings, token=token)
            # What is never to be in a line is known only now.
            configure_logging(settings)
        redis_url = settings.redis_url or (servers.redis_url if servers else None)
        database_url = settings.database_url or (servers.database_url if servers else None)
        assert redis_url is not None and database_url is not None
        service = _Service(
            settings=settings,
            ruleset=ruleset,
            parts=service_at(settings, redis_url, database_url),
            servers=servers,
            # Before any fork, so that all workers have it.
            board=Board(ruleset, settings.workers),
            announcement=Announcement(
                ruleset,
                token_path,
                servers=servers_line(settings),
                demo=demo,
                https=settings.tls_cert is not None,
                say=say,
            ),
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
    board: Board
    announcement: Announcement
    demo: bool
    say: Callable[[str], None]

    async def alone(self) -> None:
        stop = stop_signal((*STOPPING, signal.SIGHUP) if at_terminal() else STOPPING)
        await migrate(self.settings, self.parts.database_url)
        async with self._watched(1) as (watch, orchestrator):
            if self.demo and await seed(orchestrator):
                self.say(_DEMO_IS_THERE)
            at = (self.settings.host, self.settings.port)
            async with self._application(orchestrator, watch, [at]) as runner:
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
                configure_logging(self.settings, number)
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(self._work(number, port, serving))

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

    async def _work(self, number: int, port: SharedPort, serving: Callable[[], None]) -> None:
        stop = stop_signal([signal.SIGTERM])
        async with (
            self._watched(number) as (watch, orchestrator),
            self._application(orchestrator, watch, port.sockets()),
        ):
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
    async def _watched(self, number: int) -> AsyncIterator[tuple[Watch, InventoryOrchestrator]]:
        """A worker's service, and what watches over its requests."""
        metrics = Metrics(self.board, number)
        async with (
            tracing(os.environ) as traces,
            open_service(self.parts, self.ruleset, meters=metrics.meters, spans=traces) as orchestrator,
            metrics.beating(),
        ):
            yield Watch(metrics, tracing=traces, log_requests=self.settings.access_log == "on"), orchestrator

    @asynccontextmanager
    async def _application(
        self,
        orchestrator: InventoryOrchestrator,
        watch: Watch,
        places: Sequence[socket.socket | tuple[str, int]],
    ) -> AsyncIterator[GatewayRunner]:
        """The application, listening; at the end, running requests are finished."""
        settings = self.settings
        certificate = certificate_of(settings)
        # Made before the files are read, so that no change to them is missed.
        watched = [
            Reloading("tokens and keys", credential_files(settings), lambda: self._let_in_anew(app)),
        ]
        if certificate is not None:
            watched.append(Reloading("the certificate and its key", certificate.files, certificate.reload))
        app = init_app(settings, orchestrator, watch)
        limits = ConnectionLimits(settings.connections_max, settings.request_timeout_s, settings.keepalive_s)
        allow_connections(settings.connections_max)
        runner = GatewayRunner(app, shutdown_timeout=SHUTDOWN_TIMEOUT_S, limits=limits, grace_s=GRACE_S)
        await runner.setup()
        server = runner.server
        assert server is not None
        watch.metrics.meters.watch(CONNECTIONS, lambda: len(server.connections))
        settle_memory()
        try:
            for place in places:
                await GatewaySite(
                    runner,
                    place,
                    ssl_context=None if certificate is None else certificate.context,
                    handshake_timeout_s=min(HANDSHAKE_S, limits.request_timeout_s),
                ).start()
            async with reloading(watched):
                yield runner
        finally:
            await runner.cleanup()

    def _let_in_anew(self, app: web.Application) -> None:
        app[AUTH].replace(read_credentials(self.settings))

    def _broken(self) -> str | None:
        return None if self.servers is None else self.servers.dead()
