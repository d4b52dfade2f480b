"""The two languages of a stream: JSON and MessagePack, the same requests and answers in both."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import WSMsgType
from msgspec import Raw, Struct

from gateway.http.addressed import REQUESTS_MAX, StreamId, StreamRequest
from gateway.http.problems import Problem, invalid
from gateway.http.requests import decoded
from gateway.http.responses import encode

_pack = msgspec.msgpack.Encoder().encode
_parse = msgspec.json.Decoder().decode


class Malformed(Exception):
    """A frame that is not of its language at all; ``problem`` says why."""

    def __init__(self, error: Exception) -> None:
        """``error`` is the decoder's."""
        super().__init__(str(error))
        self.problem = invalid("$", _words(error))


class Misread(NamedTuple):
    """A request that cannot be understood; ``id`` is None where not even that can be."""

    id: int | str | None
    problem: Problem


class _OnlyId(Struct):
    id: StreamId


class Codec:
    """Reads frames and writes answers. ``name`` is the subprotocol."""

    name: str
    # The kinds of messages that are read, and the kind that is written.
    reads: tuple[WSMsgType, ...]
    writes: WSMsgType

    def __init__(self, language: Any) -> None:  # noqa: ANN401 - one of msgspec's modules
        """Make the decoders, which compile their types."""
        self._frame = language.Decoder(StreamRequest | list[StreamRequest])
        self._one = language.Decoder(StreamRequest)
        self._id = language.Decoder(_OnlyId)
        self._whole = language.Decoder(Raw)
        self._parts = language.Decoder(list[Raw])

    def read(self, frame: bytes) -> tuple[Sequence[StreamRequest | Misread], bool]:
        """The requests in a frame, and whether they came as an array. Raises ``Malformed``."""
        try:
            requests = self._frame.decode(frame)
        except msgspec.ValidationError:
            return self._read_singly(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(error) from None
        if requests.__class__ is not list:
            return (requests,), False
        if not 1 <= len(requests) <= REQUESTS_MAX:
            return (_miscounted(requests),), True
        return requests, True

    def answer(self, request_id: int | str | None, body: bytes) -> bytes:
        """An answer: the members of ``body``, a JSON object, and the request's id."""
        raise NotImplementedError

    def array(self, answers: Sequence[bytes]) -> bytes:
        """Several answers in one."""
        raise NotImplementedError

    def _read_singly(self, frame: bytes) -> tuple[Sequence[StreamRequest | Misread], bool]:
        """What is wrong with one request is not the others' business."""
        try:
            self._check(frame)
            self._whole.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(error) from None
        try:
            parts = self._parts.decode(frame)
        except msgspec.ValidationError:
            return (self._read_one(frame, ""),), False
        if not 1 <= len(parts) <= REQUESTS_MAX:
            return (_miscounted(parts),), True
        return [self._read_one(part, f"[{index}].") for index, part in enumerate(parts)], True

    def _read_one(self, part: bytes | Raw, within: str) -> StreamRequest | Misread:
        """One request; the path to what is wrong begins with ``within`` where no id says which it is."""
        request_id: int | str | None
        try:
            request_id = self._id.decode(part).id
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            request_id = None
        try:
            request: StreamRequest = decoded(self._one, part, within if request_id is None else "")
        except Problem as problem:
            return Misread(request_id, problem)
        return request

    def _check(self, frame: bytes) -> None:
        """Raise ``UnicodeDecodeError`` where a frame must be text."""


class JsonCodec(Codec):
    """``haversack.json``: text frames; binary ones with the same content are read too."""

    name = "haversack.json"
    reads = (WSMsgType.TEXT, WSMsgType.BINARY)
    writes = WSMsgType.TEXT

    def __init__(self) -> None:
        """Speak JSON."""
        super().__init__(msgspec.json)

    def answer(self, request_id: int | str | None, body: bytes) -> bytes:
        """As JSON; ``body`` is not read."""
        if request_id.__class__ is int:
            return b'{"id":%d,%b' % (request_id, body[1:])
        return b'{"id":%b,%b' % (encode(request_id), body[1:])

    def array(self, answers: Sequence[bytes]) -> bytes:
        """As a JSON array."""
        return b"[%b]" % b",".join(answers)

    def _check(self, frame: bytes) -> None:
        frame.decode()


class MsgpackCodec(Codec):
    """``haversack.msgpack``: binary frames."""

    name = "haversack.msgpack"
    reads = (WSMsgType.BINARY,)
    writes = WSMsgType.BINARY

    def __init__(self) -> None:
        """Speak MessagePack."""
        super().__init__(msgspec.msgpack)

    def answer(self, request_id: int | str | None, body: bytes) -> bytes:
        """As a map; names, numbers and texts are those of the JSON."""
        members = _parse(body)
        members["id"] = request_id
        return _pack(members)

    def array(self, answers: Sequence[bytes]) -> bytes:
        """As an array, which is a head with the count and then the elements."""
        count = len(answers)
        head = bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
        return head + b"".join(answers)


CODECS: Final = {codec.name: codec for codec in (JsonCodec(), MsgpackCodec())}


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "the frame is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _miscounted(requests: Sequence[object]) -> Misread:
    return Misread(None, invalid("$", f"expected 1 to {REQUESTS_MAX} requests, got {len(requests)}"))
