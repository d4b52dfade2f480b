"""The rounds: every side in turn, several times over, each run checked."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from benchmarks import load, seqs
from benchmarks.children import Child
from benchmarks.load import Generator, Measured
from benchmarks.options import Options
from benchmarks.seqs import Seqs
from benchmarks.sides import ServerName, Side
from benchmarks.stage import Stage

WARM_UP_S = 1
Say = Callable[[str], None]


class Wrong(Exception):
    """A server answered wrongly; figures of such a run mean nothing."""


class Sample(Struct, frozen=True):
    """One run of one side. CPU in microseconds a request, of the server's process alone.

    ``settle_s``: how long after the load's end all of it was in PostgreSQL, None where it never gets there
    or always is.
    """

    measured: Measured
    cpu_us: float | None
    settle_s: float | None = None


class Rounds:
    """Runs sides, and remembers how far each has got in its file of moves."""

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
        self._positions: dict[str, int] = {}

    def run(self, sides: Sequence[Side]) -> dict[str, list[Sample]]:
        """Samples by side; those of the same index are of the same round."""
        for side in sides:
            self.sample(side, WARM_UP_S)
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
        """One run; raises ``Wrong`` if a reply was not 200, or says what was not done."""
        child = self._children[side.server]
        child.check()
        before = self._seqs(side)
        position = self._positions.get(side.name, 0)
        cpu_before = child.cpu_s()
        measured = load.run(
            self._generator,
            child.url,
            side.load(self._stage, self._options.connections),
            start=position,
            seconds=seconds,
        )
        cpu_after = child.cpu_s()
        child.check()
        self._positions[side.name] = position + measured.sent
        if measured.failed:
            sample = load.first_reply(child.url, side.load(self._stage, self._options.connections))
            raise Wrong(
                f"{side.label}: not all replies were 200: {measured.errors}\n"
                f"the first move now gets {sample}\n{child.last_words()}"
            )
        settle_s = self._settle(side)
        self._compare(side, measured, before, self._seqs(side))
        cpu_us = None if cpu_before is None or cpu_after is None else (cpu_after - cpu_before) * 1e6
        return Sample(measured, None if cpu_us is None else cpu_us / measured.requests, settle_s)

    def _settle(self, side: Side) -> float | None:
        if side.server != "served":
            return None
        return asyncio.run(seqs.settled(self._children["served"].url))[1]

    def _seqs(self, side: Side) -> Seqs | None:
        if side.server in ("served", "paused"):
            return asyncio.run(seqs.over_http(self._children[side.server].url))
        if side.server == "crud":
            return asyncio.run(seqs.in_database(self._stage.databases["crud"]))
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
