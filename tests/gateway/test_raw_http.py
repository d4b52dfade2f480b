"""What no client library would send, over a bare socket."""

import asyncio
import gzip
import json
import logging
import zlib

import pytest

from tests.gateway.conftest import Client
from tests.gateway.expect import check
from tests.gateway.standin import BASE, HERB_ID, TOKEN, StandIn

BODY = f'{{"item_id":"{HERB_ID}"}}'.encode()
HEAD = (
    f"POST {BASE}/inventory/drop HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    "Content-Type: application/json\r\n"
).encode()


async def exchange(client: Client, sent: bytes) -> tuple[bytes, bytes]:
    """Send bytes, and read head and body of the first reply."""
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    writer.write(sent)
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 100"):
            head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        body = await reader.readexactly(length)
    writer.close()
    return head, body


def sized(body: bytes, headers: bytes = b"") -> bytes:
    return HEAD + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "sent",
    [
        b"rubbish\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"CONNECT  \r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(500)) + b"\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
        sized(BODY, b"Content-Encoding: identity\r\nContent-Encoding: identity\r\n"),
        sized(BODY, b"Expect: the-unexpected\r\n"),
    ],
)
async def test_what_is_not_http(
    client: Client, standin: StandIn, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with caplog.at_level(logging.INFO):
        head, body = await exchange(client, sent)
    assert head.startswith(b"HTTP/1.1 400 ") or head.startswith(b"HTTP/1.0 400 ")
    assert b"application/problem+json" in head
    check(json.loads(body), 400, "INVALID_REQUEST")
    assert standin.executed == []
    # Anybody could fill the log with such.
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    "sent",
    [
        sized(BODY),
        sized(BODY, b"Content-Encoding: identity\r\n"),
        sized(BODY, b"Expect: 100-continue\r\n"),
        HEAD.replace(b"/v1/", b"/v%31/") + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
        HEAD.replace(b"POST /", b"POST http://elsewhere:99/")
        + b"Content-Length: %d\r\n\r\n" % len(BODY)
        + BODY,
    ],
)
async def test_unusual_but_right(client: Client, standin: StandIn, sent: bytes) -> None:
    head, _ = await exchange(client, sent)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert len(standin.executed) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"OPTIONS *",
        b"CONNECT elsewhere:80",
        b"CONNECT /v1/catalog",
        b"GET //v1/catalog",
        b"GET /healthz/../readyz",
        b"GET /a%0Ab",
        b"GET /%E4%B8%AD",
    ],
)
async def test_odd_targets(client: Client, line: bytes) -> None:
    head, body = await exchange(client, line + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    check(json.loads(body), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (gzip.compress(BODY, mtime=0), b"gzip"),
        (zlib.compress(BODY), b"deflate"),
        (BODY, b"br"),
        (BODY, b"zstd, gzip"),
        (b"not gzip at all", b"gzip"),
    ],
)
async def test_a_packed_body(client: Client, standin: StandIn, body: bytes, coding: bytes) -> None:
    head, answer = await exchange(client, sized(body, b"Content-Encoding: %b\r\n" % coding))
    assert head.startswith(b"HTTP/1.1 415 ")
    check(json.loads(answer), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert standin.executed == []


async def test_nothing_is_unpacked_for_anybody(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser would do it before the gate, and the rest of the loop would wait."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a body is unpacked")

    monkeypatch.setattr("aiohttp.http_parser.ZLibDecompressor", never)
    swelling = gzip.compress(b" " * 5_000_000)
    sent = sized(swelling, b"Content-Encoding: gzip\r\n").replace(TOKEN.encode(), b"wrong")
    head, answer = await exchange(client, sent)
    assert head.startswith(b"HTTP/1.1 401 ")
    check(json.loads(answer), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 100\r\n\r\n" + BODY,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
async def test_a_caller_that_hangs_up_midway(
    client: Client, standin: StandIn, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with caplog.at_level(logging.INFO):
        _, writer = await asyncio.open_connection(client.server.host, client.server.port)
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert (await client.get("/healthz")).status == 200
    assert standin.executed == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_requests_in_a_row_on_one_connection(client: Client, standin: StandIn) -> None:
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    writer.write(sized(BODY) + sized(b"null") + sized(BODY))
    statuses = []
    async with asyncio.timeout(10):
        for _ in range(3):
            head = await reader.readuntil(b"\r\n\r\n")
            statuses.append(head[9:12])
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
    writer.close()
    assert statuses == [b"200", b"400", b"200"]
    assert len(standin.executed) == 2
