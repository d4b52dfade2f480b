"""Requests and replies of a stream, in JSON and in msgpack."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

_CHAR_ID = slice(len(b"/v1/characters/"), len(b"/v1/characters/") + 36)

# Item, container and slot that were asked for, and whose they are.
Asked = tuple[str, str, int, str]


class _To(Struct):
    container: str
    slot: int


class _Move(Struct):
    item_id: str
    to: _To


class _Item(Struct):
    item_id: str
    place: _To


class _Changes(Struct):
    changed: list[_Item]


class Reply(Struct):
    """What is looked at of a reply, or of a problem, which has a ``code``."""

    id: int
    seq: int = 0
    changes: _Changes | None = None
    status: int = 0
    code: str = ""

    def answers(self, asked: Asked) -> bool:
        """Whether the item that was to move is shown where it was to go."""
        item_id, container, slot, _ = asked
        for item in self.changes.changed if self.changes is not None else ():
            if item.item_id == item_id:
                return item.place.slot == slot and item.place.container == container
        return False


class Wording:
    """Makes frames of requests and reads frames of replies."""

    def __init__(self, protocol: str) -> None:
        """For one of the subprotocols."""
        self._packed = protocol.endswith("msgpack")
        self._move = msgspec.json.Decoder(_Move).decode
        self._pack = msgspec.msgpack.Encoder().encode
        found = Reply | list[Reply]
        self._read = (
            msgspec.msgpack.Decoder(found).decode if self._packed else msgspec.json.Decoder(found).decode
        )

    def request(self, number: int, line: bytes) -> tuple[bytes, Asked]:
        """A request made of a line of the file, under an id, and what its reply must show."""
        body = line[line.index(b"\t") + 1 :]
        char_id, move = line[_CHAR_ID].decode(), self._move(body)
        asked = move.item_id, move.to.container, move.to.slot, char_id
        if self._packed:
            to = {"container": move.to.container, "slot": move.to.slot}
            command = {"op": "move", "item_id": move.item_id, "to": to}
            return self._pack({"id": number, "char_id": char_id, "commands": [command]}), asked
        text = b'{"id":%d,"char_id":"%s","commands":[{"op":"move",%s]}' % (number, line[_CHAR_ID], body[1:])
        return text, asked

    def frame(self, requests: Sequence[bytes]) -> bytes:
        """One frame: an array of the requests."""
        if not self._packed:
            return b"[" + b",".join(requests) + b"]"
        return b"\xdc" + len(requests).to_bytes(2, "big") + b"".join(requests)

    def replies(self, payload: bytes) -> list[Reply]:
        """The replies of a frame, which has one or an array of them."""
        found: Reply | list[Reply] = self._read(payload)
        return found if isinstance(found, list) else [found]
