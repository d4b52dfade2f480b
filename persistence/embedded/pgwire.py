"""Just enough of PostgreSQL's protocol to ask a starting server whether it serves, and to create a database.

The messages are those of the manual's chapter "Frontend/Backend Protocol", version 3.0.
"""

import socket
import struct
from pathlib import Path
from typing import NamedTuple

_PROTOCOL = 196_608
CANNOT_CONNECT_NOW = "57P03"
NO_SUCH_DATABASE = "3D000"
DUPLICATE_DATABASE = "42P04"


class Failure(NamedTuple):
    """An error that the server reported."""

    sqlstate: str
    message: str


def ask(
    socket_path: Path, *, user: str, database: str, query: str = "", timeout_s: float = 60.0
) -> Failure | None:
    """Connect, run `query` unless it is empty, disconnect; return the first error reported, or None.

    Raises OSError when there is no connection or it breaks.
    """
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout_s)
        client.connect(str(socket_path))
        words = ["user", user, "database", database, ""]
        _send(client, b"", struct.pack("!i", _PROTOCOL) + b"".join(word.encode() + b"\0" for word in words))
        failure = _until_ready(client)
        if failure is None and query:
            _send(client, b"Q", query.encode() + b"\0")
            failure = _until_ready(client)
        return failure


def _send(client: socket.socket, kind: bytes, body: bytes) -> None:
    client.sendall(kind + struct.pack("!i", len(body) + 4) + body)


def _until_ready(client: socket.socket) -> Failure | None:
    """Read messages up to ReadyForQuery; an error before the session is ready ends the connection instead."""
    failure: Failure | None = None
    while True:
        head = _receive(client, 5, may_end=failure is not None)
        if not head:
            return failure
        body = _receive(client, struct.unpack("!i", head[1:])[0] - 4)
        if head[:1] == b"Z":
            return failure
        if head[:1] == b"E" and failure is None:
            failure = _failure(body)
        if head[:1] == b"R" and body != b"\0\0\0\0":
            return Failure("28000", "the server asks for a password")


def _receive(client: socket.socket, size: int, *, may_end: bool = False) -> bytes:
    data = b""
    while len(data) < size:
        part = client.recv(size - len(data))
        if not part:
            if may_end and not data:
                return b""
            raise ConnectionError("the server closed the connection")
        data += part
    return data


def _failure(body: bytes) -> Failure:
    fields = {field[:1]: field[1:].decode("utf-8", "replace") for field in body.split(b"\0") if field}
    return Failure(fields.get(b"C", ""), fields.get(b"M", ""))
