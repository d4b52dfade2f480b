"""The connection of a stream: made anew when it breaks, with what is unanswered sent again."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

import aiohttp
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType

from haversack_client.bounds import BODY_BYTES_MAX, REQUESTS_MAX
from haversack_client.caller import Caller
from haversack_client.errors import HaversackError, NoAnswer, NotReached, UnexpectedAnswer
from haversack_client.inventory import Reply
from haversack_client.repeating import until_answered
from haversack_client.stream_codec import FRAME_BYTES, StreamCodec

# What the service closes with where the same frames would end the next connection, too.
_FOR_GOOD: Final = frozenset(
    {
        WSCloseCode.PROTOCOL_ERROR,
        WSCloseCode.UNSUPPORTED_DATA,
        WSCloseCode.INVALID_TEXT,
        WSCloseCode.MESSAGE_TOO_BIG,
    }
)


class Waiting:
    """A request that is to be answered. ``sent``: it may have come to the service."""

    __slots__ = ("answer", "number", "repeats", "sent", "text")

    def __init__(self, number: int, text: bytes, *, repeats: bool) -> None:
        """``number`` is the id in ``text``; not ``repeats``: it must not be sent twice."""
        self.number = number
        self.text = text
        self.repeats = repeats
        self.sent = False
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()


class Line:
    """One connection after the other, over which requests go out and answers come in."""

    def __init__(self, caller: Caller, codec: StreamCodec, heartbeat_s: float) -> None:
        """A silence of ``heartbeat_s`` is ended by a ping, which has half of that to be answered."""
        self._caller = caller
        self._codec = codec
        self._heartbeat_s = heartbeat_s
        # In the order in which they came, which is that in which they are sent again.
        self._waiting: dict[int, Waiting] = {}
        self._unsent: deque[Waiting] = deque()
        self._more = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._broken: HaversackError | None = None
        self._answered = 0
        # What the service had to say that is about no request, before it closed.
        self._complaint: HaversackError | None = None
        # What kept the last connection from being made.
        self.trouble: HaversackError | None = None
        # How many connections there have been.
        self.connections = 0

    async def open(self) -> None:
        """Make the first connection."""
        timing = self._caller.timing
        socket = await until_answered(self._connect, timing, timing.ends(None))
        self._running = asyncio.create_task(self._run(socket))

    async def close(self) -> None:
        """Close the connection; what is unanswered is told so."""
        self._break(NotReached("the stream was closed", transient=False))
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))

    async def answer(self, waiting: Waiting) -> Reply:
        """The answer of the service, however many connections it takes. Cancel it to give up."""
        if self._broken is not None:
            # One error for all that is asked from now on: raised again it would keep each caller's frames.
            raise self._broken.with_traceback(None)
        self._waiting[waiting.number] = waiting
        self._unsent.append(waiting)
        self._more.set()
        try:
            return await waiting.answer
        finally:
            self._waiting.pop(waiting.number, None)

    async def _connect(self, left_s: float) -> "ClientWebSocketResponse[bool]":
        socket = await self._caller.transport.websocket(
            "/v1/stream",
            protocol=self._codec.protocol,
            heartbeat_s=self._heartbeat_s,
            timeout_s=min(left_s, self._caller.timing.attempt_timeout_s),
        )
        self.connections += 1
        return socket

    async def _run(self, socket: "ClientWebSocketResponse[bool]") -> None:
        """Serve one connection after the other, until nothing can be hoped of a further one."""
        timing = self._caller.timing
        failures = 0
        try:
            while True:
                answered = self._answered
                await self._serve(socket)
                if self._answered > answered:
                    failures = 0
                while True:
                    failures += 1
                    asked_s = 0.0 if self.trouble is None else self.trouble.retry_after_s
                    await asyncio.sleep(timing.wait_s(failures, asked_s))
                    try:
                        socket = await self._connect(timing.attempt_timeout_s)
                    except HaversackError as error:
                        if not error.transient:
                            raise
                        self.trouble = error
                    else:
                        self.trouble = None
                        break
        except HaversackError as error:
            self._break(error)
        except Exception as error:
            # Such as one of the function that gives the token.
            failure = NotReached(f"the stream failed: {error!r}", transient=False)
            failure.__cause__ = error
            self._break(failure)

    async def _serve(self, socket: "ClientWebSocketResponse[bool]") -> None:
        """Until the connection ends. Raises what would end the next one in the same way."""
        self._unsent = deque(self._waiting.values())
        self._more.set()
        self._complaint = None
        sending = asyncio.create_task(self._send(socket))
        try:
            while (message := await socket.receive()).type in (WSMsgType.BINARY, WSMsgType.TEXT):
                for number, answer in self._codec.answers(message.data):
                    self._take(number, answer)
            if message.type is WSMsgType.CLOSE and message.data in _FOR_GOOD:
                raise UnexpectedAnswer(f"the service closed the stream: {message.data}, {self._complaint}")
        finally:
            sending.cancel()
            await asyncio.wait((sending,))
            await socket.close()
            for waiting in list(self._waiting.values()):
                if waiting.sent and not waiting.repeats:
                    _fail(waiting, NoAnswer("the stream broke off"))

    async def _send(self, socket: "ClientWebSocketResponse[bool]") -> None:
        kind = WSMsgType.BINARY if self._codec.is_binary else WSMsgType.TEXT
        # What fails here, the reader meets as well.
        with suppress(aiohttp.ClientError, OSError):
            while True:
                await self._more.wait()
                self._more.clear()
                while texts := self._next_frame():
                    await socket.send_frame(self._codec.frame(texts), kind)

    def _next_frame(self) -> list[bytes]:
        """As many requests as one frame takes; they count as sent."""
        texts: list[bytes] = []
        size = FRAME_BYTES
        while self._unsent and len(texts) < REQUESTS_MAX:
            waiting = self._unsent[0]
            size += len(waiting.text) + 1
            if size > BODY_BYTES_MAX and texts:
                break
            self._unsent.popleft()
            # Its caller may have given up.
            if waiting.number in self._waiting:
                waiting.sent = True
                texts.append(waiting.text)
        return texts

    def _take(self, number: int | str | None, answer: Reply | HaversackError) -> None:
        if number is None and isinstance(answer, HaversackError):
            self._complaint = answer
        waiting = self._waiting.pop(number, None) if isinstance(number, int) else None
        # Nobody waits for the answer of what was given up.
        if waiting is None or waiting.answer.done():
            return
        self._answered += 1
        if isinstance(answer, HaversackError):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)

    def _break(self, error: HaversackError) -> None:
        """No further connection: everybody is told so, and whoever comes from now on."""
        if self._broken is None:
            self._broken = error
        for waiting in list(self._waiting.values()):
            _fail(waiting, NoAnswer("the stream ended") if waiting.sent else error)


def _fail(waiting: Waiting, error: HaversackError) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
