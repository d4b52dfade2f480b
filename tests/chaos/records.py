"""What clients were told, and what was done to the servers meanwhile; times are Unix seconds."""

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

UNKNOWN = "OUTCOME_UNKNOWN"
# The line to the gateway broke or was silent for too long: the call may have been done.
NO_ANSWER = "no answer"
# The connection was never made, so the call was not.
NO_CONNECTION = "no connection"


@dataclass(frozen=True)
class Attempt:
    """One request that changes something, and its answer; ``code`` is "" for a reply."""

    request_id: str
    char_id: str
    op_id: str
    durable: bool
    sent: float
    ended: float
    status: int = 0
    code: str = ""
    reply: Any = None

    @property
    def applied(self) -> bool:
        """Acknowledged as done by this very request."""
        return self.status == 200 and not self.reply["replayed"]

    @property
    def refused(self) -> bool:
        """It was said that nothing was done."""
        return self.status != 200 and self.code not in (UNKNOWN, NO_ANSWER, "INTERNAL")


@dataclass(frozen=True)
class Destruction:
    """Redis lost all it had. ``oldest``: when the oldest change was made that PostgreSQL did not have."""

    began: float
    ended: float
    oldest: float


@dataclass
class Records:
    """Of one phase, which ids of requests and operations begin with."""

    phase: str
    attempts: list[Attempt] = field(default_factory=list)
    # (character, tag) → digests of what was read under it.
    readings: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    destructions: list[Destruction] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    # Answers that no fault excuses, to whatever request.
    unexpected: list[str] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def add(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self.answers[f"{attempt.status} {attempt.code}".strip() if attempt.status else attempt.code] += 1

    def read(self, char_id: str, tag: str, digest: int) -> None:
        self.readings.setdefault((char_id, tag), set()).add(digest)
