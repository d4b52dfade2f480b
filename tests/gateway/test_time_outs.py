"""Callers that take their time, or do not read, or are too many."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.http.connection_limits import ConnectionLimits
from gateway.serving.connection import Connection
from tests.gateway.expect import check
from tests.gateway.held import HeldStandIn
from tests.gateway.standin import BASE, HERB_ID, REPLY, TOKEN, GatewayTestServer, StandIn, server

BODY = f'{{"item_id":"{HERB_ID}"}}'.encode()
HEAD = f"POST {BASE}/inventory/drop HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
TYPED = HEAD + b"Content-Type: application/json\r\n"
WHOLE = TYPED + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
WITHIN_S = 20.0
QUICK = ConnectionLimits(request_timeout_s=0.2)
# So long that the test has failed before.
NEVER_S = 600.0

Bare = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def served(standin: StandIn, limits: ConnectionLimits) -> AsyncIterator[Callable[..., Awaitable[Bare]]]:
    """What makes bare connections to a gateway, over which something may be sent at once."""
    gateway: GatewayTestServer = server(standin)
    gateway.limits = limits
    await gateway.start_server()
    writers = []

    async def connect(sent: bytes = b"") -> Bare:
        # Sent before the gateway's turn comes, and ours again: who says nothing in time is told nothing.
        caller = socket.create_connection((gateway.host, gateway.port))
        caller.sendall(sent)
        reader, writer = await asyncio.open_connection(sock=caller)
        writers.append(writer)
        return reader, writer

    try:
        yield connect
    finally:
        for writer in writers:
            writer.close()
        await gateway.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Everything until the server closes."""
    async with asyncio.timeout(WITHIN_S):
        return await reader.read()


