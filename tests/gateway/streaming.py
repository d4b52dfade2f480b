"""A client of ``/v1/stream`` in both languages."""

import json
from typing import Any

import aiohttp
import msgspec
from aiohttp import ClientWebSocketResponse, WSMsgType

JSON, MSGPACK = "haversack.json", "haversack.msgpack"


class Stream:
    """An open stream: ``send`` any value, ``answers`` until there are enough."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.language = socket.protocol

    async def send(self, value: Any) -> None:
        """A frame of the stream's own kind."""
        if self.language == JSON:
            await self.socket.send_str(json.dumps(value))
        else:
            await self.socket.send_bytes(msgspec.msgpack.encode(value))

    async def send_malformed(self) -> None:
        """A frame that breaks off."""
        if self.language == JSON:
            await self.socket.send_str('[{"id":')
        else:
            await self.socket.send_bytes(b"\x92\x81")

    async def receive(self) -> Any:
        """The next frame's value; what closes the stream is an error."""
        message = await self.socket.receive(timeout=30)
        if self.language == JSON:
            assert message.type is WSMsgType.TEXT, message
            return json.loads(message.data)
        assert message.type is WSMsgType.BINARY, message
        return msgspec.msgpack.decode(message.data)

    async def answers(self, count: int) -> list[Any]:
        """So many answers, in the order in which they came."""
        found: list[Any] = []
        while len(found) < count:
            frame = await self.receive()
            found.extend(frame if isinstance(frame, list) else [frame])
        assert len(found) == count
        return found

    async def closed(self) -> int:
        """The code that the server closes with, which is the next thing that comes."""
        message = await self.socket.receive(timeout=30)
        assert message.type is WSMsgType.CLOSE, message
        return int(message.data)


async def connect(http: aiohttp.ClientSession | Any, language: str, **options: Any) -> Stream:
    """A new stream; ``http`` is a session, or a test client."""
    return Stream(await http.ws_connect("/v1/stream", protocols=[language], max_msg_size=0, **options))
