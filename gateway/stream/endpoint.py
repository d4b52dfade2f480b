"""``GET /v1/stream``: commands for many characters over one WebSocket."""

import asyncio
from collections import Counter
from typing import Final

from aiohttp import web

from gateway.http.conditions import REQUEST_ID
from gateway.http.identity import IDENTITY
from gateway.http.problems import RETRY_AFTER, Problem, invalid
from gateway.http.requests import header, plain
from gateway.http.responses import SERVER
from gateway.stream.carrier import Carrier
from gateway.stream.codec import CODECS, Codec
from gateway.stream.connection import StreamConnection
from gateway.stream.lanes import Count
from gateway.stream.web_socket import new_socket
from persistence.orchestrator import InventoryOrchestrator

# Of one character's tokens, in one process; a game client has one, and one more while it connects again.
STREAMS_OF_A_PLAYER_MAX: Final = 16
SWEEP_S: Final = 1.0
_VERSION: Final = "13"


class StreamGateway:
    """The handler of ``/v1/stream``, and all of its open connections."""

    def __init__(
        self, orchestrator: InventoryOrchestrator, carrier: Carrier, count: Count | None = None
    ) -> None:
        """Carry out by ``carrier``; ``count`` counts each request."""
        self._count = count
        self._carrier = carrier
        self._commands_max = orchestrator.ruleset.source.limits.commands_per_batch
        self._open: set[StreamConnection] = set()
        self._of_players: Counter[str] = Counter()
        self._sweep_is_due = False
        self._stopping = False

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket (RFC 6455) of the subprotocol ``haversack.json`` or ``haversack.msgpack``.

        In: a request, or an array of 1 to 1,000. Out: answers with the requests' ids, out of order
        but for those of one character. 400 for a handshake that is none.
        """
        plain(request)
        codec = _agreed(request)
        identity = request[IDENTITY]
        player = identity.char_id
        if player is not None and self._of_players[player] >= STREAMS_OF_A_PLAYER_MAX:
            raise Problem("RATE_LIMITED", "Too many streams of this character are open.", headers=RETRY_AFTER)
        request_id = request.headers.get(REQUEST_ID, "")
        socket = new_socket(codec)
        socket.headers["Server"] = SERVER
        if request_id:
            # What is set when the handler has ended comes too late for this response.
            socket.headers[REQUEST_ID] = request_id
        writer = await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        connection = StreamConnection(
            socket,
            writer,
            transport,
            codec,
            self._carrier,
            identity,
            request_id,
            self._commands_max,
            self._count,
        )
        self._open.add(connection)
        if player is not None:
            self._of_players[player] += 1
        self._sweep_soon()
        if self._stopping:
            connection.stop()
        try:
            await connection.run()
        finally:
            self._open.discard(connection)
            if player is not None:
                self._of_players -= Counter((player,))
        return socket

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._open)

    async def stop(self, _: web.Application) -> None:
        """Have every connection answer what it has read and close; their handlers end with them."""
        self._stopping = True
        for connection in self._open:
            connection.stop()

    def _sweep_soon(self) -> None:
        if not self._sweep_is_due:
            self._sweep_is_due = True
            asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """One look at all connections costs less than a timer for each."""
        self._sweep_is_due = False
        for connection in self._open:
            connection.look_after()
        if self._open:
            self._sweep_soon()


def _agreed(request: web.Request) -> Codec:
    """The language that both sides speak; 400 for what is no WebSocket handshake, or has none such."""
    # HEAD is answered wherever GET is, but opens nothing (RFC 6455, 4.1).
    if request.method != "GET" or (header(request, "Upgrade") or "").strip().lower() != "websocket":
        raise invalid("Upgrade", "expected a WebSocket handshake")
    if header(request, "Sec-WebSocket-Version") != _VERSION:
        problem = invalid("Sec-WebSocket-Version", f"expected {_VERSION}")
        problem.headers = {"Sec-WebSocket-Version": _VERSION}
        raise problem
    for name in (header(request, "Sec-WebSocket-Protocol") or "").split(","):
        if (codec := CODECS.get(name.strip())) is not None:
            break
    else:
        raise invalid("Sec-WebSocket-Protocol", f"expected one of {', '.join(CODECS)}")
    try:
        is_handshake = bool(new_socket(codec).can_prepare(request))
    except ValueError:
        # Of bytes that are no text, aiohttp cannot say what is wrong with them.
        is_handshake = False
    if not is_handshake:
        raise invalid("Sec-WebSocket-Key", "this is no handshake of RFC 6455")
    return codec
