"""Medians and spread."""

from collections.abc import Sequence
from statistics import fmean, median

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


def undisturbed(values: Sequence[float]) -> float:
    """The mean without the dearest quarter.

    What others on the machine take only ever adds to a few runs, while what belongs to the work, such
    as collecting garbage, adds to many: this has little of the one and most of the other.
    """
    return fmean(sorted(values)[: -(-len(values) * 3 // 4)])


def percentiles_ms(values_s: Sequence[float]) -> tuple[float, float, float, float]:
    """p50, p90, p99 and p99.9 of times in seconds, as milliseconds; zeros of none."""
    ordered = sorted(values_s) or [0.0]
    p50, p90, p99, p999 = (ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.9, 0.99, 0.999))
    return p50, p90, p99, p999
