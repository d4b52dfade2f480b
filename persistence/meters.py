"""What a process counts: integers in one block of memory, at places that are known from the start.

To count is to add to one of them. That costs a tenth of what a labelled counter of a metrics library costs,
and needs no lock, because a process counts in one thread. The block may be a part of memory that
several processes share: then whoever is asked for the metrics reads all parts, and what a process that
died had counted is still there.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    Cells = memoryview[int]
else:
    # Python has it so from 3.14 on.
    Cells = memoryview

NS_PER_S: Final = 1_000_000_000
# What a gauge holds whose value is not known; it is left out of what is shown.
UNKNOWN: Final = -1

# From what a cached read takes to where every caller has given up, two or three steps a decade.
BOUNDS_S: Final = (
    0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip
BOUNDS_NS: Final = tuple(round(bound * NS_PER_S) for bound in BOUNDS_S)
# Of a histogram's cells: one for each bound, one beyond the last, and then the sum.
_SUM: Final = len(BOUNDS_NS) + 1
# Times between clocks that are decades apart add up to more than a cell holds. Then a sum begins anew, as at
# a restart, since nothing that is counted may fail over it.
_CELL_MAX: Final = 2**63 - 1


class Kind(StrEnum):
    """What becomes of a number: it only grows, it goes up and down, or it is spread over buckets."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Spread(StrEnum):
    """How the numbers of several processes make one: their sum, each by itself, or the newest of all."""

    SUM = "sum"
    EACH = "each"
    NEWEST = "newest"


class Meter(Struct, frozen=True, kw_only=True):
    """One metric: its name, without the endings that its kind adds, and what it means.

    ``labels`` has for each label all values that it may have, because every series has its place from
    the start. ``unit`` is what one is in the unit that the name says: ``1e-9`` for seconds that are counted
    in nanoseconds, which all histograms are.
    """

    name: str
    help: str
    kind: Kind = Kind.COUNTER
    labels: Mapping[str, tuple[str, ...]] = {}
    unit: float = 1.0
    spread: Spread = Spread.SUM

    @property
    def width(self) -> int:
        """Cells of one series; a histogram has its buckets, one beyond the last bound, and the sum."""
        return len(BOUNDS_NS) + 2 if self.kind is Kind.HISTOGRAM else 1

    @property
    def size(self) -> int:
        """Cells of all series."""
        return self.width * prod(map(len, self.labels.values()))

    def series(self) -> Iterator[tuple[str, ...]]:
        """The labels' values of each series, in the order of their places."""
        return product(*self.labels.values())

    def place(self, values: tuple[str, ...]) -> int:
        """The first cell of a series, from the first of them all; ``ValueError`` for values not declared."""
        place = 0
        for known, value in zip(self.labels.values(), values, strict=True):
            place = place * len(known) + known.index(value)
        return place * self.width


def counter(name: str, help_: str, **labels: tuple[str, ...]) -> Meter:
    """A counter; the metric's name gets the ending ``_total``."""
    return Meter(name=name, help=help_, labels=labels)


def histogram(name: str, help_: str, **labels: tuple[str, ...]) -> Meter:
    """A histogram of times; ``name`` ends in ``_seconds``."""
    return Meter(name=name, help=help_, kind=Kind.HISTOGRAM, labels=labels, unit=1 / NS_PER_S)


def gauge(
    name: str, help_: str, *, unit: float = 1.0, spread: Spread = Spread.EACH, **labels: tuple[str, ...]
) -> Meter:
    """A gauge, of each process by itself unless ``spread`` says otherwise."""
    return Meter(name=name, help=help_, kind=Kind.GAUGE, labels=labels, unit=unit, spread=spread)


class Counter:
    """One series of a counter."""

    __slots__ = ("_at", "_cells")

    def __init__(self, cells: Cells, at: int) -> None:
        """Made by ``Meters.counter``."""
        self._cells = cells
        self._at = at

    def add(self, count: int = 1) -> None:
        """Count."""
        self._cells[self._at] += count


class Histogram:
    """One series of a histogram."""

    __slots__ = ("_at", "_cells")

    def __init__(self, cells: Cells, at: int) -> None:
        """Made by ``Meters.histogram``."""
        self._cells = cells
        self._at = at

    def observe(self, ns: int) -> None:
        """Count a time, in nanoseconds; one below nothing, as clocks that were set give it, is nothing."""
        cells, at = self._cells, self._at
        if ns < 0:
            ns = 0
        cells[at + bisect_left(BOUNDS_NS, ns)] += 1
        cells[at + _SUM] = (cells[at + _SUM] + ns) & _CELL_MAX


class Meters:
    """The numbers of one process, and what is to be looked at for those that go up and down."""

    def __init__(self, declared: Iterable[Meter], cells: Cells | None = None) -> None:
        """``cells``: ``size_of(declared)`` of them, which may have numbers already; fresh ones without."""
        self.declared = tuple(declared)
        self._begins: dict[str, int] = {}
        size = 0
        for meter in self.declared:
            assert meter.name not in self._begins, meter.name
            self._begins[meter.name] = size
            size += meter.size
        self.cells: Cells = memoryview(bytearray(8 * size)).cast("q") if cells is None else cells
        self._looks: list[tuple[int, Callable[[], int]]] = []
        self._tallies: list[tuple[Counter, Callable[[], int], list[int]]] = []

    @staticmethod
    def size_of(declared: Iterable[Meter]) -> int:
        """How many cells they need."""
        return sum(meter.size for meter in declared)

    def at(self, meter: Meter, *values: str) -> int:
        """The first cell of a series; ``KeyError`` for a meter that is not among the declared ones."""
        return self._begins[meter.name] + meter.place(values)

    def series(self, meter: Meter) -> Iterator[tuple[tuple[str, ...], int]]:
        """The labels' values of each series, and its first cell."""
        begin = self._begins[meter.name]
        return zip(meter.series(), range(begin, begin + meter.size, meter.width), strict=True)

    def counter(self, meter: Meter, *values: str) -> Counter:
        """The series with these values of its labels."""
        assert meter.kind is Kind.COUNTER, meter.name
        return Counter(self.cells, self.at(meter, *values))

    def histogram(self, meter: Meter, *values: str) -> Histogram:
        """The series with these values of its labels."""
        assert meter.kind is Kind.HISTOGRAM, meter.name
        return Histogram(self.cells, self.at(meter, *values))

    def set(self, meter: Meter, value: int, *values: str) -> None:
        """Say what a gauge shows."""
        assert meter.kind is Kind.GAUGE, meter.name
        self.cells[self.at(meter, *values)] = value

    def get(self, meter: Meter, *values: str) -> int:
        """What a counter has come to, or what a gauge shows."""
        return self.cells[self.at(meter, *values)]

    def watch(self, meter: Meter, look: Callable[[], int], *values: str) -> None:
        """Have a gauge show what ``look`` answers each time that ``look_around`` is called."""
        assert meter.kind is Kind.GAUGE, meter.name
        self._looks.append((self.at(meter, *values), look))

    def tally(self, meter: Meter, look: Callable[[], int], *values: str) -> None:
        """Have a counter grow by as much as what ``look`` answers, which begins at 0 and only grows."""
        self._tallies.append((self.counter(meter, *values), look, [0]))

    def look_around(self) -> None:
        """Bring up to date what is watched, and what is counted elsewhere."""
        for at, look in self._looks:
            self.cells[at] = look()
        for counting, look, before in self._tallies:
            now = look()
            counting.add(now - before[0])
            before[0] = now
