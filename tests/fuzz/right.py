"""Requests that are right: they are sent whole, cut, altered, and among rubbish."""

import json
from collections.abc import Callable
from random import Random

Maker = Callable[[Random, str], bytes]

CHAR_ID = "0a1b2c3d-4e5f-4a6b-8c7d-0000000001f0"
_CHARACTER = f"/v1/characters/{CHAR_ID}"
_PATHS = (
    "/healthz", "/readyz", "/openapi.json", "/docs", "/docs/start.js", "/metrics", "/v1/catalog",
    "/v1/items?limit=3", "/v1/items/iron_sword", "/v1/characters", _CHARACTER, f"{_CHARACTER}/export",
    f"{_CHARACTER}/inventory", f"{_CHARACTER}/inventory/bag?limit=2", f"{_CHARACTER}/inventory/journal",
    f"{_CHARACTER}/inventory/events", "/v1/stream",
)  # fmt: skip
_BODIES = (
    {"template_id": "brown_bread", "quantity": 1},
    {"commands": [{"op": "consume", "template_id": "brown_bread", "quantity": 1}] * 3},
    {"requests": [{"char_id": CHAR_ID, "commands": [{"op": "sort", "container": "bag"}]}]},
    {"item_id": "5" * 32, "to": {"container": "bag", "slot": 3}},
    [[[[[[[[]]]]]]]],
)
_COMMANDS = ("grant", "execute", "move", "sort", "drop", "consume")


def head(token: str) -> bytes:
    """Headers that every call has."""
    return f"Host: here\r\nAuthorization: Bearer {token}\r\n".encode()


def reading(random: Random, token: str) -> bytes:
    """A request without a body."""
    return f"GET {random.choice(_PATHS)} HTTP/1.1\r\n".encode() + head(token) + b"\r\n"


def posting(random: Random, token: str) -> tuple[bytes, bytes]:
    """The head of a request with a body, but for what says how long that is; and the body."""
    path = random.choice((f"{_CHARACTER}/inventory/{random.choice(_COMMANDS)}", "/v1/execute"))
    line = f"POST {path} HTTP/1.1\r\n".encode() + head(token) + b"Content-Type: application/json\r\n"
    return line, json.dumps(random.choice(_BODIES)).encode()


def sized(random: Random, token: str) -> bytes:
    """A request with a body."""
    line, content = posting(random, token)
    return line + b"Content-Length: %d\r\n\r\n" % len(content) + content


def chunked(random: Random, token: str) -> bytes:
    """A request whose body comes in chunks."""
    line, content = posting(random, token)
    cut = random.randrange(len(content))
    parts = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in (content[:cut], content[cut:]) if one)
    return line + b"Transfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n"


def anyone(random: Random, token: str) -> bytes:
    """One of these."""
    return random.choice((reading, sized, chunked))(random, token)


def handshake(token: str) -> bytes:
    """What opens a stream."""
    return b"GET /v1/stream HTTP/1.1\r\n" + head(token) + (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: haversack.json\r\n\r\n"
    )  # fmt: skip