async def reply_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    async with asyncio.timeout(WITHIN_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return head, await reader.readexactly(length)


def check_timed_out(sent: bytes) -> None:
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ") and b"Connection: close" in head
    check(json.loads(body), 408, "REQUEST_TIMEOUT")


async def drip(writer: asyncio.StreamWriter, what: bytes = b"x") -> None:
    """A byte now and then, as long as the other side takes them."""
    while not writer.is_closing():
        writer.write(what)
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("sent", [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\n", HEAD, WHOLE + b"POST /"])
@pytest.mark.parametrize("dripping", [False, True])
async def test_a_head_that_does_not_come(standin: StandIn, sent: bytes, *, dripping: bool) -> None:
    """Nor does it help to go on with a byte at a time."""
    async with served(standin, QUICK) as connect:
        reader, writer = await connect(sent)
        if sent.startswith(WHOLE):
            assert (await reply_of(reader))[1] == REPLY
            # What came behind a whole request is seen when more comes.
            writer.write(b"x")
        dripped = asyncio.create_task(drip(writer)) if dripping else None
        try:
            check_timed_out(await rest(reader))
        except ConnectionResetError:
            # It was still writing when the other side had closed.
            assert dripping
        finally:
            if dripped is not None:
                dripped.cancel()
    assert len(standin.executed) == sent.startswith(WHOLE)


@pytest.mark.parametrize(
    "sent",
    [
        TYPED + b"Content-Length: 100\r\n\r\n",
        TYPED + b"Content-Length: 100\r\n\r\n" + BODY,
        TYPED + b"Transfer-Encoding: chunked\r\n\r\n",
        TYPED + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        TYPED + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
    ],
)
@pytest.mark.parametrize("dripping", [False, True])
async def test_a_body_that_does_not_come(
    standin: StandIn, sent: bytes, caplog: pytest.LogCaptureFixture, *, dripping: bool
) -> None:
    if dripping:
        sent = sent.replace(b"Length: 100", b"Length: 100000").replace(b"\r\n5\r\n", b"\r\nffff\r\n")
    async with served(standin, QUICK) as connect:
        reader, writer = await connect(sent)
        dripped = None
        if (dripping and b"ffff" in sent) or (b"100000" in sent and dripping):
            dripped = asyncio.create_task(drip(writer))
        try:
            said = (await rest(reader)).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            check_timed_out(said)
        except ConnectionResetError:
            assert dripping
        finally:
            if dripped is not None:
                dripped.cancel()
    assert standin.executed == []
    # Anybody could fill the log with such.
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_who_says_nothing_is_let_go(standin: StandIn) -> None:
    async with served(standin, QUICK) as connect:
        reader, _ = await connect()
        assert await rest(reader) == b""


async def test_who_begins_late_has_the_time_of_a_head(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is told when it is over, however long nothing was said before."""
    made = Connection.connection_made

    def made_long_ago(connection: Connection, transport: asyncio.BaseTransport) -> None:
        made(connection, transport)
        connection._made -= 1

    monkeypatch.setattr(Connection, "connection_made", made_long_ago)
    async with served(standin, QUICK) as connect:
        reader, _ = await connect(HEAD)
        check_timed_out(await rest(reader))


async def test_an_idle_connection_is_kept_for_its_time(standin: StandIn) -> None:
    """The time for a request does not count between two."""
    limits = ConnectionLimits(request_timeout_s=0.05, keepalive_s=NEVER_S)
    async with served(standin, limits) as connect:
        reader, writer = await connect(WHOLE)
        for _ in range(2):
            assert (await reply_of(reader))[1] == REPLY
            await asyncio.sleep(0.3)
            writer.write(WHOLE)
    async with served(standin, ConnectionLimits(request_timeout_s=NEVER_S, keepalive_s=0.1)) as connect:
        reader, _ = await connect(WHOLE)
        assert (await reply_of(reader))[1] == REPLY
        assert await rest(reader) == b""


async def test_an_answer_may_take_its_time() -> None:
    """It is not the caller who is slow."""
    standin = HeldStandIn()
    async with served(standin, QUICK) as connect:
        reader, _ = await connect(WHOLE)
        await standin.until_asked(1)
        await asyncio.sleep(0.6)
        standin.asked[0].answer(REPLY)
        assert (await reply_of(reader))[1] == REPLY


async def test_a_large_body_that_comes_steadily(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has more time than a small one, by its length so far."""
    monkeypatch.setattr("gateway.serving.connection.BODY_BYTES_S_MIN", 100)
    body = BODY + b" " * 2_000
    async with served(standin, QUICK) as connect:
        reader, writer = await connect(TYPED + b"Content-Length: %d\r\n\r\n" % len(body) + body[:1_000])
        await asyncio.sleep(0.8)
        writer.write(body[1_000:])
        assert (await reply_of(reader))[1] == REPLY


async def send(writer: asyncio.StreamWriter, count: int) -> None:
    for _ in range(count):
        writer.write(WHOLE)
        await writer.drain()


async def test_who_does_not_read_is_not_read_from(standin: StandIn) -> None:
    """Requests of a caller that takes no replies are not carried out beyond what fits on the way."""
    standin.answer = b'{"x":"' + b"x" * 30_000 + b'"}'
    count = 3_000
    async with served(standin, ConnectionLimits(request_timeout_s=NEVER_S)) as connect:
        reader, writer = await connect()
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        sending = asyncio.create_task(send(writer, count))
        done = -1
        async with asyncio.timeout(WITHIN_S):
            while done < (done := len(standin.executed)) or not done:
                await asyncio.sleep(0.3)
        # Some megabytes fit into the sockets' buffers; all replies would be ninety.
        assert done < count / 2
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(count):
            assert (await reply_of(reader))[1] == standin.answer
        await sending
    assert len(standin.executed) == count, "and the rest as soon as it reads"


async def test_who_never_reads_is_let_go(standin: StandIn) -> None:
    standin.answer = b'{"x":"' + b"x" * 30_000 + b'"}'
    async with served(standin, ConnectionLimits(request_timeout_s=0.5)) as connect:
        reader, writer = await connect()
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(WITHIN_S):
                while True:
                    await send(writer, 1)
                    await asyncio.sleep(0)


async def test_connections_are_bounded(standin: StandIn) -> None:
    async with served(standin, ConnectionLimits(connections_max=2)) as connect:
        kept = [await connect() for _ in range(2)]
        for reader, writer in kept:
            writer.write(WHOLE)
            await reply_of(reader)
        reader, _ = await connect()
        head, body = (await rest(reader)).split(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in head
        check(json.loads(body), 503, "UNAVAILABLE")
        # One that goes makes room.
        kept[0][1].close()
        async with asyncio.timeout(WITHIN_S):
            while True:
                reader, writer = await connect()
                writer.write(WHOLE)
                try:
                    head, _ = await reply_of(reader)
                except (asyncio.IncompleteReadError, ConnectionError):
                    continue
                if head.startswith(b"HTTP/1.1 200 "):
                    break
                writer.close()
                await asyncio.sleep(0.01)
