"""Rates: how many requests a token or a character may make, counted in token buckets.

Each process counts for itself: a bucket that processes shared would cost a call to Redis for every
request, which is what a request costs.
"""

import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple

PER_S_MAX: Final = 1_000_000
OFF: Final = "off"
# Keys that a limiter remembers, twice over. A key is 36 characters and a float.
KEYS_MAX: Final = 50_000

_RATE = re.compile(r"([0-9]{1,7})/s(?: burst ([0-9]{1,7}))?")


class Rate(NamedTuple):
    """Requests per second, and how many may come at once after a silence."""

    per_s: int
    burst: int

    def __str__(self) -> str:
        return f"{self.per_s}/s burst {self.burst}"


def rate_of(text: str) -> Rate | None:
    """``N/s``, ``N/s burst M`` or ``off``; without a burst it is a second's worth. Raises ``ValueError``."""
    if text == OFF:
        return None
    found = _RATE.fullmatch(text)
    per_s = int(found[1]) if found else 0
    burst = int(found[2]) if found and found[2] else per_s
    if not 1 <= per_s <= PER_S_MAX or not 1 <= burst <= PER_S_MAX:
        raise ValueError(
            f"expected off, or a rate such as 50/s or 50/s burst 200, with numbers from 1 to {PER_S_MAX}"
        )
    return Rate(per_s, burst)


class RateLimiter:
    """A token bucket for each key, all of one rate.

    A bucket is one number, the time at which it will be full again: as much as that is ahead, so many
    requests are missing from it. A key that nobody remembers has a full bucket, so those that have been
    left alone longest may be forgotten, and memory is bounded whatever keys come.
    """

    def __init__(
        self, rate: Rate, *, clock: Callable[[], float] | None = None, keys_max: int = KEYS_MAX
    ) -> None:
        """``clock`` tells seconds, as this machine does; at most twice ``keys_max`` keys are remembered."""
        self.rate = rate
        self._clock = clock or time.monotonic
        self._keys_max = keys_max
        self._refill_s = 1 / rate.per_s
        self._room_s = (rate.burst - 1) * self._refill_s
        self._full_at: dict[str, float] = {}
        self._older: dict[str, float] = {}

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._full_at) + len(self._older)

    def take(self, key: str) -> float:
        """Take one from the key's bucket: 0.0; or take nothing, and say in how many seconds there is one."""
        now = self._clock()
        full_at = self._full_at.get(key)
        if full_at is None:
            full_at = self._older.pop(key, now)
            if len(self._full_at) >= self._keys_max:
                self._older, self._full_at = self._full_at, {}
        ahead = max(full_at - now, 0.0)
        if ahead > self._room_s:
            self._full_at[key] = full_at
            return ahead - self._room_s
        self._full_at[key] = now + ahead + self._refill_s
        return 0.0

    def charge(self, key: str, count: int) -> None:
        """Take ``count`` from the bucket of a key that ``take`` has let in.

        There need not be as many: then it is that much longer until there is one again.
        """
        full_at = self._full_at.get(key) or self._older.get(key, 0.0)
        self._full_at[key] = max(full_at, self._clock()) + count * self._refill_s
