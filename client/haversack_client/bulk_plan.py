"""Which request goes into which body of ``POST /v1/execute``, and which body waits for which."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from haversack_client.bounds import BODY_BYTES_MAX, REQUESTS_MAX

# Half of a window: another body's, or single calls, may be under way beside it.
OF_ONE_CHARACTER_MAX: Final = 16
_FRAME: Final = len(b'{"requests":[]}')
# A body with less room than this left is not looked at again.
_NEARLY_FULL_BYTES: Final = 4 * 1024


class Part(NamedTuple):
    """A request by its place in the caller's order, encoded."""

    place: int
    char_id: str
    text: bytes


class Body:
    """What goes into one request; ``after``: the bodies that have to be answered before it is sent."""

    def __init__(self) -> None:
        """Empty."""
        self.parts: list[Part] = []
        self.counts: Counter[str] = Counter()
        self.after: set[int] = set()
        self.size = _FRAME

    def takes(self, part: Part) -> bool:
        """Whether there is room for it."""
        return (
            len(self.parts) < REQUESTS_MAX
            and self.counts[part.char_id] < OF_ONE_CHARACTER_MAX
            and self.size + len(part.text) + 1 <= BODY_BYTES_MAX
        )

    def put(self, part: Part) -> None:
        """Add it at the end."""
        self.parts.append(part)
        self.counts[part.char_id] += 1
        self.size += len(part.text) + 1

    @property
    def nearly_full(self) -> bool:
        """Whether it is not worth looking for room here."""
        return len(self.parts) >= REQUESTS_MAX or self.size > BODY_BYTES_MAX - _NEARLY_FULL_BYTES


def bodies_of(parts: Sequence[Part]) -> list[Body]:
    """The parts in as few bodies as may be, those of one character in their order.

    ``ValueError`` for a part that is larger than a body may be.
    """
    bodies: list[Body] = []
    last: dict[str, int] = {}
    begin = 0
    for part in parts:
        if _FRAME + len(part.text) + 1 > BODY_BYTES_MAX:
            raise ValueError(f"request {part.place} is larger than {BODY_BYTES_MAX} bytes")
        before = last.get(part.char_id)
        at = begin if before is None else max(begin, before)
        while at < len(bodies) and not bodies[at].takes(part):
            at += 1
        if at == len(bodies):
            bodies.append(Body())
        bodies[at].put(part)
        if before is not None and before != at:
            bodies[at].after.add(before)
        last[part.char_id] = at
        while begin < len(bodies) and bodies[begin].nearly_full:
            begin += 1
    return bodies
