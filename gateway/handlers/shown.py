"""Inventories as they were shown last: who looks again at what has not changed costs no second reading.

A tag names one content, so whether what was shown is still true takes the session's head alone.
"""

from collections import OrderedDict
from typing import Final

from msgspec import Struct

from persistence.meters import counter
from persistence.sessions.session_state import Probe

READINGS: Final = counter(
    "haversack_shown_inventories",
    "Readings of whole inventories: hit where the body that was shown last still counted, miss where it was"
    " made anew.",
    result=("hit", "miss"),
)
# Some thousand inventories of usual size.
BYTES_MAX: Final = 32 << 20


class Shown(Struct, frozen=True):
    """A body in two parts, between which PostgreSQL's seq stands: that moves without the tag."""

    tag: str
    catalog: int
    before: bytes
    after: bytes

    def body(self, durable_seq: int) -> bytes:
        """The whole body."""
        return b"%s%d%s" % (self.before, durable_seq, self.after)

    @property
    def size(self) -> int:
        """About as many bytes as it takes."""
        return len(self.before) + len(self.after) + 500


class ShownInventories:
    """Those shown most recently, by character."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        """Keep up to ``bytes_max``."""
        self._bytes_max = bytes_max
        self._kept: OrderedDict[str, Shown] = OrderedDict()
        self._bytes = 0

    def has(self, char_id: str) -> bool:
        """Whether there is anything to be held against the session's head."""
        return char_id in self._kept

    def still_true(self, char_id: str, standing: Probe) -> Shown | None:
        """What was shown, if a session that stands there would be shown the same way."""
        shown = self._kept.get(char_id)
        if shown is None or (shown.tag, shown.catalog) != (standing.tag, standing.catalog):
            return None
        self._kept.move_to_end(char_id)
        return shown

    def keep(self, char_id: str, *, tag: str, catalog: int, body: bytes, durable_seq: int) -> None:
        """Remember a body; those that nobody has looked at for longest give way."""
        number = b"%d" % durable_seq
        before, name, after = body.partition(b'"durable_seq":')
        assert name and after.startswith(number), "a body says how far it is durable"
        self._forget(char_id)
        shown = Shown(tag, catalog, before + name, after[len(number) :])
        self._kept[char_id] = shown
        self._bytes += shown.size
        while self._bytes > self._bytes_max:
            self._forget(next(iter(self._kept)))

    def _forget(self, char_id: str) -> None:
        if (shown := self._kept.pop(char_id, None)) is not None:
            self._bytes -= shown.size
