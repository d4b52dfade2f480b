"""What flushes tell of themselves: a line of numbers a batch, whatever it holds."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter_ns, time

from persistence import measures
from persistence.errors import FlushRejected, OutcomeUnknown, PersistenceError
from persistence.meters import NS_PER_S, Meters
from persistence.records import FlushResult, FlushWork

Written = Callable[[Mapping[str, FlushResult]], None]


class FlushMeters:
    """Counts batches, and what was in those that were written."""

    def __init__(self, meters: Meters) -> None:
        """Count in ``meters``."""
        self._batches = {
            outcome: meters.counter(measures.FLUSH_BATCHES, outcome) for outcome in measures.FLUSH_OUTCOMES
        }
        self._sessions = meters.counter(measures.FLUSH_SESSIONS)
        self._entries = meters.counter(measures.FLUSH_ENTRIES)
        self._seconds = meters.histogram(measures.FLUSH_SECONDS)
        self._lag = meters.histogram(measures.FLUSH_LAG)
        self.quarantines = meters.counter(measures.QUARANTINES)

    @contextmanager
    def batch(self, works: Mapping[str, FlushWork]) -> Iterator[Written]:
        """For the length of a batch's statement; what it gives is to be called with the results."""
        begun = perf_counter_ns()
        try:
            yield lambda results: self._written(works, results, perf_counter_ns() - begun)
        except FlushRejected:
            self._batches["refused"].add()
            raise
        except OutcomeUnknown:
            self._batches["unknown"].add()
            raise
        except PersistenceError:
            self._batches["unavailable"].add()
            raise

    def _written(self, works: Mapping[str, FlushWork], results: Mapping[str, FlushResult], ns: int) -> None:
        self._batches["written"].add()
        self._seconds.observe(ns)
        written = [works[char_id] for char_id, result in results.items() if result.status == "flushed"]
        self._sessions.add(len(written))
        self._entries.add(sum(len(work.entries) for work in written))
        oldest_ms = min((work.entries[0].at for work in written if work.entries), default=None)
        if oldest_ms is not None:
            self._lag.observe(round(time() * NS_PER_S) - oldest_ms * 1_000_000)
