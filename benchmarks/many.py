"""One session to a hundred thousand, and everybody who logs in at once.

Sessions are loaded by the service itself, one ``POST …/session`` each, so filling up is a measurement
too. At each step the moves go round all sessions that are there: over a stream at full speed, and then
at a modest pace, at which it is told how far PostgreSQL is behind. The pace is the same at every step,
so with many sessions nearly every move is another session's, which is the most that there can be to
flush.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

import redis
from msgspec import Struct
from msgspec.structs import replace

from benchmarks import load, seqs
from benchmarks.children import Child
from benchmarks.crowd import Crowd
from benchmarks.load import Load, Measured, stream
from benchmarks.load.stream import Watched
from benchmarks.played import Lags, lags_of
from benchmarks.rounds import Wrong
from benchmarks.sides import TOKEN, start
from benchmarks.stage import Stage

CONNECTIONS = 4
LOADS_AT_ONCE = 64
PACE = 1_000.0
FILL_S = 600.0
SETTLE_S = 120.0
Say = Callable[[str], None]


class Storm(Struct, frozen=True):
    """Loads of cold characters that were asked for at once; latencies of those that were done."""

    loads: int
    refused: int
    per_second: float
    p50_ms: float
    p99_ms: float


class Step(Struct, frozen=True):
    """So many sessions. ``durable_after_s``: how long after a run at full speed PostgreSQL had all of it.

    ``bytes_each``: of Redis's memory, all told, above what it had before the first; 0 of a single one.
    """

    sessions: int
    bytes_each: float
    loads_per_second: float
    full_speed: Measured
    cpu_us: float
    durable_after_s: float
    paced: Measured
    lags: Lags


class Many(Struct, frozen=True):
    """All steps, and the storm, which comes between two of them; ``pace`` in moves a second."""

    steps: list[Step]
    storm: Storm
    pace: float


def measure(stage: Stage, steps: Sequence[int], storm: int, seconds: float, seed: int, say: Say) -> Many:
    """Fill, storm and play; ``steps`` go up, and there must be room for the storm between two of them."""
    crowd = Crowd(steps[-1], seed)
    began = time.monotonic()
    asyncio.run(crowd.fill(stage.database("many")))
    say(f"{crowd.count:,} characters of 20 items made in {time.monotonic() - began:.0f} s")
    client = redis.Redis.from_url(stage.redis_url)
    with start("many", stage) as child:
        child.wait_ready()
        ladder = _Ladder(stage, crowd, child, client, seconds)
        found, stormed = [], None
        for number, sessions in enumerate(steps):
            if stormed is None and sessions - ladder.loaded >= storm:
                stormed = ladder.storm(storm)
                say(f"{storm:,} loads at once: {stormed.per_second:,.0f}/s, p99 {stormed.p99_ms:,.0f} ms")
            found.append(ladder.step(number, sessions))
            say(f"{sessions:7,} sessions: {found[-1].full_speed.per_second:10,.0f} moves/s")
    client.close()
    assert stormed is not None, "there is no room for the storm"
    return Many(found, stormed, PACE)


class _Ladder:
    def __init__(self, stage: Stage, crowd: Crowd, child: Child, client: redis.Redis, seconds: float) -> None:
        self._stage, self._crowd, self._child, self._client = stage, crowd, child, client
        self._seconds = seconds
        self._url = stage.databases["many"]
        self._empty_bytes = self._used_bytes()
        self._played = 0
        self.loaded = 0

    def storm(self, count: int) -> Storm:
        """Load ``count`` more, all at once: each has a connection, and all ask in the same moment."""
        found = self._load(range(self.loaded, self.loaded + count), count)
        refused = found.failed
        # Those that were turned away come again, as players do.
        if refused:
            self._fill(range(self.loaded, self.loaded + count))
        self.loaded += count
        return Storm(found.requests, refused, found.requests / found.seconds, found.p50_ms, found.p99_ms)

    def step(self, number: int, sessions: int) -> Step:
        """Go up to ``sessions``, and play with the group of that number."""
        fresh = range(self.loaded, sessions)
        per_second = self._fill(fresh) if fresh else 0.0
        self.loaded = sessions
        bytes_each = (self._used_bytes() - self._empty_bytes) / sessions if sessions > 1 else 0.0
        file = self._stage.home / "many.tsv"
        self._crowd.write_moves(file, sessions, number)
        starts = (0,) * (CONNECTIONS if sessions % CONNECTIONS == 0 else 1)
        todo = stream.job(self._child.url, TOKEN, file, seconds=self._seconds, starts=starts)
        cpu_before = self._child.cpu_s() or 0.0
        fast = stream.run(todo)
        cpu_s = (self._child.cpu_s() or 0.0) - cpu_before
        self._check(fast)
        settle_s = asyncio.run(self._settled())
        paced = stream.run(replace(todo, starts=fast.ends, rate=PACE, watched=Watched(self._url)))
        self._check(paced)
        file.unlink()
        cpu_us = cpu_s * 1e6 / fast.measured.sent
        lags = lags_of(paced.lags_ms)
        return Step(sessions, bytes_each, per_second, fast.measured, cpu_us, settle_s, paced.measured, lags)

    def _fill(self, numbers: Iterable[int]) -> float:
        found = self._load(numbers, LOADS_AT_ONCE)
        if found.failed:
            raise Wrong(f"loading sessions: {found.errors}\n{self._child.last_words()}")
        return found.per_second

    def _load(self, numbers: Iterable[int], connections: int) -> Measured:
        file = self._stage.home / "loads.tsv"
        self._crowd.write_loads(file, numbers)
        return load.once(self._child.url, Load(file, connections, TOKEN), within_s=FILL_S)

    def _check(self, found: stream.Streamed) -> None:
        if found.measured.failed:
            words = self._child.last_words()
            raise Wrong(f"many sessions: {found.measured.errors}, first {found.first_error}\n{words}")
        self._played += found.measured.sent

    def _used_bytes(self) -> int:
        return int(self._client.info("memory")["used_memory"])

    async def _settled(self) -> float:
        """Wait until PostgreSQL has every move; how long it took. One too many would be wrong as well."""
        began = time.monotonic()
        while time.monotonic() - began < SETTLE_S:
            stored = (await seqs.in_database(self._url)).durable
            if stored == self._played:
                return time.monotonic() - began
            await asyncio.sleep(0.05)
        words = self._child.last_words()
        raise Wrong(f"of {self._played} moves {stored} are in PostgreSQL after {SETTLE_S:.0f} s\n{words}")
