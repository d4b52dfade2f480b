"""``GET /v1/stream``: commands for many characters over one WebSocket."""

from typing import Final

from aiohttp import web

from gateway.carrier import Carrier
from gateway.conditions import REQUEST_ID, SERVICE
from gateway.problems import invalid
from gateway.requests import header, plain
from gateway.responses import SERVER
from gateway.stream_codec import CODECS, Codec
from gateway.stream_connection import StreamConnection, new_socket
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call

_VERSION: Final = "13"


class StreamGateway:
    """The handler of ``/v1/stream``, and all of its open connections."""

    def __init__(self, orchestrator: InventoryOrchestrator, carrier: Carrier) -> None:
        """Carry out by ``carrier``."""
        self._carrier = carrier
        self._commands_max = orchestrator.ruleset.source.limits.commands_per_batch
        self._open: set[StreamConnection] = set()
        self._stopping = False

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket (RFC 6455) of the subprotocol ``haversack.json`` or ``haversack.msgpack``.

        In: a request, or an array of 1 to 1,000. Out: answers with the requests' ids, out of order
        but for those of one character. 400 for a handshake that is none.
        """
        plain(request)
        codec = _agreed(request)
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
        call = Call(by=SERVICE, request_id=request_id)
        connection = StreamConnection(
            socket, writer, transport, codec, self._carrier, call, self._commands_max
        )
        self._open.add(connection)
        if self._stopping:
            connection.stop()
        try:
            await connection.run()
        finally:
            self._open.discard(connection)
        return socket

    async def stop(self, _: web.Application) -> None:
        """Have every connection answer what it has read and close; their handlers end with them."""
        self._stopping = True
        for connection in self._open:
            connection.stop()


def _agreed(request: web.Request) -> Codec:
    """The language that both sides speak; 400 for what is no WebSocket handshake, or has none such."""
    if (header(request, "Upgrade") or "").strip().lower() != "websocket":
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
    if not new_socket(codec).can_prepare(request):
        raise invalid("Sec-WebSocket-Key", "this is no handshake of RFC 6455")
    return codec
