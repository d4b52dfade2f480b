"""A reply that is written in one piece says what one says that is made by the book."""

import asyncio
import re

import pytest

from gateway.serving import connection
from tests.gateway.conftest import Client
from tests.gateway.standin import BASE, HERB_ID, TOKEN, StandIn

BODY = f'{{"item_id":"{HERB_ID}"}}'.encode()
ALWAYS = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
DROP = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(BODY)


async def conversation(client: Client, *requests: bytes) -> list[tuple[bytes, dict[bytes, bytes], bytes]]:
    """Requests one after the other on one connection: status line, headers and body of each reply."""
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    replies = []
    for request in requests:
        writer.write(request)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            status, *lines = head[:-4].split(b"\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
            assert len(headers) == len(lines), "a header stands twice"
            assert re.fullmatch(rb"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers.pop(b"date"))
            length = 0 if request.startswith(b"HEAD") else int(headers[b"content-length"])
            replies.append((status, headers, await reader.readexactly(length)))
    writer.write_eof()
    async with asyncio.timeout(10):
        assert await reader.read() == b"", "more than was asked for"
    writer.close()
    return replies


def post(version: bytes = b"1.1", headers: bytes = b"") -> bytes:
    line = f"POST {BASE}/inventory/drop HTTP/".encode() + version + b"\r\n"
    return line + ALWAYS + DROP + headers + b"\r\n" + BODY


def get(what: str, method: str = "GET", headers: bytes = b"") -> bytes:
    return f"{method} {BASE}/{what} HTTP/1.1\r\n".encode() + ALWAYS + headers + b"\r\n"


CONVERSATIONS = {
    "commands": (post(), post(), post()),
    "older HTTP": (post(b"1.0"),),
    "older HTTP that stays": (post(b"1.0", b"Connection: keep-alive\r\n"), post()),
    "the last of a connection": (post(), post(headers=b"Connection: close\r\n")),
    "a request id": (post(headers=b"X-Request-Id: abc\r\n"), post()),
    "an expectation": (post(headers=b"Expect: 200-ok\r\n"),),
    "views with tags": (get("inventory"), get("inventory", "HEAD"), get("inventory/equipment")),
    "an upgrade to something else": (post(headers=b"Connection: upgrade\r\nUpgrade: h2c\r\n"),),
}


@pytest.mark.parametrize("requests", CONVERSATIONS.values(), ids=CONVERSATIONS)
async def test_the_same_with_and_without(
    client: Client, standin: StandIn, monkeypatch: pytest.MonkeyPatch, requests: tuple[bytes, ...]
) -> None:
    standin.answer = b'{"seq":8}'
    quick = await conversation(client, *requests)
    # No reply is short enough any more.
    monkeypatch.setattr(connection, "_PIECE_MAX", -1)
    assert await conversation(client, *requests) == quick


async def test_a_long_reply_waits_for_its_reader(client: Client, standin: StandIn) -> None:
    standin.answer = b'{"seq":8,"changes":"' + b"x" * 1_000_000 + b'"}'
    ((status, _, body),) = await conversation(client, post())
    assert status == b"HTTP/1.1 200 OK"
    assert body == standin.answer


async def test_requests_sent_ahead_are_answered_in_order(client: Client, standin: StandIn) -> None:
    standin.answer = b'{"seq":8}'
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    writer.write(post() + get("inventory/capacity") + post(headers=b"X-Request-Id: third\r\n"))
    writer.write_eof()
    async with asyncio.timeout(10):
        replies = await reader.read()
    writer.close()
    bodies = [part.partition(b"\r\n\r\n")[2] for part in replies.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert len(bodies) == 3
    assert bodies[0] == bodies[2] == standin.answer
    assert b"X-Request-Id: third" in replies
