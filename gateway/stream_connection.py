"""One connection of ``/v1/stream``: frames in, requests carried out, answers out as they are ready."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from gateway.addressed import Job, job_of
from gateway.carrier import Carrier
from gateway.lanes import Lanes
from gateway.problems import Problem
from gateway.requests import BODY_BYTES_MAX
from gateway.stream_codec import Codec, Malformed, Misread
from persistence.records import Call

# While so many requests of a connection are unanswered, no further frame is read: the socket fills
# up, and the client's next write waits.
UNANSWERED_MAX: Final = 1_000
# While a client has so much still to read, its next frame waits too.
UNSENT_BYTES_MAX: Final = 1 << 20
# A client that does not read for so long is taken for dead.
SLOW_READER_S: Final = 30.0
# After a silence of this length a ping is sent; a client has half of it to make itself heard.
HEARTBEAT_S: Final = 30.0
# How long the other side's closing is waited for. A stop of the server waits for it.
CLOSE_S: Final = 2.0
# Many clients take no message beyond a megabyte; an array of answers is ended well before.
_ARRAY_BYTES_MAX: Final = 256 * 1024
# A frame that is too large is read up to here, so that its sender can be told.
_FRAME_BYTES_READ_MAX: Final = 4 * BODY_BYTES_MAX

_log = logging.getLogger("haversack.gateway")


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


class StreamConnection:
    """A connection after its handshake."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        writer: AbstractStreamWriter,
        transport: asyncio.Transport,
        codec: Codec,
        carrier: Carrier,
        call: Call,
        commands_max: int,
    ) -> None:
        """``socket`` is prepared, ``writer`` what that gave; ``call``: of requests without conditions."""
        self._socket = socket
        self._writer = writer
        self._transport = transport
        transport.set_write_buffer_limits(UNSENT_BYTES_MAX)
        self._codec = codec
        self._answer = codec.answer
        self._opcode = 0x80 | codec.writes
        self._lanes = Lanes(carrier, self._answered)
        self._call = call
        self._commands_max = commands_max
        self._loop = asyncio.get_running_loop()
        # What goes out at the end of this turn of the loop: finished frames, then an array's beginning.
        self._frames: list[bytes] = []
        self._array: list[bytes] = []
        self._array_bytes = 0
        self._flush_is_due = False
        self._room: asyncio.Future[None] | None = None
        self._stopped: asyncio.Future[None] = self._loop.create_future()

    def stop(self) -> None:
        """Read no more, answer what was read, and close."""
        if not self._stopped.done():
            self._stopped.set_result(None)

    async def run(self) -> None:
        """Serve until either side closes; never raises but when it is cancelled."""
        reading = self._loop.create_task(self._read())
        answering = self._loop.create_task(self._lanes.run())
        try:
            try:
                code = await self._served(reading, answering)
            except Exception:
                _log.exception("a stream failed")
                code = WSCloseCode.INTERNAL_ERROR
            # Nobody waits for the closing of a client that does not read.
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._socket.close(code=code)
        finally:
            reading.cancel()
            answering.cancel()
            if self._socket.close_code in (None, WSCloseCode.ABNORMAL_CLOSURE):
                # Nobody reads what may still be unsent, and it is not to be kept for that.
                self._transport.abort()

    async def _served(self, reading: asyncio.Task[WSCloseCode], answering: asyncio.Task[None]) -> WSCloseCode:
        """The code to close with, when no more is read and all that was read is answered."""
        await asyncio.wait((reading, answering, self._stopped), return_when=asyncio.FIRST_COMPLETED)
        code = reading.result() if reading.done() else WSCloseCode.GOING_AWAY
        reading.cancel()
        # What was read is done, also where nobody is there any more to be told.
        self._lanes.finish()
        await answering
        self._flush()
        return code

    async def _read(self) -> WSCloseCode:
        """Take frames until there are no more; the code to close with."""
        socket, lanes, transport = self._socket, self._lanes, self._transport
        while True:
            message = await socket.receive()
            if message.type is not WSMsgType.TEXT and message.type is not WSMsgType.BINARY:
                return WSCloseCode.OK
            if (code := self._take(message.type, message.data)) is not None:
                return code
            if lanes.unanswered >= UNANSWERED_MAX:
                self._room = self._loop.create_future()
                await self._room
            if transport.get_write_buffer_size() > UNSENT_BYTES_MAX and not await self._is_read_from():
                return WSCloseCode.POLICY_VIOLATION

    def _take(self, kind: WSMsgType, frame: bytes) -> WSCloseCode | None:
        """Put all requests of a frame on their way; a code where the connection cannot go on."""
        if len(frame) > BODY_BYTES_MAX:
            self._tell(None, Problem("BODY_TOO_LARGE").document())
            return WSCloseCode.MESSAGE_TOO_BIG
        if kind not in self._codec.reads:
            self._tell(None, Problem("UNSUPPORTED_MEDIA_TYPE", "This stream takes binary frames.").document())
            return WSCloseCode.UNSUPPORTED_DATA
        try:
            requests, is_array = self._codec.read(frame)
        except Malformed as malformed:
            self._tell(None, malformed.problem.document())
            return WSCloseCode.INVALID_TEXT
        for request in requests:
            if isinstance(request, Misread):
                self._tell(request.id, request.problem.document(), in_array=is_array)
                continue
            try:
                job = job_of(request, (request.id, is_array), self._call, self._commands_max)
            except Problem as problem:
                self._tell(request.id, problem.document(), in_array=is_array)
            else:
                self._lanes.put(job)
        return None

    def _answered(self, job: Job, answer: bytes) -> None:
        request_id, in_array = job.ticket
        self._tell(request_id, answer, in_array=in_array)
        if self._room is not None and self._lanes.unanswered < UNANSWERED_MAX:
            room, self._room = self._room, None
            if not room.done():
                room.set_result(None)

    def _tell(self, request_id: int | str | None, body: bytes, *, in_array: bool = False) -> None:
        """Have an answer sent at the end of this turn of the loop, with all others that are ready then."""
        answer = self._answer(request_id, body)
        if in_array:
            self._array.append(answer)
            self._array_bytes += len(answer)
            if self._array_bytes >= _ARRAY_BYTES_MAX:
                self._end_array()
        else:
            self._end_array()
            self._frames.append(self._framed(answer))
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def _end_array(self) -> None:
        if self._array:
            self._frames.append(self._framed(self._codec.array(self._array)))
            self._array.clear()
            self._array_bytes = 0

    def _framed(self, payload: bytes) -> bytes:
        """A whole WebSocket message in one frame (RFC 6455, 5.2).

        aiohttp writes a frame at a time, and a coroutine for each; all frames in one write cost
        less than two of those.
        """
        size = len(payload)
        if size < 126:
            return bytes((self._opcode, size)) + payload
        if size < 1 << 16:
            return b"%c\x7e%b%b" % (self._opcode, size.to_bytes(2, "big"), payload)
        return b"%c\x7f%b%b" % (self._opcode, size.to_bytes(8, "big"), payload)

    def _flush(self) -> None:
        self._flush_is_due = False
        self._end_array()
        frames = b"".join(self._frames)
        self._frames.clear()
        # After a closing frame no other may follow.
        if frames and not self._socket.closed and not self._transport.is_closing():
            self._transport.write(frames)

    async def _is_read_from(self) -> bool:
        """Wait until the client has read most of what waits for it; False when that takes too long."""
        try:
            async with asyncio.timeout(SLOW_READER_S):
                await self._writer.drain()
        except TimeoutError:
            # Whatever is sent now would only wait behind the rest.
            self._transport.abort()
            return False
        except ConnectionError:
            pass
        return True
