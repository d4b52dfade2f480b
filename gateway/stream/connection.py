"""One connection of ``/v1/stream``: frames in, requests carried out, answers out as they are ready."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from gateway.auth.access import RATE_LIMITED, over_rate, refused_request
from gateway.auth.bearer import unauthenticated
from gateway.http.addressed import Job, job_of
from gateway.http.identity import Identity
from gateway.http.problems import Problem
from gateway.http.requests import BODY_BYTES_MAX
from gateway.stream.carrier import Carrier
from gateway.stream.codec import Codec, Malformed, Misread
from gateway.stream.lanes import Count, Lanes
from gateway.stream.web_socket import framed

# While so many requests of a connection are unanswered, no further frame is read: the socket fills
# up, and the client's next write waits.
UNANSWERED_MAX: Final = 1_000
# While a client has so much still to read, its next frame waits too.
UNSENT_BYTES_MAX: Final = 1 << 20
# After so much has been told in one go others have their turn: small frames can be answered by much.
TOLD_AT_ONCE_BYTES: Final = 64 * 1024
# When a frame had a request beyond a rate, so long no further frame is read: to refuse costs time, too.
OVER_RATE_S: Final = 0.25
# A client that does not read for so long is taken for dead.
SLOW_READER_S: Final = 30.0
# How long the other side's closing is waited for. A stop of the server waits for it.
CLOSE_S: Final = 2.0
# Many clients take no message beyond a megabyte; an array of answers is ended well before.
_ARRAY_BYTES_MAX: Final = 256 * 1024
# Registered with IANA for the same as 401: the token that opened the stream holds no more.
_UNAUTHORIZED: Final = 3000

_log = logging.getLogger("haversack.gateway")


class StreamConnection:
    """A connection after its handshake."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        writer: AbstractStreamWriter,
        transport: asyncio.Transport,
        codec: Codec,
        carrier: Carrier,
        identity: Identity,
        request_id: str,
        commands_max: int,
        count: Count | None = None,
    ) -> None:
        """``socket`` is prepared, ``writer`` what that gave; ``request_id``: of requests without one.

        ``count`` counts each request that was understood.
        """
        self._socket = socket
        self._writer = writer
        self._transport = transport
        transport.set_write_buffer_limits(UNSENT_BYTES_MAX)
        self._codec = codec
        self._answer = codec.answer
        self._lanes = Lanes(carrier, self._answered, count)
        self._identity = identity
        self._call = identity.call_under(request_id)
        self._commands_max = commands_max
        self._loop = asyncio.get_running_loop()
        # What goes out at the end of this turn of the loop: finished frames, then an array's beginning.
        self._frames: list[bytes] = []
        self._array: list[bytes] = []
        self._array_bytes = 0
        self._flush_is_due = False
        self._told_bytes = 0
        self._is_over_rate = False
        self._room: asyncio.Future[None] | None = None
        self._stopped: asyncio.Future[int] = self._loop.create_future()

    def stop(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        """Read no more, answer what was read, and close with ``code``."""
        if not self._stopped.done():
            self._stopped.set_result(code)

    def look_after(self) -> None:
        """End what has outlived the token that opened it; to be called about every second."""
        if not self._identity.holds() and not self._stopped.done():
            self._refuse_token()
            self.stop(_UNAUTHORIZED)

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

    async def _served(self, reading: asyncio.Task[int], answering: asyncio.Task[None]) -> int:
        """The code to close with, when no more is read and all that was read is answered."""
        await asyncio.wait((reading, answering, self._stopped), return_when=asyncio.FIRST_COMPLETED)
        try:
            code = reading.result() if reading.done() else self._stopped.result()
        except Exception:
            _log.exception("a stream could not be read")
            code = WSCloseCode.INTERNAL_ERROR
        reading.cancel()
        # What was read is done, also where nobody is there any more to be told.
        self._lanes.finish()
        await answering
        self._flush()
        return code

    async def _read(self) -> int:
        """Take frames until there are no more; the code to close with."""
        socket, lanes, transport = self._socket, self._lanes, self._transport
        while True:
            try:
                message = await socket.receive()
            except ConnectionError:
                # It broke off while a ping was answered.
                return WSCloseCode.OK
            if message.type is not WSMsgType.TEXT and message.type is not WSMsgType.BINARY:
                return WSCloseCode.OK
            if (code := self._take(message.type, message.data)) is not None:
                return code
            if self._told_bytes >= TOLD_AT_ONCE_BYTES:
                await asyncio.sleep(0)
            if self._is_over_rate:
                self._is_over_rate = False
                await asyncio.sleep(OVER_RATE_S)
            if lanes.unanswered >= UNANSWERED_MAX:
                self._room = self._loop.create_future()
                await self._room
            if transport.get_write_buffer_size() > UNSENT_BYTES_MAX and not await self._is_read_from():
                return WSCloseCode.POLICY_VIOLATION

    def _take(self, kind: WSMsgType, frame: bytes) -> int | None:
        """Put all requests of a frame on their way; a code where the connection cannot go on."""
        identity = self._identity
        if not identity.holds():
            self._refuse_token()
            return _UNAUTHORIZED
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
                self._tell_misread(request.id, request.problem, in_array=is_array)
                continue
            try:
                job = job_of(request, (request.id, is_array), self._call, self._commands_max)
            except Problem as problem:
                self._tell_misread(request.id, problem, in_array=is_array)
            else:
                if not identity.unrestricted and (
                    refused := refused_request(identity, job.char_id, job.commands)
                ):
                    self._is_over_rate |= refused.code == RATE_LIMITED
                    self._lanes.refuse(job, refused)
                else:
                    self._lanes.put(job)
        return None

    def _tell_misread(self, request_id: int | str | None, problem: Problem, *, in_array: bool) -> None:
        """Answer what was not understood; that costs as much as a move, so it counts as one."""
        if (refused := over_rate(self._identity)) is not None:
            self._is_over_rate = True
            problem = refused
        self._tell(request_id, problem.document(), in_array=in_array)

    def _refuse_token(self) -> None:
        self._tell(None, unauthenticated("it does not hold any more").document())

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
        self._told_bytes += len(answer)
        if in_array:
            self._array.append(answer)
            self._array_bytes += len(answer)
            if self._array_bytes >= _ARRAY_BYTES_MAX:
                self._end_array()
        else:
            self._end_array()
            self._frames.append(framed(self._codec, answer))
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def _end_array(self) -> None:
        if self._array:
            self._frames.append(framed(self._codec, self._codec.array(self._array)))
            self._array.clear()
            self._array_bytes = 0

    def _flush(self) -> None:
        self._flush_is_due = False
        self._told_bytes = 0
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
