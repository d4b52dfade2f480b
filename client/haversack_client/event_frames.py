"""Server-sent events (WHATWG HTML, 9.2.6), out of bytes as they come."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from haversack_client.errors import UnexpectedAnswer

# Many times what the largest change takes.
_LINE_BYTES_MAX: Final = 16 << 20


class Frame(Struct):
    """One event as it was sent; ``id`` is None where it has none."""

    name: str
    id: str | None
    data: str


class FrameReader:
    """Takes bytes, gives whole events. ``retry_s``: how long to wait before coming back, if that was said."""

    def __init__(self) -> None:
        """Before the first byte."""
        self.retry_s: float | None = None
        self._rest = b""
        self._begin()

    def take(self, data: bytes) -> Iterator[Frame]:
        """The events that are whole now; ``UnexpectedAnswer`` for what is no text, or has no end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_BYTES_MAX:
            raise UnexpectedAnswer("an event without an end")
        try:
            for line in lines:
                text = line.removesuffix(b"\r").decode()
                if text:
                    self._field(text)
                elif (frame := self._end()) is not None:
                    yield frame
        except UnicodeDecodeError as error:
            raise UnexpectedAnswer(f"events are not UTF-8: {error}") from error

    def _begin(self) -> None:
        self._name = "message"
        self._id: str | None = None
        self._data: list[str] = []

    def _field(self, line: str) -> None:
        # A line that begins with a colon is a comment, and has no name here.
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id":
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry_s = int(value) / 1000

    def _end(self) -> Frame | None:
        frame = Frame(self._name, self._id, "\n".join(self._data)) if self._data else None
        self._begin()
        return frame
