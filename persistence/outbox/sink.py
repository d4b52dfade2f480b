"""Where changes are delivered to, and what may become of a delivery."""

from typing import Protocol

from msgspec import Struct

from persistence.outbox.entries import Batch


class Delivered(Struct, frozen=True):
    """The receiver has it."""


class Later(Struct, frozen=True):
    """The receiver is away, or does not want anything now: not before ``after_s`` seconds, says ``problem``.

    It may have it all the same. ``too_slow``: its time was over, so less may be what it can do.
    """

    problem: str
    after_s: float = 0.0
    too_slow: bool = False


class Refused(Struct, frozen=True):
    """The receiver answers, but does not take it: something in it may be what it cannot take."""

    problem: str


Verdict = Delivered | Later | Refused


class Sink(Protocol):
    """A receiver. Deliveries of different characters may be under way at once."""

    async def deliver(self, batch: Batch) -> Verdict:
        """Hand over a batch of which every run has entries; a receiver can bring about no error."""

    async def close(self) -> None:
        """Close connections."""
