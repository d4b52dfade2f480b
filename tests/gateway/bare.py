"""A stream by hand: a gateway before a held stand-in, a bare connection to it, and frames byte by byte."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.gateway.held import HeldStandIn
from tests.gateway.standin import HEADERS, SWORD_ID, GatewayTestServer, server
from tests.gateway.test_lanes import char

LOCK = {"op": "lock", "item_id": SWORD_ID}


def request(number: int) -> dict[str, Any]:
    """Each of a character of its own, so that none waits for another."""
    return {"id": number, "char_id": char(number), "commands": [LOCK]}


@asynccontextmanager
async def started(standin: HeldStandIn) -> AsyncIterator[GatewayTestServer]:
    """A gateway before the stand-in."""
    gateway = server(standin)
    await gateway.start_server()
    try:
        yield gateway
    finally:
        await gateway.close()


async def handshaken(gateway: GatewayTestServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bare connection after its handshake, with little room for what is not read."""
    bare = socket.socket()
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    bare.setblocking(False)
    await asyncio.get_running_loop().sock_connect(bare, (gateway.host, gateway.port))
    reader, writer = await asyncio.open_connection(sock=bare, limit=1024)
    writer.write(
        b"GET /v1/stream HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Protocol: haversack.json\r\nAuthorization: %b\r\n\r\n"
        % HEADERS["Authorization"].encode()
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return reader, writer


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The content of a frame that the server has sent."""
    _, size = await reader.readexactly(2)
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    return await reader.readexactly(size)


def text_frame(value: Any) -> bytes:
    """A masked text frame, its mask all zeros."""
    text = json.dumps(value).encode().ljust(126)
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text
