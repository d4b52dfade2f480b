"""The WebSocket below a stream: how it is opened, and how a message goes over it (RFC 6455)."""

from typing import Final

from aiohttp import web

from gateway.http.requests import BODY_BYTES_MAX
from gateway.stream.codec import Codec

# After a silence of this length a ping is sent; a client has half of it to make itself heard.
HEARTBEAT_S: Final = 30.0
# A frame that is too large is read up to here, so that its sender can be told.
_FRAME_BYTES_READ_MAX: Final = 4 * BODY_BYTES_MAX


def new_socket(codec: Codec) -> web.WebSocketResponse:
    """A WebSocket for a stream, to be prepared."""
    return web.WebSocketResponse(
        protocols=(codec.name,),
        heartbeat=HEARTBEAT_S,
        max_msg_size=_FRAME_BYTES_READ_MAX,
        # Compressing costs many times what a move does.
        compress=False,
        decode_text=False,
    )


def framed(codec: Codec, payload: bytes) -> bytes:
    """A whole message in one frame (RFC 6455, 5.2), as the language has it: text or binary.

    aiohttp writes a frame at a time, and a coroutine for each; all frames in one write cost
    less than two of those.
    """
    opcode, size = 0x80 | codec.writes, len(payload)
    if size < 126:
        return bytes((opcode, size)) + payload
    if size < 1 << 16:
        return b"%c\x7e%b%b" % (opcode, size.to_bytes(2, "big"), payload)
    return b"%c\x7f%b%b" % (opcode, size.to_bytes(8, "big"), payload)
