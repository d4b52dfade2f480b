"""The rounds: every side in turn, several times over, each run checked."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from benchmarks import load, seqs
from benchmarks.children import Child
from benchmarks.load import Generator, Measured, stream
from benchmarks.load.stream import Job, Streamed
from benchmarks.options import Options
from benchmarks.seqs import Seqs
from benchmarks.sides import FLUSHING, STREAM_CONNECTIONS, TOKEN, WITH_SESSIONS, ServerName, Side
from benchmarks.stage import Stage

WARM_UP_S = 1
Say = Callable[[str], None]


class Wrong(Exception):
    """A server answered wrongly; figures of such a run mean nothing."""


class Sample(Struct, frozen=True):
    """One run of one side. CPU in microseconds a request, of the server's own processes alone.

    ``settle_s``: how long after the load's end all of it was in PostgreSQL, None where it never gets there
    or always is.
    """

    measured: Measured
    cpu_us: float | None
    settle_s: float | None = None


class Rounds:
    """Runs sides, and remembers how far each server has got in each file."""

    def __init__(
        self,
        options: Options,
        stage: Stage,
        children: Mapping[ServerName, Child],
        generator: Generator,
        say: Say,
    ) -> None:
        """``children`` must serve, and their sessions be loaded."""
        self._options = options
        self._stage = stage
        self._children = children
        self._generator = generator
        self._say = say
        self._positions: dict[tuple[ServerName, str], int] = {}
        self._streams: dict[tuple[ServerName, str], tuple[int, ...]] = {}

    def run(self, sides: Sequence[Side]) -> dict[str, list[Sample]]:
        """Samples by side; those of the same index are of the same round."""
        warm = set()
        for side in sides:
            if side.server not in warm or not self._options.quick:
                self.sample(side, WARM_UP_S)
            warm.add(side.server)
        samples: dict[str, list[Sample]] = {side.name: [] for side in sides}
        for number in range(self._options.rounds):
            for side in sides:
                sample = self.sample(side, self._options.seconds)
                samples[side.name].append(sample)
                self._say(
                    f"round {number + 1}/{self._options.rounds}  {side.label:38}"
                    f" {sample.measured.per_second:10,.0f}/s"
                )
        return samples

    def sample(self, side: Side, seconds: int) -> Sample:
        """One run; raises ``Wrong`` if a reply was not as it should be, or says what was not done."""
        child = self._children[side.server]
        child.check()
        before = self._seqs(side)
        cpu_before = child.cpu_s()
        if side.protocol is not None:
            measured = self.streamed(side, self.job(side, seconds)).measured
        else:
            measured = self._over_http(side, child, seconds)
        cpu_after = child.cpu_s()
        child.check()
        settle_s = self._settle(side)
        self._compare(side, measured, before, self._seqs(side))
        cpu_us = None if cpu_before is None or cpu_after is None else (cpu_after - cpu_before) * 1e6
        # What was under way at the end was worked for as well.
        done = measured.sent if side.protocol is not None else measured.requests
        return Sample(measured, None if cpu_us is None else cpu_us / done, settle_s)

    def job(self, side: Side, seconds: float) -> Job:
        """What a stream's generator is to do next for a side."""
        starts = self._streams.get((side.server, side.file), (0,) * STREAM_CONNECTIONS)
        url, file = self._children[side.server].url, self._stage.files[side.file]
        return stream.job(
            url, TOKEN, file, seconds=seconds, starts=starts, protocol=side.protocol or stream.JSON
        )

    def streamed(self, side: Side, job: Job) -> Streamed:
        """Play a job of the side; raises ``Wrong``."""
        found = stream.run(job)
        self._streams[side.server, side.file] = found.ends
        if found.measured.failed:
            words = self._children[side.server].last_words()
            raise Wrong(f"{side.label}: {found.measured.errors}, first {found.first_error}\n{words}")
        return found

    def _over_http(self, side: Side, child: Child, seconds: int) -> Measured:
        key = side.server, side.file
        todo, position = side.load(self._stage, self._options.connections), self._positions.get(key, 0)
        measured = load.run(self._generator, child.url, todo, start=position, seconds=seconds)
        self._positions[key] = position + measured.sent // todo.each
        if measured.failed:
            sample = load.first_reply(child.url, todo)
            raise Wrong(
                f"{side.label}: not all replies were 200: {measured.errors}\n"
                f"the first request now gets {sample}\n{child.last_words()}"
            )
        return measured

    def _settle(self, side: Side) -> float | None:
        if side.server not in FLUSHING or side.unit != "move":
            return None
        return asyncio.run(seqs.settled(self._children[side.server].url))[1]

    def _seqs(self, side: Side) -> Seqs | None:
        if side.unit != "move":
            return None
        if side.server in WITH_SESSIONS:
            return asyncio.run(seqs.over_http(self._children[side.server].url))
        if side.server in ("crud", "function"):
            return asyncio.run(seqs.in_database(self._stage.databases[side.server]))
        return None

    def _compare(self, side: Side, measured: Measured, before: Seqs | None, after: Seqs | None) -> None:
        """Every reply stands for a move that was done, and nothing was done twice."""
        if before is None or after is None:
            return
        done = after.applied - before.applied
        if not measured.requests <= done <= measured.sent:
            raise Wrong(
                f"{side.label}: {measured.requests} replies to {measured.sent} requests, {done} moves done"
            )
