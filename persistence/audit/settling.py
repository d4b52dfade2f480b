"""What may be of two moments counts when it is seen twice."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from persistence.audit import findings
from persistence.audit.findings import Note, Violation

# How long is waited between readings of one character: longer and longer, so that it may come to rest.
PAUSES_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0)


class Seen(Struct, frozen=True):
    """What one reading of a character came to.

    ``suspicions``: what may be wrong. ``overtaken``: PostgreSQL, at ``stored_seq``, was ahead of the
    session, which stood at ``stands`` (gen, epoch, incarnation, seq); it could be played if ``playable``.
    """

    char_id: str
    suspicions: list[Violation]
    overtaken: bool = False
    stands: tuple[str, int, int, int] | None = None
    stored_seq: int = 0
    playable: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing more to ask."""
        return not (self.overtaken or self.suspicions)


class Settling:
    """Characters that have to be read again, and what was suspected of them."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        """Those of the first readings that are not settled."""
        self._before = {one.char_id: one for one in seen if not one.is_settled}
        self._told: set[tuple[str, int]] = set()

    @property
    def char_ids(self) -> list[str]:
        """Who is to be read again, in the order of their ids."""
        return sorted(self._before)

    def again(self, readings: Iterable[Seen]) -> Iterator[Violation | Note]:
        """Read again, all of them: what is certain by now. Those that are not among them have gone."""
        before, self._before = self._before, {}
        for seen in readings:
            yield from self._once_more(before[seen.char_id], seen)

    def end(self) -> Iterator[Note]:
        """Those that have not come to rest."""
        for char_id in self.char_ids:
            yield Note(
                "not settled", char_id, "it was changed each time it was read: audit again when it rests"
            )

    def _once_more(self, before: Seen, seen: Seen) -> Iterator[Violation | Note]:
        known = {violation.invariant for violation in before.suspicions}
        certain = [violation for violation in seen.suspicions if violation.invariant in known]
        yield from (v for v in certain if (v.char_id, v.invariant) not in self._told)
        self._told |= {(v.char_id, v.invariant) for v in certain}
        if seen.overtaken and before.overtaken and seen.stands == before.stands:
            # It has not moved, so nothing was flushed from it in between: it is behind for good.
            yield _behind(seen)
        elif seen.overtaken or len(certain) < len(seen.suspicions):
            self._before[seen.char_id] = seen


def _behind(seen: Seen) -> Violation | Note:
    assert seen.stands is not None
    text = f"its session is at {seen.stands[-1]}, and PostgreSQL is ahead of it, at {seen.stored_seq}"
    if seen.playable:
        return Violation(findings.REPLAY, seen.char_id, text)
    return Note("behind", seen.char_id, f"{text}; its next load replaces it")
