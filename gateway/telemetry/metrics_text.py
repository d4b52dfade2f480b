"""The metrics of all workers in Prometheus's text format, or in OpenMetrics'."""

import platform
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from itertools import accumulate
from time import monotonic_ns
from typing import Final

from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gateway.telemetry import measures
from gateway.telemetry.metrics_board import Board
from persistence.meters import BOUNDS_S, NS_PER_S, UNKNOWN, Kind, Meter, Meters, Spread

# What was looked up longer ago is not shown.
SURVEY_KEPT_S: Final = 60.0
# Of a metric with more series only those are shown that have counted something, and what is OK.
_ALL_SHOWN_MAX: Final = 32
_BOUND_TEXTS: Final = tuple(map(str, BOUNDS_S))

_Living = Sequence[tuple[str, Meters]]


class BoardCollector(Collector):
    """Reads a board, whichever worker is asked."""

    def __init__(self, board: Board) -> None:
        """Nothing is read before a scrape."""
        self._board = board
        self._platform = PlatformCollector(registry=None)

    def text(self, accept: str) -> tuple[bytes, str]:
        """All metrics, and their content type; ``accept`` is the scraper's header."""
        encode, content_type = choose_encoder(accept)
        return encode(self), content_type

    def collect(self) -> Iterator[Metric]:
        """All families, also those of which nothing has been counted yet."""
        board = self._board
        living = [(str(number), part) for number, part in enumerate(board.parts, 1) if board.seen(part)]
        sums = list(map(sum, zip(*(part.cells for part in board.parts), strict=True)))
        one = board.parts[0]
        for meter in board.declared.shown:
            match meter.kind:
                case Kind.COUNTER:
                    yield _counter(meter, one, sums)
                case Kind.HISTOGRAM:
                    yield _histogram(meter, one, sums)
                case Kind.GAUGE if meter.spread is Spread.NEWEST:
                    yield _newest(meter, board.parts)
                case Kind.GAUGE:
                    yield _gauge(meter, living)
        yield _answers(board, sums)
        yield from self._made()
        yield from _processes(living)
        yield from self._platform.collect()

    def _made(self) -> Iterator[Metric]:
        board = self._board
        yield GaugeMetricFamily(measures.WORKERS.name, measures.WORKERS.help, value=len(board.parts))
        up = GaugeMetricFamily(measures.WORKER_UP.name, measures.WORKER_UP.help, labels=["worker"])
        for number, part in enumerate(board.parts, 1):
            up.add_metric([str(number)], int(board.seen(part)))
        yield up
        yield InfoMetricFamily(
            measures.BUILD.name.removesuffix("_info"),
            measures.BUILD.help,
            value={
                "version": version("haversack"),
                "ruleset": board.ruleset.name,
                "ruleset_hash": board.ruleset.hash,
                "python": platform.python_version(),
            },
        )


def _counter(meter: Meter, meters: Meters, sums: Sequence[int]) -> Metric:
    family = CounterMetricFamily(meter.name, meter.help, labels=list(meter.labels))
    for values, cell in meters.series(meter):
        if sums[cell] or _is_shown_at_zero(meter, values):
            family.add_metric(values, sums[cell] * meter.unit)
    return family


def _histogram(meter: Meter, meters: Meters, sums: Sequence[int]) -> Metric:
    family = HistogramMetricFamily(meter.name, meter.help, labels=list(meter.labels))
    for values, cell in meters.series(meter):
        *buckets, total = sums[cell : cell + meter.width]
        counts = list(accumulate(buckets))
        if counts[-1] or _is_shown_at_zero(meter, values):
            family.add_metric(
                values, [*zip(_BOUND_TEXTS, counts, strict=False), ("+Inf", counts[-1])], total * meter.unit
            )
    return family


def _answers(board: Board, sums: Sequence[int]) -> Metric:
    """All that was answered, by code alone: of each there is a series from the start, for alerts to watch."""
    answers = dict.fromkeys(measures.CODES, 0)
    for meter in (board.declared.requests, measures.BATCHED):
        for values, cell in board.parts[0].series(meter):
            answers[values[-1]] += sums[cell]
    family = CounterMetricFamily(measures.ANSWERS.name, measures.ANSWERS.help, labels=["code"])
    for code, count in answers.items():
        family.add_metric([code], count)
    return family


def _is_shown_at_zero(meter: Meter, values: Sequence[str]) -> bool:
    """Whether a series is shown before it has counted anything: a rate wants something to begin from."""
    return meter.size // meter.width <= _ALL_SHOWN_MAX or values[-1] == measures.OK


def _gauge(meter: Meter, living: _Living) -> Metric:
    family = GaugeMetricFamily(meter.name, meter.help, labels=[*meter.labels, "worker"])
    for worker, part in living:
        for values, cell in part.series(meter):
            family.add_metric([*values, worker], part.cells[cell] * meter.unit)
    return family


def _newest(meter: Meter, parts: Sequence[Meters]) -> Metric:
    family = GaugeMetricFamily(meter.name, meter.help)
    newest = max(parts, key=lambda part: part.get(measures.SURVEYED_NS))
    surveyed_ns, value = newest.get(measures.SURVEYED_NS), newest.get(meter)
    if surveyed_ns and monotonic_ns() - surveyed_ns < SURVEY_KEPT_S * NS_PER_S and value != UNKNOWN:
        family.add_metric([], value * meter.unit)
    return family


def _processes(living: _Living) -> Iterable[Metric]:
    """What the library tells of a process, of each worker; any of them may read it of all."""
    families: dict[str, Metric] = {}
    for worker, part in living:
        pid = partial(part.get, measures.PID)
        for found in ProcessCollector(pid=pid, registry=None).collect():
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            for sample in found.samples:
                family.add_sample(sample.name, {**sample.labels, "worker": worker}, sample.value)
    return families.values()
