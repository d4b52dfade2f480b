"""Beginnings of the ids of new items: UUIDs of version 8, of which the mirror writes the last digits.

Ids that come from elsewhere are never of that version, so the two never meet.
"""

import secrets

_COUNT_MAX = 16**7


class IdPrefixes:
    """24 hex digits for a call, never the same twice: 62 random bits, and 28 that count calls.

    To draw new random bits for every call would cost more than the rest of what is done for it. They
    are drawn anew when the count has run out; no two of these may share them, so each process, and
    each service in it, makes its own.
    """

    def __init__(self) -> None:
        """Draw."""
        self._draw()

    def fresh(self) -> str:
        """The next."""
        if self._count == _COUNT_MAX:
            self._draw()
        self._count += 1
        return f"{self._drawn}{self._count - 1:07x}"

    def _draw(self) -> None:
        self._drawn = f"{secrets.token_hex(6)}8{secrets.token_hex(2)[:3]}{secrets.choice('89ab')}"
        self._count = 0
