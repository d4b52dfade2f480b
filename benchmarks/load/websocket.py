"""A WebSocket client with no more in it than a load generator needs (RFC 6455, without extensions).

Frames are masked with a key of zeros: that is allowed, the server unmasks them like any other, and we
need not touch the payload.
"""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import cast

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL, _MASKED = 0x80, 0x80
_KEY = bytes(4)
_SHORT_MAX, _MEDIUM_MAX = 125, 0xFFFF


class StreamError(Exception):
    """The server did not speak WebSocket as it should, or ended the stream."""


class WebSocket(asyncio.Protocol):
    """One stream: ``received`` gets the payload of every message, in order."""

    def __init__(
        self, host: str, path: str, token: str, subprotocol: str, received: Callable[[bytes], None]
    ) -> None:
        """``opened`` is done when frames may be sent, ``closed`` when there will be no more."""
        self._received = received
        self._subprotocol = subprotocol
        self._opcode = BINARY if subprotocol.endswith("msgpack") else TEXT
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {b64encode(secrets.token_bytes(16)).decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {subprotocol}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        ).encode()
        self._buffer = b""
        self._parts: list[bytes] = []
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()

    def send(self, payload: bytes) -> None:
        """Send one message, whole."""
        self._send(self._opcode, payload)

    def close(self) -> None:
        """Say goodbye and close."""
        self._send(CLOSE, b"\x03\xe8")
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take what has come: the answer to the upgrade, then frames."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self.opened.done() and not self._take_head():
            return
        self._take_frames()

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing comes any more."""
        if not self.opened.done():
            self.opened.set_exception(error or StreamError("the server closed before it answered"))
        if not self.closed.done():
            self.closed.set_result(None)

    def _take_head(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        self._buffer = rest
        status, _, headers = head.decode("latin-1").partition("\r\n")
        chosen = f"sec-websocket-protocol: {self._subprotocol}" in headers.lower()
        if not status.startswith("HTTP/1.1 101 ") or not chosen:
            self.opened.set_exception(StreamError(f"no {self._subprotocol} stream: {status}"))
            self._transport.close()
            return False
        self.opened.set_result(None)
        return True

    def _take_frames(self) -> None:
        buffer, at, there = self._buffer, 0, len(self._buffer)
        while there - at >= 2:
            begin, length = at + 2, buffer[at + 1]
            if length == 126:
                begin, length = at + 4, int.from_bytes(buffer[at + 2 : at + 4], "big")
            elif length == 127:
                begin, length = at + 10, int.from_bytes(buffer[at + 2 : at + 10], "big")
            if there < begin + length:
                break
            self._take(buffer[at], buffer[begin : begin + length])
            at = begin + length
        self._buffer = buffer[at:]

    def _take(self, first: int, payload: bytes) -> None:
        opcode = first & 0x0F
        if opcode == PING:
            self._send(PONG, payload)
        elif opcode == CLOSE:
            self._transport.close()
        elif opcode != PONG:
            self._parts.append(payload)
            if first & _FINAL:
                whole = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
                self._parts.clear()
                self._received(whole)

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size <= _SHORT_MAX:
            head = bytes((_FINAL | opcode, _MASKED | size))
        elif size <= _MEDIUM_MAX:
            head = bytes((_FINAL | opcode, _MASKED | 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((_FINAL | opcode, _MASKED | 127)) + size.to_bytes(8, "big")
        self._transport.write(head + _KEY + payload)
