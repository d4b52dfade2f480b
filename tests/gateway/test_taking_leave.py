"""A stop tells every caller to connect elsewhere before it closes anything."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.serving.server import GatewayRunner
from gateway.serving.site import GatewaySite
from tests.gateway.standin import StandIn, server
from tests.gateway.test_plain_replies import get, post

# So long that the test has failed before.
NEVER_S = 600.0
WITHIN_S = 20.0


class Caller:
    """One bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, *requests: bytes) -> list[bytes]:
        """The heads of the replies to requests that are sent at once."""
        self.writer.write(b"".join(requests))
        heads = []
        async with asyncio.timeout(WITHIN_S):
            for request in requests:
                head = await self.reader.readuntil(b"\r\n\r\n")
                length = (
                    0 if request.startswith(b"HEAD") else int(head.split(b"Content-Length: ")[1].split()[0])
                )
                await self.reader.readexactly(length)
                heads.append(head)
        return heads

    async def told(self, request: bytes) -> bool:
        """Whether the reply says that the connection closes, and it does."""
        (head,) = await self.ask(request)
        if b"\r\nConnection: close\r\n" not in head:
            return False
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read() == b""


class Served:
    """A gateway that gives its callers a grace when it stops."""

    def __init__(self, runner: GatewayRunner) -> None:
        self.runner = runner
        self.host, self.port = runner.addresses[0]

    async def caller(self) -> Caller:
        return Caller(*await asyncio.open_connection(self.host, self.port))


@asynccontextmanager
async def served(standin: StandIn, grace_s: float = NEVER_S) -> AsyncIterator[Served]:
    standin.answer = b'{"seq":8}'
    app = server(standin).app
    runner = GatewayRunner(app, grace_s=grace_s)
    await runner.setup()
    await GatewaySite(runner, ("127.0.0.1", 0), ssl_context=None, handshake_timeout_s=1.0).start()
    yield Served(runner)
    await runner.cleanup()


@asynccontextmanager
async def stopping(gateway: Served) -> AsyncIterator[None]:
    """The stop has begun; at the end of the block it has to come to its own."""
    stop = asyncio.create_task(gateway.runner.cleanup())
    await asyncio.sleep(0)
    yield
    async with asyncio.timeout(WITHIN_S):
        await stop


async def test_whoever_asks_is_told_and_the_stop_ends_with_the_last(standin: StandIn) -> None:
    async with served(standin) as gateway:
        requests = [
            post(),
            get("inventory"),
            get("inventory", "HEAD"),
            get("nowhere"),
            post(headers=b"X: y\r\n"),
        ]
        callers = [await gateway.caller() for _ in requests]
        for caller in callers:
            (head,) = await caller.ask(post())
            assert b"Connection:" not in head
        async with stopping(gateway):
            for caller, request in zip(callers[1:], requests[1:], strict=True):
                assert await caller.told(request)
            assert await (await gateway.caller()).told(post()), "a new connection, while another is left"
            assert await callers[0].told(requests[0])
        with pytest.raises(ConnectionRefusedError):
            await gateway.caller()


async def test_what_was_sent_behind_a_request_is_answered_too(standin: StandIn) -> None:
    async with served(standin) as gateway:
        caller = await gateway.caller()
        await caller.ask(post())
        async with stopping(gateway):
            *others, last = await caller.ask(post(), post(), get("inventory"))
            assert not any(b"Connection:" in head for head in others)
            assert b"\r\nConnection: close\r\n" in last


async def test_who_says_nothing_is_closed_after_the_grace(standin: StandIn) -> None:
    async with served(standin, grace_s=0.1) as gateway:
        caller = await gateway.caller()
        await caller.ask(post())
        async with stopping(gateway), asyncio.timeout(WITHIN_S):
            assert await caller.reader.read() == b""


async def test_who_waits_at_the_port_when_it_is_closed_is_answered(standin: StandIn) -> None:
    async with served(standin) as gateway:
        # Nothing of the gateway's runs between this and its stop: the kernel alone has taken the connection.
        early = socket.create_connection((gateway.host, gateway.port))
        async with stopping(gateway):
            assert await Caller(*await asyncio.open_connection(sock=early)).told(post())


async def test_a_port_that_is_taken_is_what_is_told(standin: StandIn) -> None:
    async with served(standin) as gateway, served(standin) as second:
        site = GatewaySite(
            second.runner, (gateway.host, gateway.port), ssl_context=None, handshake_timeout_s=1.0
        )
        with pytest.raises(OSError, match="in use"):
            await site.start()


async def test_nobody_is_waited_for_where_nobody_is(standin: StandIn) -> None:
    async with served(standin) as gateway:
        caller = await gateway.caller()
        assert await caller.told(post(headers=b"Connection: close\r\n"))
        async with stopping(gateway):
            pass
