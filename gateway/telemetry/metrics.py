"""What one worker counts of the requests that it answers.

Prometheus's client has counters of its own; one with two labels and a histogram cost a request more than
4 µs, and this costs less than one. That client makes the text that is scraped.
"""

import asyncio
import os
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic_ns, perf_counter_ns
from typing import Final

from aiohttp import web

from gateway.http.addressed import Job
from gateway.http.problems import Problem, ProblemResponse
from gateway.http.responses import JsonReply
from gateway.telemetry import measures
from gateway.telemetry.measures import CODE_PLACES, COMMANDS, LASTING, command_name
from gateway.telemetry.metrics_board import Board
from persistence.meters import BOUNDS_NS, NS_PER_S

# How often a worker says that it lives, and looks at what goes up and down.
BEAT_S: Final = 0.5

Count = Callable[[web.StreamResponse | None, int], None]
CountBatched = Callable[[Job, bytes | Problem], None]

_OK: Final = CODE_PLACES[measures.OK]
_NOT_MODIFIED: Final = CODE_PLACES[measures.NOT_MODIFIED]
_ABANDONED: Final = CODE_PLACES[measures.ABANDONED]
_SUM: Final = len(BOUNDS_NS) + 1


class Metrics:
    """A worker's part of the board."""

    def __init__(self, board: Board, number: int = 1) -> None:
        """``number`` is the worker's, from 1; what a worker before had counted there stays."""
        self.board = board
        self.meters = meters = board.parts[number - 1]
        if meters.get(measures.PID):
            meters.counter(measures.REPLACEMENTS).add()
        meters.set(measures.PID, os.getpid())
        self._lag = meters.histogram(measures.LOOP_LAG)
        self.beat()

    def beat(self) -> None:
        """Say that this worker lives, and bring what goes up and down up to date."""
        self.meters.set(measures.SEEN_NS, monotonic_ns())
        self.meters.look_around()

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat for the length of a block."""
        task = asyncio.create_task(self._beat(), name="metrics")
        try:
            yield
        finally:
            task.cancel()

    async def _beat(self) -> None:
        time = asyncio.get_running_loop().time
        while True:
            self.beat()
            due = time() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self._lag.observe(int((time() - due) * NS_PER_S))

    def of_operation(self, name: str) -> Count:
        """What counts an operation's requests; to be called with the response and when it was begun.

        When: as ``perf_counter_ns`` had it. Without a response, the caller had gone.
        """
        cells, declared = self.meters.cells, self.board.declared
        codes_at = self.meters.at(declared.requests, name, measures.OK)
        ok_at = codes_at + _OK
        if name in LASTING:

            def count_end(response: web.StreamResponse | None, begun: int) -> None:
                cells[codes_at + _code_of(response)] += 1

            return count_end
        buckets_at = self.meters.at(declared.request_seconds, name)
        sum_at = buckets_at + _SUM

        def count(response: web.StreamResponse | None, begun: int) -> None:
            ns = perf_counter_ns() - begun
            if response.__class__ is JsonReply:
                cells[ok_at] += 1
            else:
                cells[codes_at + _code_of(response)] += 1
            cells[buckets_at + bisect_left(BOUNDS_NS, ns)] += 1
            cells[sum_at] += ns

        return count

    def of_batched(self, via: str) -> CountBatched:
        """What counts requests that came in bulk or over streams; ``via`` says which of the two."""
        cells = self.meters.cells
        codes_at = {
            command: self.meters.at(measures.BATCHED, via, command, measures.OK) for command in COMMANDS
        }
        observe = self.meters.histogram(measures.BATCHED_SECONDS, via).observe

        def count(job: Job, answer: bytes | Problem) -> None:
            place = CODE_PLACES[answer.code] if isinstance(answer, Problem) else _OK
            cells[codes_at[command_name(job.commands)] + place] += 1
            observe(perf_counter_ns() - job.since)

        return count


def _code_of(response: web.StreamResponse | None) -> int:
    """The place among ``CODES`` of what a request was answered."""
    if response is None:
        return _ABANDONED
    if isinstance(response, ProblemResponse):
        return CODE_PLACES[response.code]
    return _NOT_MODIFIED if response.status == 304 else _OK
