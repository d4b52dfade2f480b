"""Medians and spread."""

from collections.abc import Sequence
from statistics import median

from msgspec import Struct


class Spread(Struct, frozen=True):
    """The median of several runs, the least and the greatest of them."""

    median: float
    least: float
    most: float

    @property
    def percent(self) -> float:
        """Half of what lies between least and greatest, in percent of the median."""
        return 50 * (self.most - self.least) / self.median if self.median else 0.0


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median(values), min(values), max(values))


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Of pairs that were measured in the same round, so that a noisy minute counts on both sides."""
    return spread([a / b for a, b in zip(above, below, strict=True)])
