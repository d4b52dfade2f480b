"""Serving an application as the gateway serves its own: uvloop, no access log, one process."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import uvloop
from aiohttp import web

from gateway.serving.process import settle_memory
from gateway.serving.server import GatewayRunner

BACKLOG = 1024
ANNOUNCEMENT = "serves at "

Serving = Callable[[], AbstractAsyncContextManager[web.Application]]


def serve(application: Serving, runner_type: type[web.AppRunner] = GatewayRunner) -> None:
    """Serve on a free port of the loopback until SIGINT or SIGTERM, and print where."""
    logging.basicConfig(level=logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(application, runner_type))


@asynccontextmanager
async def nothing_else(app: web.Application) -> AsyncIterator[web.Application]:
    """An application that needs nothing beside it."""
    yield app


async def _serve(application: Serving, runner_type: type[web.AppRunner]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with application() as app:
        runner = runner_type(app, access_log=None, shutdown_timeout=5.0)
        await runner.setup()
        # For the floors too: what is compared is code, not the collector's settings.
        settle_memory()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, backlog=BACKLOG).start()
            host, port = runner.addresses[0][:2]
            print(f"{ANNOUNCEMENT}http://{host}:{port}", flush=True)
            await stop.wait()
        finally:
            await runner.cleanup()
