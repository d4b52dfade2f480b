"""The two languages of a stream: requests into frames, frames into answers."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw, Struct

from haversack_client.bounds import BODY_BYTES_MAX
from haversack_client.errors import HaversackError, UnexpectedAnswer
from haversack_client.inventory import Reply
from haversack_client.problem_documents import ProblemDocument, problem_of
from haversack_client.requests import StreamRequest

Language = Literal["msgpack", "json"]

# An array's opening and commas, or its head.
FRAME_BYTES: Final = 8


class _Head(Struct):
    id: int | str | None
    code: str = ""


class StreamCodec:
    """Writes requests and reads answers. ``protocol`` is the WebSocket's subprotocol."""

    def __init__(self, language: Language) -> None:
        """Make the decoders, which compile their types."""
        # Of the two modules that have the same names, one.
        module: Any = msgspec.msgpack if language == "msgpack" else msgspec.json
        self.protocol = f"haversack.{language}"
        self.is_binary = language == "msgpack"
        self._encode = module.Encoder().encode
        self._parts = module.Decoder(list[Raw]).decode
        self._head = module.Decoder(_Head).decode
        self._reply = module.Decoder(Reply).decode
        self._problem = module.Decoder(ProblemDocument).decode

    def request(self, request: StreamRequest) -> bytes:
        """A request on its own; ``ValueError`` for one that no frame holds."""
        text: bytes = self._encode(request)
        if len(text) + FRAME_BYTES > BODY_BYTES_MAX:
            raise ValueError(f"the request is larger than {BODY_BYTES_MAX} bytes")
        return text

    def frame(self, requests: Sequence[bytes]) -> bytes:
        """An array of requests."""
        if not self.is_binary:
            return b"[%b]" % b",".join(requests)
        count = len(requests)
        head = bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
        return head + b"".join(requests)

    def answers(self, frame: bytes) -> Iterator[tuple[int | str | None, Reply | HaversackError]]:
        """Each answer with its request's id; ``UnexpectedAnswer`` for a frame that is none."""
        try:
            for part in self._parts(frame) if self._is_array(frame) else (frame,):
                head = self._head(part)
                if head.code:
                    yield head.id, problem_of(self._problem(part))
                else:
                    yield head.id, self._reply(part)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnexpectedAnswer(f"a frame cannot be understood: {error}") from error

    def _is_array(self, frame: bytes) -> bool:
        if not self.is_binary:
            return frame[:1] == b"["
        return bool(frame) and (frame[0] & 0xF0 == 0x90 or frame[0] in (0xDC, 0xDD))
